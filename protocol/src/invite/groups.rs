//! Bytes as text that people can retype: groups of base32 characters, each with a check character of its own.
//!
//! The alphabet is Crockford's: no i, l, o or u, so that what is often confused is no mistake. A group is up to seven
//! characters and one check character, which makes it a code word of a Reed-Solomon code over GF(32): its
//! polynomial, begun with the group's number, vanishes at the field's generator. A wrong character or two
//! neighbours swapped are always found, in their own group; so is a group that is missing, doubled or moved.

use super::{GroupError, InviteError};
use zeroize::Zeroizing;

/// The 32 characters, by the value they stand for.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a group that hold bytes.
const GROUP_DATA: usize = 7;

/// Characters of a whole group: its bytes and its check.
pub(super) const GROUP: usize = GROUP_DATA + 1;

/// A character's value, 0 to 31; nothing if it is none of a code.
fn value(character: char) -> Option<u8> {
    let plain = match character.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|symbol| char::from(*symbol) == plain)?;
    u8::try_from(place).ok()
}

fn character(value: u8) -> char {
    char::from(*ALPHABET.get(usize::from(value & 31)).expect("five bits are below 32"))
}

/// Whether a character only makes a code easier to read.
pub(super) fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Text as it was typed, without separators, and with what is often confused made alike.
pub(super) fn plain(text: &str) -> Zeroizing<String> {
    let plain = |typed: char| value(typed).map_or(typed, character);
    Zeroizing::new(text.chars().filter(|typed| !is_separator(*typed)).map(plain).collect())
}

/// Times the generator of GF(32), whose polynomial is x^5 + x^2 + 1.
const fn doubled(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 32 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

/// The value at the generator of the polynomial with these coefficients, highest first, in the group of this number.
fn remainder(group: usize, values: impl IntoIterator<Item = u8>) -> u8 {
    let start = u8::try_from(group % 31 + 1).expect("at most 31");
    values.into_iter().fold(start, |sum, value| doubled(sum) ^ value)
}

/// Bytes as groups, joined by `separator`.
pub(super) fn encode(bytes: &[u8], separator: &str) -> Zeroizing<String> {
    let mut values = Zeroizing::new(Vec::new());
    let (mut held, mut bits) = (0_u16, 0);
    for byte in bytes {
        held = (held & 31) << 8 | u16::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            values.push(low_five(held >> bits));
        }
    }
    if bits > 0 {
        values.push(low_five(held << (5 - bits)));
    }
    let mut text = Zeroizing::new(String::with_capacity(values.len() * 2));
    for (group, data) in values.chunks(GROUP_DATA).enumerate() {
        if group > 0 {
            text.push_str(separator);
        }
        let check = doubled(remainder(group, data.iter().copied()));
        text.extend(data.iter().chain([&check]).map(|value| character(*value)));
    }
    text
}

fn low_five(word: u16) -> u8 {
    u8::try_from(word & 31).expect("five bits fit")
}

/// The bytes of groups as they were typed. Bits left over are zero, so that no two texts mean the same bytes.
///
/// # Errors
/// [`InviteError::Group`], which names the first group that is wrong.
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, InviteError> {
    let plain = plain(text);
    let characters: Zeroizing<Vec<char>> = Zeroizing::new(plain.chars().collect());
    let checked = characters.chunks(GROUP).enumerate().map(|(group, text)| values(group, text));
    let values = checked.collect::<Result<Vec<_>, _>>()?;
    let values = Zeroizing::new(values.concat());
    let mut bytes = Zeroizing::new(Vec::with_capacity(values.len()));
    let (mut held, mut bits) = (0_u16, 0);
    for value in values.iter() {
        held = (held & 127) << 5 | u16::from(*value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).expect("eight bits fit"));
        }
    }
    if bits >= 5 || held & ((1 << bits) - 1) != 0 {
        return Err(InviteError::Incomplete);
    }
    Ok(bytes)
}

/// The values of a group without its check.
fn values(group: usize, text: &[char]) -> Result<Vec<u8>, GroupError> {
    let fault = || GroupError { number: group + 1, text: text.iter().collect::<String>().into() };
    let mut values =
        text.iter().map(|typed| value(*typed)).collect::<Option<Vec<_>>>().ok_or_else(fault)?;
    if values.len() < 2 || remainder(group, values.iter().copied()) != 0 {
        return Err(fault());
    }
    values.pop();
    Ok(values)
}

/// The first wrong group if groups are what the separators say; nothing if there are none or all would be right.
pub(super) fn first_wrong_as_typed(text: &str) -> Option<GroupError> {
    let typed: Vec<Vec<char>> = text
        .split(is_separator)
        .filter(|group| !group.is_empty())
        .map(|group| group.chars().collect())
        .collect();
    if typed.len() < 2 {
        return None;
    }
    let last = typed.len() - 1;
    typed.iter().enumerate().find_map(|(number, group)| {
        let whole = group.len() == GROUP || number == last && group.len() < GROUP;
        let fault =
            || GroupError { number: number + 1, text: group.iter().collect::<String>().into() };
        if whole { values(number, group).err() } else { Some(fault()) }
    })
}
