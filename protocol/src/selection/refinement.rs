//! A second pass: the members of the boundary bin mark finer bins of it, all others "not a candidate".

use serde::{Deserialize, Serialize};

use super::{
    threshold::{Histogram, Rule, Stack, Threshold, ThresholdError, deviations},
    unit::{Bins, Unit},
};

/// Who is asked after a second pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refined {
    /// Decides outside its own boundary bin, and in it if nothing is finer.
    pub coarse: Threshold,
    /// Decides in the boundary bin.
    pub fine: Option<Fine>,
}

/// A threshold within one bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fine {
    /// Slices of the boundary bin.
    pub bins: Bins,
    /// Over these.
    pub threshold: Threshold,
}

impl Refined {
    /// Whether a candidate is asked; `bins` are those of the first pass.
    ///
    /// In the boundary bin only members whose second report was accepted may be asked.
    pub fn decides(self, bins: Bins, score: Unit, draw: u32) -> bool {
        let bin = bins.bin(score);
        match self.fine {
            Some(fine) if bin == self.coarse.bin => {
                fine.threshold.decides(fine.bins.bin(score), draw)
            }
            _ => self.coarse.decides(bin, draw),
        }
    }
}

impl Rule {
    /// The threshold of two passes: the bins above `boundary`'s, then the finer ones in it.
    ///
    /// The bound is that of [`super::threshold`], over all S (S' + 1) sums that could have been looked at,
    /// each with the variance of its own noise. With noise it can end above the boundary bin.
    ///
    /// # Errors
    /// [`ThresholdError`] for an impossible rule or histogram, or finer bins of another bin.
    pub fn refine(
        self,
        coarse: &Histogram,
        boundary: Threshold,
        fine: &Histogram,
    ) -> Result<Refined, ThresholdError> {
        coarse.check()?;
        fine.check()?;
        let depth = coarse.bins.place(boundary)?.depth;
        if coarse.bins.within(boundary.bin, fine.bins.count()) != Ok(fine.bins) {
            return Err(ThresholdError::Slice { bin: boundary.bin });
        }
        let sums = u32::from(coarse.bins.count()) * (u32::from(fine.bins.count()) + 1);
        let z = deviations(sums);
        let exact = coarse.sigma_milli == 0 && fine.sigma_milli == 0;
        let mut stack = Stack::new(coarse.reporters, exact);
        let mut variance = 0.0;
        let above = coarse.counts.iter().rev().take(depth).map(|count| (count, coarse.variance()));
        let within = fine.counts.iter().rev().map(|count| (count, fine.variance()));
        for (&count, of_one) in above.chain(within) {
            variance += of_one;
            stack.push(count, z * variance.sqrt());
        }
        let mut place = stack.reach(self.target()?).min(stack.safest(self.safe_cap));
        if place.depth < depth {
            return Ok(Refined { coarse: coarse.bins.threshold(place), fine: None });
        }
        place.depth -= depth;
        let threshold = fine.bins.threshold(place);
        Ok(Refined { coarse: boundary, fine: Some(Fine { bins: fine.bins, threshold }) })
    }
}
