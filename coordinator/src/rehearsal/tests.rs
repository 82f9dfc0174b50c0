use super::*;
use crate::{campaign, world};

const START: Time = Time::from_millis(1_800_000_000_000);

fn rehearsed(text: &str, expected: Expected) -> Rehearsal {
    let file = campaign::parse(text).unwrap();
    rehearse(&file, expected, START, &TimeZone::UTC).unwrap()
}

fn small() -> Rehearsal {
    rehearsed(&world::file(), Expected::default())
}

#[test]
fn a_campaign_is_rehearsed_as_planned_with_a_loss_and_with_too_few() {
    let rehearsal = small();
    let [planned, lost, few] = &rehearsal.runs[..] else { panic!("{rehearsal:?}") };
    assert!(planned.is_whole() && lost.is_whole(), "{rehearsal:?}");
    assert_eq!(planned.enrolled, planned.members + planned.donors);
    let asked = planned.asked.unwrap();
    assert!((1..=asked.candidates).contains(&asked.asked) && asked.willing <= asked.asked);
    assert!(lost.sums.iter().all(|sum| sum.keyholders_lost == 1), "{lost:?}");
    assert_eq!(few.asked, None);
    let why = few.sums[0].aborted.as_deref().unwrap();
    assert!(why.starts_with("closed with 11 of 12 needed"), "{why}");
    assert!(rehearsal.holds(), "{:?}", rehearsal.advice);
    // The same file at the same time is the same rehearsal.
    assert_eq!(rehearsal, small());
}

#[test]
fn what_cannot_be_recovered_or_reached_is_to_be_corrected() {
    let brittle = world::file().replacen("recovery_threshold = 4", "recovery_threshold = 0", 1);
    let brittle = rehearsed(&brittle, Expected::default());
    assert!(brittle.advice.iter().any(|of| of.key == "privacy.recovery_threshold"));
    assert!(!brittle.runs[1].is_whole() && brittle.holds());

    // Within what a plan may say, but people do not look every moment.
    let slow = world::file().replacen("patience = \"20 s\"", "patience = \"39 s\"", 1);
    let slow = rehearsed(&slow, Expected::default());
    assert!(!slow.holds());
    assert_eq!(slow.advice[0].key, "times.patience", "{:?}", slow.advice);

    let crowd = rehearsed(&world::file(), Expected { members: Some(5), donors: None });
    assert!(!crowd.holds());
    assert_eq!(crowd.advice[0].key, "privacy.cohort", "{:?}", crowd.advice);
    let words = crowd.words(&TimeZone::UTC);
    assert!(
        words.contains("To correct before the campaign can work:\n   privacy.cohort: "),
        "{words}"
    );
}

#[test]
fn scores_in_the_open_are_rehearsed() {
    let text = world::file().replacen("mode = \"histogram\"", "mode = \"open-scores\"", 1);
    let text = text.replacen("confirmation = true", "confirmation = false", 1);
    let rehearsal = rehearsed(&text, Expected::default());
    let [planned, lost, many] = &rehearsal.runs[..] else { panic!("{rehearsal:?}") };
    assert!(planned.is_whole() && lost.is_whole(), "{rehearsal:?}");
    assert_eq!((planned.members, planned.asked.unwrap().asked), (8, 3), "by rank, with no-shows");
    assert_eq!((many.members, many.asked), (12, None));
    let why = many.sums[0].aborted.as_deref().unwrap();
    assert!(why.starts_with("12 members are enough for a private sum"), "{why}");
    assert!(rehearsal.holds(), "{:?}", rehearsal.advice);

    let crowd = rehearsed(&text, Expected { members: Some(12), donors: None });
    assert!(!crowd.holds());
    assert_eq!(crowd.advice[0].key, "selection.mode", "{:?}", crowd.advice);
    let wanted = text.replacen("flip_budget = 3", "flip_budget = 11", 1);
    let wanted = rehearsed(&wanted, Expected::default());
    let advice = &wanted.advice[0];
    assert!(advice.must && advice.what.ends_with("fewer than 12 members only."), "{advice:?}");
}

#[test]
fn what_nobody_s_program_accepts_is_to_be_corrected() {
    let text = world::file().replacen("\nnoise = \"none\"", "\nepsilon = 20.0", 1);
    let costly = rehearsed(&text, Expected::default());
    assert!(!costly.holds());
    let advice = costly.advice.iter().find(|of| of.key == "privacy.epsilon").unwrap();
    assert!(advice.must && advice.what.contains("at most 8000 are accepted"), "{advice:?}");
}

#[test]
fn a_published_sample_is_rehearsed_without_donors() {
    let text = world::file().replacen("method = \"random\"", "method = \"rb-prob\"", 1);
    let person = |(positive, age)| {
        let record =
            format!("age = {age}, applications = 3, employed = true, household = \"couple\"");
        format!("[[published.person]]\npositive = {positive}\nrecord = {{ {record} }}\n")
    };
    let people = [(true, 70), (false, 25), (true, 52), (false, 31)].map(person).concat();
    let agreed = "agreed = \"Each has signed that record and label may stand in public.\"";
    let published =
        rehearsed(&format!("{text}\n[published]\n{agreed}\n{people}"), Expected::default());
    let [planned, lost, few] = &published.runs[..] else { panic!("{published:?}") };
    assert!(planned.is_whole() && lost.is_whole() && !few.is_whole(), "{published:?}");
    let kinds: Vec<_> = planned.sums.iter().map(|sum| &*sum.kind).collect();
    assert_eq!((planned.donors, kinds), (0, vec!["selection", "confirmation"]));
    assert!(planned.asked.unwrap().asked > 0 && published.holds(), "{:?}", published.advice);
    let words = published.words(&TimeZone::UTC);
    assert!(words.contains("\nIn the open: This campaign publishes records"), "{words}");
}
