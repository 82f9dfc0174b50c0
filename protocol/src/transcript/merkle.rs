//! Merkle trees over leaves that are hashes already: freezes and accepted sets.
//!
//! The shape is that of RFC 9162, section 2.1.1: a tree of n > 1 leaves splits at the greatest power of two
//! below n. Leaves and inner nodes hash under different labels, and the root binds the number of leaves.

use crate::{ids::Hash, keys::Label};

/// The longest proof: trees have fewer than 2^32 leaves.
pub const PROOF_MAX: usize = 32;

/// The root over leaves in their order, bound to their number.
pub fn root(leaves: &[Hash]) -> Hash {
    bind(leaves.len(), subtree(leaves))
}

/// What leads from the leaf at `index` to the root; `None` if there is no such leaf.
pub fn proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at_checked(split(leaves.len()))?;
        if index < left.len() {
            path.push(subtree(right));
            leaves = left;
        } else {
            path.push(subtree(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// A tree with all its nodes, for whoever shows many proofs: each costs no hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The leaves, then each level above; the last node of an odd level goes up as it is.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Hashes the tree over leaves in their order.
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.chunks(2).map(subtree).collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// As [`proof`].
    pub fn proof(&self, index: usize) -> Option<Vec<Hash>> {
        self.levels.first()?.get(index)?;
        let siblings = self.levels.iter().enumerate().filter_map(|(height, level)| {
            let place = index.checked_shr(u32::try_from(height).ok()?)?;
            level.get(place ^ 1).copied()
        });
        Some(siblings.collect())
    }
}

/// Whether `leaf` stands at `index` among the `count` leaves of `root`.
pub fn includes(root: &Hash, count: usize, index: usize, leaf: Hash, proof: &[Hash]) -> bool {
    if index >= count || proof.len() > PROOF_MAX {
        return false;
    }
    // The sides on the way down, to be walked back from the leaf.
    let (mut count_left, mut place, mut sides) = (count, index, Vec::new());
    while count_left > 1 {
        let left = split(count_left);
        let goes_right = place >= left;
        sides.push(goes_right);
        if goes_right {
            place -= left;
            count_left -= left;
        } else {
            count_left = left;
        }
    }
    if sides.len() != proof.len() {
        return false;
    }
    let top = proof.iter().zip(sides.iter().rev()).fold(leaf, |node, (other, right)| {
        if *right { inner(*other, node) } else { inner(node, *other) }
    });
    bind(count, top) == *root
}

fn subtree(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(Label::Node, &[]),
        [leaf] => *leaf,
        [_, ..] => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            inner(subtree(left), subtree(right))
        }
    }
}

/// The greatest power of two below `count`, which is at least 2.
const fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

fn inner(left: Hash, right: Hash) -> Hash {
    Hash::of(Label::Node, &[&left.0, &right.0])
}

fn bind(count: usize, top: Hash) -> Hash {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    Hash::of(Label::Node, &[&count.to_le_bytes(), &top.0])
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test stops where it is wrong")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| Hash::of(Label::Leaf, &[&i.to_le_bytes()])).collect()
    }

    proptest! {
        #[test]
        fn a_leaf_is_included_at_its_own_place_only(
            count in 1..70_usize, index in 0..70_usize, other in 0..70_usize,
        ) {
            let leaves = leaves(count);
            let top = root(&leaves);
            prop_assert_eq!(Tree::new(leaves.clone()).proof(index), proof(&leaves, index));
            let Some(path) = proof(&leaves, index) else {
                prop_assert!(index >= count);
                return Ok(());
            };
            prop_assert!(includes(&top, count, index, leaves[index], &path));
            prop_assert_eq!(includes(&top, count, other, leaves[index], &path), other == index);
            prop_assert!(!includes(&top, count + 1, index, leaves[index], &path));
            prop_assert!(!includes(&top, count, index, Hash([0; 32]), &path));
            prop_assert!(!includes(&top, count, index, leaves[index], &[&path[..], &[top]].concat()));
        }
    }

    #[test]
    fn no_place_beyond_the_leaves_is_included() {
        for count in 1..20 {
            let leaves = leaves(count);
            let (top, last) = (root(&leaves), leaves[count - 1]);
            let path = proof(&leaves, count - 1).unwrap();
            assert!(includes(&top, count, count - 1, last, &path));
            assert!(!includes(&top, count, count, last, &path), "{count}");
        }
    }

    /// In the largest tree: nobody has its leaves, but a proof is the other half at every height.
    #[test]
    fn the_longest_proof_is_taken_and_no_longer_one() {
        let (count, others) = (usize::try_from(u32::MAX).unwrap(), leaves(PROOF_MAX + 1));
        let (leaf, (last, others)) = (Hash([7; 32]), others.split_last().unwrap());
        let top = bind(count, others.iter().fold(leaf, |node, other| inner(node, *other)));
        assert!(includes(&top, count, 0, leaf, others));
        assert!(!includes(&top, count, 0, leaf, &[others, &[*last]].concat()));
    }

    #[test]
    fn roots_differ_by_every_leaf_and_by_number() {
        let all = leaves(5);
        assert_ne!(root(&all), root(&all[..4]));
        assert_ne!(root(&all[..1]), all[0]);
        let mut swapped = all.clone();
        swapped.swap(0, 1);
        assert_ne!(root(&all), root(&swapped));
        assert_ne!(root(&[]), root(&all[..1]));
    }
}
