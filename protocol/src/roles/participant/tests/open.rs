//! Scores in the open, as one person sees them.

use super::*;
use crate::{
    campaign::Decision,
    selection::open_scores::{OpenScore, Ranking},
    transcript::Outcome,
};

fn allowing(world: &World) -> Configuration {
    let base = configuration(world);
    Configuration { limits: Limits { open_scores: true, ..base.limits }, ..base }
}

fn played(configuration: Configuration, measurer: Fixed, world: &mut World) -> Run {
    let mut run = Run::new(configuration.clone());
    run.machine = Participant::new(configuration, measurer);
    run.finish(world);
    run
}

fn sent_score(run: &Run) -> Option<&Report> {
    run.sent.iter().find_map(|request| match request {
        Request::Report { aggregation: SELECTION, report } => Some(&**report),
        _ => None,
    })
}

#[test]
fn nobody_sends_a_score_in_the_open_unless_its_limits_allow_it() {
    let mut world = World::open();
    let run = played(configuration(&world), Fixed(2), &mut world);
    assert_eq!(run.machine.phase(), Phase::Refused(Refusal::OpenScores));
    assert_eq!(run.sent.len(), 1, "nothing but the question for the campaign");
    let mut donor = configuration(&world);
    donor.role = Role::Donor;
    let run = played(donor, Fixed(2), &mut world);
    assert_eq!(run.machine.phase(), Phase::Done, "a donor has no score to send");
    assert!(sent_score(&run).is_none());
}

#[test]
fn a_candidate_signs_its_score_and_finds_itself() {
    let mut world = World::open();
    let run = played(allowing(&world), Fixed(2), &mut world);
    assert_eq!(run.machine.phase(), Phase::Done);
    let score = OpenScore::of(sent_score(&run).unwrap()).unwrap();
    assert_eq!(score.score, Unit::from_step(2));
    let context = world.opening(SELECTION).context();
    assert_eq!(score.verify(&context), Ok(()));
    assert_eq!(run.machine.counted(SELECTION), Some(Counted::Accepted));
    let outcome = &run.machine.outcomes()[&SELECTION];
    let Some(Decision::Ranking(ranking)) = &outcome.decision else { panic!("{outcome:?}") };
    assert_eq!(ranking.scores.len(), 5);
    assert!(!ranking.asks(&run.machine.reporter()));
    assert_eq!(run.restart(Fixed(2)).machine.phase(), Phase::Done, "the journal is whole");
}

#[test]
fn who_is_no_candidate_sends_nothing_and_learns_the_result() {
    let mut world = World::open();
    let run = played(allowing(&world), Fixed(NOBODY), &mut world);
    assert_eq!(run.machine.phase(), Phase::Done);
    assert_eq!(run.own(SELECTION), Own::Nothing);
    assert!(sent_score(&run).is_none());
    assert!(run.machine.outcomes().contains_key(&SELECTION));
}

/// What a person says to a selection's outcome that all keyholders stand behind, with this change.
fn alarm(change: impl Fn(&mut Ranking, &mut Outcome, &mut Option<Inclusion>)) -> Alarm {
    let mut world = World::open();
    let mut run = Run::new(allowing(&world));
    let first = run.start();
    let answer = |request: &Request| {
        let truth = world.answer(request);
        let Request::Outcome { aggregation: SELECTION, .. } = request else { return Some(truth) };
        let (mut outcome, mut inclusion) = world.outcome(SELECTION);
        let Some(Decision::Ranking(mut ranking)) = outcome.decision.clone() else { panic!() };
        change(&mut ranking, &mut outcome, &mut inclusion);
        outcome.decision = Some(Decision::Ranking(ranking));
        let endorsed = Arc::new(world.endorse(Post::Outcome(Arc::new(outcome))));
        Some(Response::Outcome { endorsed, inclusion })
    };
    run.until(first, answer, Run::is_over);
    let Phase::Alarm(alarm) = run.machine.phase() else { panic!("{:?}", run.machine.phase()) };
    alarm
}

#[test]
fn a_wrong_ranking_alarms_although_all_keyholders_endorse_it() {
    let contradiction = Alarm::Contradiction { document: Document::Outcome(SELECTION) };
    assert_eq!(alarm(|ranking, _, _| ranking.scores.swap(0, 1)), contradiction);
    assert_eq!(alarm(|ranking, _, _| ranking.asked += 1), contradiction);
    let raised = Unit::from_step(u32::MAX);
    assert_eq!(alarm(|ranking, _, _| ranking.scores[0].score = raised), contradiction);
    let dropped = alarm(|ranking, _, _| {
        ranking.scores.remove(0);
    });
    assert_eq!(dropped, contradiction);
    let summed = alarm(|_, outcome, _| outcome.values = vec![1; 4]);
    assert_eq!(summed, contradiction);
}

#[test]
fn a_score_that_was_received_and_left_out_alarms() {
    let alarm = alarm(|ranking, outcome, inclusion| {
        let context = crate::aggregation::Context(outcome.context.0);
        ranking.scores.retain(|score| score.score != Unit::from_step(2));
        let leaves = ranking.leaves(&context);
        let root = crate::transcript::merkle::root(&leaves);
        (outcome.frozen_root, outcome.accepted_root) = (root, root);
        (outcome.frozen, outcome.accepted) = (4, 4);
        *inclusion = None;
    });
    assert_eq!(alarm, Alarm::NotIncluded { aggregation: SELECTION });
}
