//! Fewer than 12 members: scores in the open.

use super::*;
use crate::{
    campaign::Decision,
    roles::fixture::OPEN,
    selection::open_scores::{OpenScore, Ranking},
};

impl World {
    fn score(&self, number: u8, attempt: u8, step: u32) -> Report {
        let manifest = self.manifest();
        let to = Target { manifest: &manifest, aggregation: FIRST, context: self.context() };
        Reporter::new(number, Role::Member).score(&to, attempt, step)
    }

    /// Scores of these members, each its own.
    fn send_scores(&mut self, numbers: std::ops::Range<u8>) {
        for number in numbers {
            let report = self.score(number, 0, u32::from(number) * 100);
            assert!(matches!(self.send(report), Response::Receipt { .. }));
        }
    }

    fn ranking(&self) -> Ranking {
        match self.outcome().decision {
            Some(Decision::Ranking(ranking)) => ranking,
            other => panic!("{other:?}"),
        }
    }
}

fn key(number: u8) -> PublicKey {
    Reporter::new(number, Role::Member).key.public()
}

#[test]
fn candidates_are_ranked_and_everybody_is_answered() {
    let mut world = World::open(OPEN, 8);
    world.send_scores(0..5);
    world.run_until(ended());
    let ranking = world.ranking();
    let order: Vec<PublicKey> = ranking.scores.iter().map(|score| score.reporter).collect();
    assert_eq!(order, [4, 3, 2, 1, 0].map(key));
    assert_eq!(ranking.asked, 1);
    assert!(ranking.asks(&key(4)) && !ranking.asks(&key(3)) && !ranking.asks(&key(7)));
    let id = world.score(2, 0, 200).body.id;
    for report in [Some(id), None] {
        let response = world.tell(Request::Outcome { aggregation: FIRST, report });
        let Response::Outcome { endorsed, inclusion } = response else { panic!("{response:?}") };
        assert!(endorsed.verify(&world.manifest(), Some(FIRST)).is_ok());
        assert_eq!(inclusion.is_some(), report.is_some());
    }
    assert!(world.sum().leaves().unwrap().len() == 5 && world.sum().freeze().is_none());
}

#[test]
fn without_a_candidate_nobody_is_asked() {
    let mut world = World::open(OPEN, 8);
    world.run_until(ended());
    assert_eq!(world.ranking(), Ranking { scores: vec![], asked: 0 });
}

#[test]
fn one_key_has_one_score() {
    let mut world = World::open(OPEN, 8);
    world.send_scores(0..2);
    let second = world.score(1, 1, 9_000);
    assert!(matches!(world.send(second), Response::Refused(Reject::Duplicate)));
    let first = world.score(1, 0, 100);
    assert!(matches!(world.send(first), Response::Receipt { .. }), "a repeat is answered alike");
    world.run_until(ended());
    assert_eq!(world.ranking().scores.len(), 2);
}

#[test]
fn a_score_that_was_taken_back_is_not_ranked() {
    let mut world = World::open(OPEN, 8);
    world.send_scores(0..3);
    let manifest = world.manifest();
    let withdrawal = Reporter::new(2, Role::Member).withdrawal(&manifest, FIRST, 0);
    world.tell(Request::Withdraw(Box::new(withdrawal)));
    world.run_until(ended());
    assert!(world.ranking().asks(&key(1)) && !world.ranking().asks(&key(2)));
}

#[test]
fn scores_that_do_not_fit_are_refused() {
    let mut world = World::open(OPEN, 8);
    let mut unsigned = world.score(0, 0, 100);
    unsigned.body.public_share = vec![0xFF; 4].into();
    assert!(matches!(world.send(unsigned), Response::Refused(Reject::Signature)));
    let long = world.make(0, 0, Lie::Honest);
    assert!(matches!(world.send(long), Response::Refused(Reject::Malformed)), "shares, no score");
    let stranger = world.score(9, 0, 100);
    assert!(matches!(world.send(stranger), Response::Refused(Reject::NotConcerned)));
    let late = world.score(3, 0, 100);
    world.run_until(ended());
    assert!(matches!(world.send(late), Response::Refused(Reject::NotCollecting)));
    assert_eq!(world.ranking().scores, []);
}

#[test]
fn twelve_members_have_a_private_sum_or_none() {
    let mut world = World::new(OPEN);
    world.run_until(Time::from_millis(50_000));
    let manifest = world.manifest();
    for number in 0..12 {
        let enrolment = Reporter::new(number, Role::Member).enrolment(&manifest);
        world.tell(Request::Enrol(Box::new(enrolment)));
    }
    world.run_until(ended());
    let reason = AbortReason::TooManyMembers { got: 12 };
    assert_eq!(world.coordinator.phase(FIRST), Some(Phase::Aborted(reason)));
    assert!(!world.sum().has_begun(), "before anybody could send a score");
}

#[test]
fn open_scores_survive_a_crash_after_every_record_and_a_lost_keyholder() {
    let campaign = |world: &mut World| {
        world.enrol_and_open(8);
        world.send_scores(0..5);
        world.absent = vec![Seat::new(4)];
        world.run_until(ended());
    };
    let (mut steady, mut crashing) = (World::new(OPEN), World::new(OPEN));
    crashing.crashes = true;
    campaign(&mut steady);
    campaign(&mut crashing);
    assert_eq!(steady.ranking().scores.len(), 5);
    assert!(steady.coordinator.entries() == crashing.coordinator.entries());
    let (records, mut end) = (steady.records(), 0);
    for (now, batch) in &steady.journal {
        let begin = end;
        end += batch.len();
        for cut in begin + 1..=end {
            let mut machine = Coordinator::restore(&records[..cut], configuration(), *now).unwrap();
            assert_eq!(machine.wake(*now).0, records[cut..end], "after {cut} records");
        }
    }
}

/// What a lying organiser may not append, whatever it is.
#[test]
fn the_transcript_refuses_wrong_lists_and_wrong_rankings() {
    let mut world = World::open(OPEN, 8);
    world.send_scores(0..5);
    let open = world.coordinator.transcript().clone();
    world.run_until(ended());
    let signed = |post| {
        let plan = open.plan().id();
        SignedPost::new(plan, Author::Organiser, post, &fixture::organiser())
    };
    let refused = |transcript: &Transcript, post| {
        transcript.clone().follow(signed(post)).map(|_| ()).unwrap_err()
    };
    let honest = world.sum().scores().unwrap().to_vec();
    let list = |scores: Vec<OpenScore>| Post::Scores { aggregation: FIRST, scores };
    let changed = |change: fn(&mut Vec<OpenScore>)| {
        let mut scores = honest.clone();
        change(&mut scores);
        refused(&open, list(scores))
    };
    let what = |what| Violation::Contradiction { what };
    let twice = what("a score that counts twice");
    assert_eq!(changed(|scores| scores.push(scores[4])), twice);
    assert_eq!(changed(|scores| scores.reverse()), twice);
    assert_eq!(changed(|scores| scores[1].id = scores[0].id), twice);
    assert_eq!(changed(|scores| scores[1].reporter = scores[0].reporter), twice);
    let raised = |scores: &mut Vec<OpenScore>| scores[0].score = scores[1].score;
    assert_eq!(changed(raised), what("a score that was not signed"));
    let stranger = |scores: &mut Vec<OpenScore>| scores[0].reporter = key(99);
    assert_eq!(changed(stranger), what("a score of somebody not concerned"));
    let leaves = Post::Leaves { aggregation: FIRST, leaves: vec![] };
    assert!(matches!(refused(&open, leaves), Violation::Order { .. }), "nothing is summed");

    let mut listed = open.clone();
    listed.follow(signed(list(honest.clone()))).unwrap();
    let mut outcome = world.outcome();
    let Some(Decision::Ranking(ranking)) = &mut outcome.decision else { panic!() };
    ranking.scores.swap(0, 1);
    let wrong = Post::Outcome(Arc::new(outcome));
    assert_eq!(refused(&listed, wrong), what("the outcome"));
    let mut outcome = world.outcome();
    let Some(Decision::Ranking(ranking)) = &mut outcome.decision else { panic!() };
    ranking.asked += 1;
    let more = Post::Outcome(Arc::new(outcome));
    assert_eq!(refused(&listed, more), what("the outcome"));
    let abort = Post::Abort { aggregation: FIRST, reason: AbortReason::Stopped };
    assert!(matches!(refused(&listed, abort), Violation::Order { .. }), "it is known by now");
}
