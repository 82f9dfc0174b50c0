use super::*;
use proptest::prelude::*;

const PERSON: Target = Target::Person(CampaignId([0xc0; 32]));

fn invite(address: &str, target: Target) -> Invite {
    let secret = InviteSecret::from_bytes([0x5a; 16]);
    Invite { address: address.parse().unwrap(), certificate: [0xce; 32], target, secret }
}

fn any_invite() -> impl Strategy<Value = Invite> {
    let host = prop_oneof![
        any::<[u8; 4]>().prop_map(|number| Host::V4(number.into())),
        any::<[u8; 16]>().prop_map(|number| Host::V6(number.into())),
        "[a-z][a-z0-9]{0,9}(\\.[a-z]{1,12}){0,3}"
            .prop_map(|name| Host::Name(name.parse().unwrap())),
    ];
    let target = prop_oneof![
        any::<[u8; 32]>().prop_map(|campaign| Target::Person(CampaignId(campaign))),
        (any::<[u8; 32]>(), 0..SEATS_MAX).prop_map(|(plan, seat)| Target::Keyholder {
            plan: PlanId(plan),
            seat: Seat::new(seat)
        }),
    ];
    (host, 1..=u16::MAX, any::<[u8; 32]>(), target, any::<[u8; 16]>()).prop_map(
        |(host, port, certificate, target, secret)| Invite {
            address: Address::new(host, port).unwrap(),
            certificate,
            target,
            secret: InviteSecret::from_bytes(secret),
        },
    )
}

/// Where the characters of groups stand in a code, with their group's number.
fn places(code: &str) -> Vec<(usize, usize)> {
    let from = PREFIX.len() + 1;
    let groups = code[from..].split('-').enumerate();
    groups
        .flat_map(|(group, text)| {
            (0..text.len())
                .map(move |place| (from + group * (groups::GROUP + 1) + place, group + 1))
        })
        .collect()
}

/// The group that is named; nothing if the code is read.
fn named(text: &str) -> Option<usize> {
    match Invite::parse(text) {
        Ok(_) => None,
        Err(InviteError::Group(GroupError { number, .. })) => Some(number),
        Err(other) => panic!("{other}"),
    }
}

fn with(code: &str, place: usize, character: char) -> String {
    let mut characters: Vec<char> = code.chars().collect();
    characters[place] = character;
    characters.into_iter().collect()
}

#[test]
fn a_code_is_short_enough_for_a_small_symbol() {
    let code = invite("203.0.113.7:4433", PERSON);
    // Alphanumeric capacity of QR versions at level L: 6 holds 195 characters, 7 holds 224.
    assert_eq!(code.qr_text().len(), 173);
    assert_eq!(invite("vote.example:4433", PERSON).qr_text().len(), 190);
    let longest = format!("{}.{0}.{0}.{}:1", "a".repeat(63), "b".repeat(61));
    let seat = Target::Keyholder { plan: PlanId([1; 32]), seat: Seat::new(14) };
    let longest = invite(&longest, seat);
    assert_eq!(longest.code().len(), 710);
    assert_eq!(Invite::parse(&longest.code()), Ok(longest));
}

#[test]
fn the_bytes_of_a_code_are_as_documented() {
    let code = invite("203.0.113.7:4433", PERSON);
    let body =
        [&[1, 203, 0, 113, 7, 0x51, 0x11][..], &[0xce; 32], &[0xc0; 32], &[0x5a; 16]].concat();
    assert_eq!(*code.to_bytes(), [&body[..], &checksum(&body)].concat());
    let seat = Target::Keyholder { plan: PlanId([0xc0; 32]), seat: Seat::new(2) };
    let bytes = invite("a.b:1", seat).to_bytes();
    assert_eq!(bytes[..7], [4, 3, b'a', b'.', b'b', 1, 0]);
    assert_eq!(bytes[71], 2);
    assert!(code.code().starts_with("concert1-0"), "{}", *code.code());
}

#[test]
fn what_is_no_code_is_told_apart() {
    let parse = |text: &str| Invite::parse(text).unwrap_err();
    let code = invite("vote.example:4433", PERSON).code();
    assert_eq!(parse(""), InviteError::Prefix);
    assert_eq!(parse("concrt1"), InviteError::Prefix);
    assert_eq!(parse(&code.replacen("concert1", "concert2", 1)), InviteError::Version { got: '2' });
    assert_eq!(parse(PREFIX), InviteError::Incomplete);
    assert_eq!(parse(&"c".repeat(3_000)), InviteError::TooLong { got: 3_000 });
    assert_eq!(parse(&code[..code.len() - 7]), InviteError::Incomplete);
    // Made by a program that is not ours: whole groups and a right checksum around what cannot be.
    for (at, byte, what) in [(0, 0x1c, "kind"), (0, 3, "host"), (1, 0, "host"), (2, b'V', "host")] {
        let mut bytes = invite("vote.example:4433", PERSON).to_bytes();
        bytes[at] = byte;
        let body = bytes.len() - CHECKSUM_BYTES;
        bytes.truncate(body);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let text = format!("{PREFIX}{}", *groups::encode(&bytes, ""));
        assert_eq!(parse(&text), InviteError::Content { what });
    }
}

#[test]
fn a_wrong_group_is_named_as_people_count_it() {
    let code = invite("vote.example:4433", PERSON).code();
    let (place, _) = places(&code)[2 * groups::GROUP];
    let wrong = if code.as_bytes()[place] == b'x' { 'y' } else { 'x' };
    let typed = with(&code, place, wrong);
    let group = typed.split('-').nth(3).unwrap();
    let expected = format!("the checksum does not fit: look at the 3rd group, \"{group}\"");
    assert_eq!(Invite::parse(&typed).unwrap_err().to_string(), expected);
    assert_eq!(
        [1, 2, 11, 12, 13, 21, 22, 23].map(ordinal).join(" "),
        "1st 2nd 11th 12th 13th 21st 22nd 23rd"
    );
    // The text of a group does not reach a log by way of `Debug`.
    assert!(!format!("{:?}", Invite::parse(&typed)).contains(group));
}

#[test]
fn secrets_of_invites_do_not_print() {
    let printed = format!("{:?}", invite("vote.example:4433", PERSON));
    assert!(printed.contains("InviteSecret([redacted])"), "{printed}");
    let secret = InviteSecret::from_bytes([7; 16]);
    let other = InviteSecret::from_bytes([8; 16]);
    assert!(secret == secret.clone() && secret != other);
    assert_ne!(secret.hash(), other.hash());
    assert_ne!(secret.access_key().public(), other.access_key().public());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_code_is_read_as_it_was_made(invite in any_invite()) {
        let code = invite.code();
        prop_assert_eq!(Invite::parse(&code), Ok(invite.clone()));
        prop_assert_eq!(Invite::parse(&invite.qr_text()), Ok(invite.clone()));
        let typed = code.replace('0', "O").replace('1', "l").replace('-', " \u{2011}\n");
        prop_assert_eq!(Invite::parse(&typed), Ok(invite));
    }

    #[test]
    fn every_wrong_character_is_found_in_its_group(invite in any_invite()) {
        let code = invite.code();
        for (place, group) in places(&code) {
            for wrong in "0123456789abcdefghjkmnpqrstvwxyz!u".chars() {
                if !code[place..].starts_with(wrong) {
                    let typed = with(&code, place, wrong);
                    prop_assert_eq!(named(&typed), Some(group));
                    prop_assert_eq!(named(&typed.replace('-', "")), Some(group));
                }
            }
        }
    }

    #[test]
    fn every_swap_of_two_neighbours_is_found_in_its_group(invite in any_invite()) {
        let code = invite.code();
        for pair in places(&code).windows(2) {
            let [(left, group), (right, _)] = *pair else { unreachable!() };
            let (first, second) = (code.as_bytes()[left], code.as_bytes()[right]);
            if first != second {
                let typed = with(&with(&code, left, second.into()), right, first.into());
                prop_assert_eq!(named(&typed), Some(group));
            }
        }
    }

    #[test]
    fn a_character_that_is_missing_or_doubled_is_found_in_its_group(invite in any_invite()) {
        let code = invite.code();
        let places = places(&code);
        let last = places.last().unwrap().1;
        for (place, group) in places {
            let mut missing = String::from(code.as_str());
            let character = missing.remove(place);
            let mut doubled = String::from(code.as_str());
            doubled.insert(place, character);
            for typed in [missing, doubled] {
                prop_assert!(Invite::parse(&typed).is_err());
                if group < last {
                    prop_assert_eq!(named(&typed), Some(group));
                }
                prop_assert!(Invite::parse(&typed.replace('-', "")).is_err());
            }
        }
    }

    #[test]
    fn groups_that_are_missing_doubled_or_exchanged_are_found(invite in any_invite()) {
        let code = invite.code();
        let groups: Vec<&str> = code.split('-').collect();
        for place in 1..groups.len() - 1 {
            let (mut missing, mut doubled, mut exchanged) =
                (groups.clone(), groups.clone(), groups.clone());
            missing.remove(place);
            doubled.insert(place, groups[place]);
            exchanged.swap(place, place + 1);
            prop_assert!(Invite::parse(&missing.join("-")).is_err());
            prop_assert!(Invite::parse(&doubled.join("-")).is_err());
            prop_assert!(groups[place] == groups[place + 1] || Invite::parse(&exchanged.join("-")).is_err());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}", tail in "[0-9a-z -]{0,200}") {
        prop_assert!(Invite::parse(&text).is_err());
        let begun = [PREFIX, &tail].concat();
        prop_assert!(Invite::parse(&begun).is_err());
    }
}
