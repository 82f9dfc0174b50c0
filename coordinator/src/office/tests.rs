use super::*;
use crate::world::{Fails, MEMBERS, Shelf, play};
use protocol::{ids::AggregationId, transcript::Outcome};

fn outcomes(office: &Office<Shelf>) -> Vec<Arc<Outcome>> {
    let transcript = office.machine().transcript();
    let sums = transcript.sums().iter();
    sums.map(|sum| Arc::clone(sum.outcome().expect("every sum has a result").1)).collect()
}

fn secrets() -> crate::state::Secrets {
    crate::state::Secrets::generate("vote.example:4433".parse().unwrap()).unwrap()
}

#[test]
fn a_campaign_is_played_from_its_file_to_its_results() {
    let office = play(&secrets(), &Shelf::default());
    assert_eq!(office.machine().enrolled(), usize::from(MEMBERS));
    assert_eq!(office.machine().issued(), usize::from(MEMBERS));
    let outcomes = outcomes(&office);
    assert_eq!(outcomes.len(), 2);
    for outcome in &outcomes {
        assert_eq!(outcome.accepted, u32::from(MEMBERS));
        assert_eq!(outcome.values.iter().sum::<i64>(), i64::from(MEMBERS));
    }
    assert!(outcomes[0].decision.is_some());
    // Three are asked at most by the budget, and all who are asked comply.
    let [flipped, declined, ..] = outcomes[1].values[..] else { unreachable!() };
    assert!((1..=6).contains(&flipped) && declined == 0, "{flipped} {declined}");
}

#[test]
fn a_disk_that_fails_at_any_commit_loses_nothing() {
    let mut fails_seen = 0;
    for (every, fails) in
        [(2, Fails::After), (3, Fails::Before), (5, Fails::After), (7, Fails::Before)]
    {
        let shelf = Shelf { fails: Some((every, fails)), ..Shelf::default() };
        let office = play(&secrets(), &shelf);
        fails_seen += *shelf.commits.borrow() / every;
        assert_eq!(office.machine().enrolled(), usize::from(MEMBERS), "every {every}");
        for outcome in outcomes(&office) {
            assert_eq!(outcome.accepted, u32::from(MEMBERS), "every {every}");
            assert_eq!(outcome.values.iter().sum::<i64>(), i64::from(MEMBERS), "every {every}");
        }
    }
    assert!(fails_seen > 40, "{fails_seen}");
}

#[test]
fn status_says_where_the_campaign_stands() {
    let office = play(&secrets(), &Shelf::default());
    let status = Status::of(office.machine(), office.seen(), &Book::default(), office.now);
    assert_eq!(status.stage, crate::status::Stage::Over);
    assert!(status.keyholders.iter().all(|of| of.seated && !of.silent));
    let selection = &status.aggregations[0];
    assert_eq!((&*selection.kind, &*selection.phase), ("selection", "done"));
    assert_eq!(office.machine().phase(AggregationId(0)), Some(Phase::Done));
    let words = status.words(&jiff::tz::TimeZone::UTC);
    assert!(words.contains("enrolled: 14") && words.contains("keyholder 5"), "{words}");
    let again: Status = serde_json::from_str(&status.to_json()).unwrap();
    assert_eq!(again, status);
    let late = office.now.after_millis(120_000);
    let status = Status::of(office.machine(), office.seen(), &Book::default(), late);
    assert!(status.keyholders.iter().all(|of| of.silent));
    assert!(status.words(&jiff::tz::TimeZone::UTC).contains("silent 2 min"), "{words}");
}
