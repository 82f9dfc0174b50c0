//! A whole campaign of real programs: one coordinator, five keyholders and sixty people as processes over loopback, from
//! `init` to `report`, with people who leave, kills of the coordinator and of people, and a keyholder who is lost. What comes
//! of it is what the simulator computes from the same records, public randomness and campaign keys.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use protocol::aggregation::noise::Role;
use protocol::campaign::Kind;
use protocol::transcript::{Transcript, file};
use serde_json::Value;
use sims::campaign::hindsight::{Hindsight, Subject};
use tests::people::{Counts, Dice, Subject as Written, decision_word, made_up};
use tests::stage::{Stage, Terms, beat};

const MEMBERS: usize = 34;
const DONORS: usize = 26;
/// People who are there until the end, but for those below.
const LEAVE: usize = 6;
/// People whose program is killed and started again.
const KILLED: usize = 5;
const SEED: u64 = 7;
const KINDS: [&str; 5] = ["audit-before", "regressor", "selection", "confirmation", "audit-after"];
/// For anything that must happen at all; what is late by the plan's times is late, not wrong.
const LONG: Duration = Duration::from_mins(4);

fn terms(beat: f64) -> Terms {
    Terms {
        keyholders: 5,
        recovery_threshold: 4,
        reporters_max: 60,
        donors: 26,
        flip_budget: 5,
        safe_cap: 9,
        joining: 28.0,
        enrolling: 6.0,
        // Longer than patience: nothing opens before whoever is lost is declared so.
        collecting: 16.0,
        closing: 6.0,
        patience: 5.0,
        audits: true,
        beat,
        ..Terms::smallest()
    }
}

#[test]
fn real_programs_do_what_the_simulator_computes() {
    let stage = Stage::new(&terms(beat().unwrap())).unwrap();
    let people = made_up(Counts { members: MEMBERS, donors: DONORS }, SEED);
    let init = ["init", "--from", "campaign.toml", "--notices-read"];
    stage.done(&mut stage.coordinator(&init), LONG).unwrap();
    assert_eq!(stage.appoint(LONG).unwrap(), 5);
    let run_coordinator = || stage.run_coordinator("6s", LONG).unwrap();
    let coordinator = run_coordinator();
    let mut watch = stage.watch().unwrap();
    let seated = stage.ceremony(5, LONG).unwrap();
    let mut keyholders: Vec<_> = seated.into_iter().map(|of| of.running).collect();

    let campaign = stage.invite(&mut watch, &people, LONG).unwrap();
    stage.consent(&campaign).unwrap();
    let (leaving, killed) = (0..LEAVE, LEAVE..LEAVE + KILLED);
    let (ended, results, coordinator) = thread::scope(|scope| {
        let stage = &stage;
        let everybody: Vec<_> = (0..people.len())
            .map(|number| {
                let (leaves, crashes) =
                    (leaving.contains(&spread(number)), killed.contains(&spread(number)));
                let person = &people[number];
                scope.spawn(move || takes_part(stage, (number, person), leaves, crashes))
            })
            .collect();
        // Everything is lost that was not on the disk: in the middle of joining, and of a collection.
        watch.event(LONG, |status| status["invites"]["used"].as_u64() > Some(20)).unwrap();
        coordinator.kill().unwrap();
        let coordinator = run_coordinator();
        watch.event(LONG, |status| reports(status, "selection") > 3).unwrap();
        coordinator.kill().unwrap();
        let coordinator = run_coordinator();
        // One keyholder's machine is gone; the others have tried to reach its person.
        watch.event(LONG, |status| phase(status, "selection") == "done").unwrap();
        keyholders.pop().unwrap().kill().unwrap();
        for seat in 1..=4 {
            let lost = ["keyhold", "lost", "5", "--yes"];
            stage.done(&mut stage.participant(&format!("seat-{seat}"), &lost), LONG).unwrap();
        }
        let ended = watch.event(LONG, |status| status["stage"] == "over").unwrap();
        let results: Vec<_> = everybody.into_iter().map(|one| one.join().unwrap()).collect();
        (ended, results, coordinator)
    });
    for aggregation in KINDS {
        assert_eq!(phase(&ended, aggregation), "done", "{ended}");
    }
    assert_eq!(coordinator.end(LONG).unwrap().code, Some(0), "it lingers and ends by itself");
    for keyholder in keyholders {
        assert_eq!(keyholder.end(LONG).unwrap().code, Some(0));
    }

    let transcript = fs::read(stage.path("coordinator/transcript")).unwrap();
    let transcript = file::follow(&transcript, |_, _, _| {}).unwrap();
    agrees_with_the_simulator(&stage, &transcript, &people, &results);
    let id = transcript.plan().of_kind(Kind::Confirmation).unwrap();
    assert_eq!(transcript.sum(id).unwrap().lost().len(), 1, "the lost keyholder was recovered");
    afterwards(&stage, &transcript);
}

/// A sum over the accepted reports is the plaintext sum, and everybody is told what the simulator computes.
fn agrees_with_the_simulator(
    stage: &Stage,
    transcript: &Transcript,
    people: &[Written],
    results: &[Option<Told>],
) {
    let schema = &transcript.plan().scoring.schema;
    let person = |(number, person): (usize, &Written)| {
        let secret = stage.campaign_key(&name(number)).unwrap();
        let accepted_after = results[number].as_ref().and_then(|of| of.accepted_after);
        Subject { person: person.person(schema, secret).unwrap(), accepted_after }
    };
    let known: Vec<Subject> = people.iter().enumerate().map(person).collect();
    let hindsight = Hindsight::of(transcript, &known).unwrap();
    assert_eq!(hindsight.sums.len(), KINDS.len());
    for (id, sum) in &hindsight.sums {
        assert_eq!(transcript.opened(*id).as_ref(), Some(sum), "{id}");
    }
    let told = |wanted: &str| -> BTreeSet<usize> {
        let results = results.iter().enumerate();
        let is_told = |of: &Option<Told>| {
            of.as_ref().is_some_and(|told| told.asked.as_deref() == Some(wanted))
        };
        results.filter(|(_, of)| is_told(of)).map(|(of, _)| of).collect()
    };
    let (flip, keep) = (told("flip"), told("keep"));
    assert!(flip.is_subset(&hindsight.asked), "{flip:?} of {:?}", hindsight.asked);
    assert!(keep.is_disjoint(&hindsight.asked), "{keep:?} and {:?}", hindsight.asked);
    assert!(flip.len() >= 2 && flip.len() + keep.len() >= 20, "{flip:?} {keep:?}");
    // The confirmation counts those who were asked, reported and said so.
    let id = transcript.plan().of_kind(Kind::Confirmation).unwrap();
    let counted = &hindsight.counted[&id];
    let flipped = flip.iter().filter(|of| people[**of].complies && counted.contains(of)).count();
    assert_eq!(hindsight.sums[&id].values()[0], i64::try_from(flipped).unwrap());
    // The audits count decisions by group and label, as those wrote them down who reported.
    let after = |of: usize| results[of].as_ref().and_then(|told| told.accepted_after);
    for kind in [Kind::AuditBefore, Kind::AuditAfter] {
        let decision =
            |of: usize| if kind == Kind::AuditAfter { after(of) } else { people[of].decision };
        let id = transcript.plan().of_kind(kind).unwrap();
        let counts = audited(people, &hindsight.counted[&id], decision);
        assert_eq!(transcript.opened(id).unwrap().values(), counts, "{kind:?}");
        assert!(counts[..8].iter().sum::<i64>() >= 10, "{kind:?} {counts:?}");
    }
}

/// By group, label and decision; last come those who know none.
fn audited(
    people: &[Written],
    counted: &BTreeSet<usize>,
    decision: impl Fn(usize) -> Option<bool>,
) -> Vec<i64> {
    let mut counts = vec![0; 9];
    for of in counted {
        let minority = usize::from(people[*of].role == Role::Member);
        let positive = usize::from(people[*of].positive);
        let place = decision(*of).map(|decided| 4 * minority + 2 * positive + usize::from(decided));
        counts[place.unwrap_or(8)] += 1;
    }
    counts
}

/// What everybody can check, and the organiser's last steps.
fn afterwards(stage: &Stage, transcript: &Transcript) {
    let file = "coordinator/transcript";
    let verify = stage.done(&mut stage.coordinator(&["verify", file, "--json"]), LONG);
    assert_eq!(verify.unwrap().events("verified")[0]["complete"], true);
    let last = name(MEMBERS - 1);
    let receipts = stage.participant(&last, &["verify", file, "--json"]);
    let receipts = stage.done(&mut { receipts }, LONG).unwrap().events("verified");
    assert!(
        receipts.iter().all(|of| of["counted"] == true) && !receipts.is_empty(),
        "{receipts:?}"
    );
    stage.done(&mut stage.coordinator(&["report", "--out", "report.json"]), LONG).unwrap();
    let report = fs::read_to_string(stage.path("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["keyholders"][4]["lost"], 2, "{report}");
    assert_eq!(report["sums"].as_array().unwrap().len(), KINDS.len());
    // Small counts are withheld.
    for (place, kind) in [(0, Kind::AuditBefore), (4, Kind::AuditAfter)] {
        let opened = transcript.opened(transcript.plan().of_kind(kind).unwrap()).unwrap().values();
        let counts = report["sums"][place]["counts"].as_array().unwrap();
        assert_eq!(counts.len(), opened.len(), "{report}");
        let mut both = counts.iter().zip(opened);
        assert!(
            both.all(|(of, opened)| of["count"].is_null() || of["count"] == opened),
            "{report}"
        );
    }
}

fn name(number: usize) -> String {
    format!("person-{}", number + 1)
}

/// The same people in another order, so that members and donors leave.
fn spread(number: usize) -> usize {
    number * 7 % (MEMBERS + DONORS)
}

/// What somebody who stays to the end is told and says.
struct Told {
    asked: Option<String>,
    accepted_after: Option<bool>,
}

/// One person, from the code to the end; nothing if it leaves.
fn takes_part(
    stage: &Stage,
    (number, person): (usize, &Written),
    leaves: bool,
    crashes: bool,
) -> Option<Told> {
    let (who, code) = (name(number), format!("{}.code", name(number)));
    let record = format!("{who}.csv");
    let known = ["1", "2,4", "3"][number % 3];
    let prepared = ["--record", &record, "--know", known, "--yes", "--consent-file", "consent"];
    let join = [&["join", "--json", "--code-file", &code][..], &prepared].concat();
    let mut joining = stage.start(&mut stage.participant(&who, &join)).unwrap();
    if crashes && number.is_multiple_of(2) {
        // In the middle of the first connections; the same command goes on.
        joining.event(LONG, |event| event["event"] == "campaign").unwrap();
        drop(joining);
        joining = stage.start(&mut stage.participant(&who, &join)).unwrap();
    }
    let joined = joining.end(LONG).unwrap();
    if joined.code != Some(0) {
        // Joining has lasted until reports were due: they are made, or missed, by `run`.
        assert!(matches!(joined.code, Some(5 | 10 | 11 | 12 | 75)), "{who}: {}", joined.all());
    }
    if leaves {
        return None;
    }
    let accepted_after = says_a_decision(stage, number, person);
    let run = ["run", "--json"];
    let mut running = stage.start(&mut stage.participant(&who, &run)).unwrap();
    if crashes {
        let mut dice = Dice(SEED + number as u64);
        let lines = dice.below(3);
        for _ in 0..=lines {
            // Or it has ended by itself: then the second one must find the same end.
            let _ = running.event(LONG, |event| event["event"] == "waiting");
        }
        drop(running);
        running = stage.start(&mut stage.participant(&who, &run)).unwrap();
    }
    let ended = running.end(LONG).unwrap();
    assert!(matches!(ended.code, Some(0 | 11)), "{who}: {}", ended.all());
    let result = ended.events("result");
    let asked = result.first().map(|result| result["asked"].as_str().unwrap().to_owned());
    Some(Told { asked, accepted_after })
}

/// Every other person says what the firm has decided after it has retrained; here it decides by the true label. Nothing if it
/// has come too late to say anything.
fn says_a_decision(stage: &Stage, number: usize, person: &Written) -> Option<bool> {
    let decided = number.is_multiple_of(2).then_some(person.positive)?;
    let mut says = stage.participant(&name(number), &["decision"]);
    let typed = format!("{}\n", decision_word(Some(decided)));
    let ended = stage.answered(&mut says, &typed).unwrap().end(LONG).unwrap();
    (ended.code == Some(0)).then_some(decided)
}

fn aggregation<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let all = status["aggregations"].as_array().unwrap();
    all.iter().find(|of| of["kind"] == kind).unwrap()
}

fn phase<'a>(status: &'a Value, kind: &str) -> &'a str {
    aggregation(status, kind)["phase"].as_str().unwrap()
}

fn reports(status: &Value, kind: &str) -> u64 {
    aggregation(status, kind)["reports"].as_u64().unwrap()
}
