//! The modes that lay something open, as campaigns of real programs: scores of fewer than 12 members, and a published sample.
//!
//! What comes of each is what the simulator computes from the same records, and people are told before they agree.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use protocol::aggregation::noise::Role;
use protocol::campaign::{Decision, Kind};
use protocol::transcript::{Transcript, file};
use sims::campaign::hindsight::{Hindsight, Subject};
use tests::people::{Counts, Subject as Written, made_up};
use tests::stage::{Ended, Running, Seated, Stage, Terms, beat};

const LONG: Duration = Duration::from_mins(4);
/// Two flips, and one in ten who are asked will not.
const ASKED: u32 = 2;

const SCORES: &str = "Scores are open in this campaign";
const RECORDS: &str = "This campaign publishes records of people of the majority";
/// What a member types besides where scores are open.
const OPEN_SCORES: &str = "Others may see my score";

fn terms() -> Terms {
    Terms {
        joining: 14.0,
        enrolling: 4.0,
        collecting: 3.0,
        closing: 4.0,
        patience: 6.0,
        beat: beat().unwrap(),
        ..Terms::smallest()
    }
}

#[test]
fn scores_in_the_open_rank_those_who_have_agreed_to_it() {
    // Donors lend in private, three more than a sum needs.
    let people = made_up(Counts { members: 9, donors: 15 }, 31);
    let (campaign, programs) =
        Campaign::begin(&Terms { open_scores: true, ..terms() }, &people, SCORES);
    let stage = &campaign.stage;
    let (transcript, joined, told) = campaign.plays(programs, |number| {
        match (people[number].role, number) {
            (Role::Donor, _) => Consent::File("consent"),
            // The code stays good for whoever has not written down all of it.
            (Role::Member, 0) => {
                let short = campaign.join(number, &Consent::File("consent")).end(LONG).unwrap();
                assert_eq!(short.code, Some(4), "{}", short.all());
                assert!(short.says.contains(&format!("\n  {OPEN_SCORES}")), "{}", short.says);
                assert!(!stage.path(name(number)).join("record.json").exists());
                Consent::File("consent-member")
            }
            (Role::Member, 1) => Consent::Typed(format!("{OPEN_SCORES}\nI agree\n")),
            (Role::Member, _) => Consent::File("consent-member"),
        }
    });
    for (number, joined) in joined.iter().enumerate() {
        assert!(joined.all().contains("IN THE OPEN") && joined.all().contains(SCORES));
        let asked = joined.all().contains(OPEN_SCORES);
        assert_eq!(asked, number == 1, "whoever agrees by a file is not asked: {}", joined.all());
    }

    let hindsight = hindsight(stage, &transcript, &people);
    let id = transcript.plan().of_kind(Kind::Selection).unwrap();
    let (entry, outcome) = transcript.sum(id).unwrap().outcome().unwrap();
    assert!(transcript.is_endorsed(entry));
    let ranking = hindsight.ranking.as_ref().unwrap();
    assert_eq!(outcome.decision, Some(Decision::Ranking(ranking.clone())));
    assert_eq!((ranking.asked, hindsight.asked.len()), (ASKED, 2), "{ranking:?}");
    assert!(ranking.scores.is_sorted_by(|one, other| one.score >= other.score));
    let candidates: BTreeSet<usize> =
        (0..9).filter(|of| told[*of].is_some() && !people[*of].positive).collect();
    assert!(candidates.is_subset(&hindsight.counted[&id]), "{candidates:?} of {hindsight:?}");
    are_told(&told, &hindsight, "The open ranking, which everybody can see");

    let scores = ranking.scores.len();
    let verified = campaign.coordinator(&["verify", "coordinator/transcript"]);
    let line = format!("{scores} open scores, endorsed · asked: the first {ASKED} by rank");
    assert!(verified.contains(&line), "{verified}");
    let says = |of: usize| campaign.person(of, &["verify", "coordinator/transcript"]);
    let candidate = *candidates.first().unwrap();
    assert!(says(candidate).contains("is in the open ranking"), "{}", says(candidate));
    let other = (0..9).find(|of| told[*of].is_some() && people[*of].positive).unwrap();
    assert!(says(other).contains("There is no receipt of yours"), "{}", says(other));
    campaign.coordinator(&["report", "--out", "report.html"]);
    let report = fs::read_to_string(stage.path("report.html")).unwrap();
    assert!(report.contains(&format!("<p>{scores} scores, in the open")), "{report}");
    assert!(!report.contains("no list of people exists"), "{report}");
}

#[test]
fn a_published_sample_takes_the_place_of_donors() {
    let people = made_up(Counts { members: 16, donors: 0 }, 5);
    let published = made_up(Counts { members: 0, donors: 10 }, 77);
    let terms = Terms { published: published.clone(), ..terms() };
    let (campaign, programs) = Campaign::begin(&terms, &people, RECORDS);
    let stage = &campaign.stage;
    // Nothing of theirs is in the open: the usual words are enough.
    let (transcript, joined, told) = campaign.plays(programs, |_| Consent::File("consent"));
    for joined in &joined {
        for part in ["IN THE OPEN", RECORDS, "Published here: 10 records.", "Each has signed"] {
            assert!(joined.all().contains(part), "{part}: {}", joined.all());
        }
    }

    let plan = transcript.plan();
    let kinds: Vec<_> = plan.aggregations.iter().map(|of| of.kind).collect();
    assert_eq!(kinds, [Kind::Selection, Kind::Confirmation], "nobody lends");
    let labels: Vec<_> = plan.scoring.published.iter().map(|(_, label)| *label).collect();
    assert_eq!(labels, published.iter().map(|of| of.positive).collect::<Vec<_>>());
    let hindsight = hindsight(stage, &transcript, &people);
    assert_eq!(hindsight.sums.len(), 2);
    for (id, sum) in &hindsight.sums {
        assert_eq!(transcript.opened(*id).as_ref(), Some(sum), "{id}");
    }
    assert!(!hindsight.asked.is_empty(), "{:?}", hindsight.sums);
    are_told(&told, &hindsight, "The published rule, applied on this machine to your record");

    let id = plan.of_kind(Kind::Selection).unwrap();
    let verified = campaign.coordinator(&["verify", "coordinator/transcript"]);
    let line = format!("{} reports, endorsed · asked: score bins", hindsight.counted[&id].len());
    assert!(verified.contains(&line), "{verified}");
    let first = (0..people.len()).find(|of| told[*of].is_some()).unwrap();
    let receipts = campaign.person(first, &["verify", "coordinator/transcript"]);
    assert_eq!(receipts.matches("is in the sum that was opened").count(), 2, "{receipts}");
}

/// How somebody agrees.
enum Consent {
    /// By a file.
    File(&'static str),
    /// By what is typed.
    Typed(String),
}

/// A campaign that is under way.
struct Campaign<'a> {
    stage: Stage,
    people: &'a [Written],
}

impl<'a> Campaign<'a> {
    /// Organisers and keyholders are told what is in the open before they agree. Gives their programs as well.
    fn begin(terms: &Terms, people: &'a [Written], notice: &str) -> (Self, Vec<Running>) {
        let stage = Stage::new(terms).unwrap();
        let mut init = stage.coordinator(&["init", "--from", "campaign.toml"]);
        let made = stage.answered(&mut init, "I have read this\n").unwrap().end(LONG).unwrap();
        assert_eq!(made.code, Some(0), "{}", made.all());
        assert!(made.says.contains(&format!("In the open: {notice}")), "{}", made.says);
        let seats = stage.appoint(LONG).unwrap();
        let mut programs = vec![stage.run_coordinator("2s", LONG).unwrap()];
        let mut watch = stage.watch().unwrap();
        for Seated { joined, running } in stage.ceremony(seats, LONG).unwrap() {
            assert!(joined.all().contains("IN THE OPEN"), "{}", joined.all());
            assert!(joined.all().contains(notice), "{}", joined.all());
            programs.push(running);
        }
        let id = stage.invite(&mut watch, people, LONG).unwrap();
        stage.consent(&id).unwrap();
        stage.private("consent-member", &format!("{id}\nI agree\n{OPEN_SCORES}\n")).unwrap();
        (Self { stage, people }, programs)
    }

    fn join(&self, number: usize, consent: &Consent) -> Running {
        let (who, code) = (name(number), format!("{}.code", name(number)));
        let record = format!("{who}.csv");
        let join = ["join", "--code-file", &code, "--record", &record, "--know", "1,2"];
        let mut join = self.stage.participant(&who, &join);
        match consent {
            Consent::File(file) => {
                self.stage.start(join.args(["--yes", "--consent-file", file])).unwrap()
            }
            Consent::Typed(answers) => self.stage.answered(&mut join, answers).unwrap(),
        }
    }

    /// One person, from the code to the end: how it has joined, and what it was shown then; nothing if it came too late.
    fn takes_part(&self, number: usize, consent: &Consent) -> (Ended, Option<Ended>) {
        let joined = self.join(number, consent).end(LONG).unwrap();
        // Joining may have lasted until reports were due: they are made, or missed, by `run`.
        assert!(matches!(joined.code, Some(0 | 11)), "{}", joined.all());
        let mut run = self.stage.participant(&name(number), &["run"]);
        let ended = self.stage.ended(&mut run, LONG).unwrap();
        assert!(matches!(ended.code, Some(0 | 11)), "{}", ended.all());
        let in_time = ended.code == Some(0);
        (joined, in_time.then_some(ended))
    }

    /// Everybody at once, to the end; then what the transcript holds.
    fn plays(
        &self,
        programs: Vec<Running>,
        consent: impl Fn(usize) -> Consent + Sync,
    ) -> (Transcript, Vec<Ended>, Vec<Option<Ended>>) {
        let (joined, told): (Vec<_>, Vec<_>) = thread::scope(|scope| {
            let consent = &consent;
            let all = 0..self.people.len();
            let one = |number| scope.spawn(move || self.takes_part(number, &consent(number)));
            let running: Vec<_> = all.map(one).collect();
            running.into_iter().map(|one| one.join().unwrap()).unzip()
        });
        assert!(told.iter().flatten().count() * 4 > 3 * told.len(), "most are in time: {told:?}");
        for program in programs {
            let ended = program.end(LONG).unwrap();
            assert_eq!(ended.code, Some(0), "{}", ended.all());
        }
        let bytes = fs::read(self.stage.path("coordinator/transcript")).unwrap();
        (file::follow(&bytes, |_, _, _| {}).unwrap(), joined, told)
    }

    /// What the organiser's command says.
    fn coordinator(&self, arguments: &[&str]) -> String {
        self.stage.done(&mut self.stage.coordinator(arguments), LONG).unwrap().all()
    }

    /// What a person's command says.
    fn person(&self, number: usize, arguments: &[&str]) -> String {
        self.stage.done(&mut self.stage.participant(&name(number), arguments), LONG).unwrap().all()
    }
}

fn hindsight(stage: &Stage, transcript: &Transcript, people: &[Written]) -> Hindsight {
    let schema = &transcript.plan().scoring.schema;
    let person = |(number, person): (usize, &Written)| {
        let secret = stage.campaign_key(&name(number)).unwrap();
        Subject { person: person.person(schema, secret).unwrap(), accepted_after: None }
    };
    let known: Vec<_> = people.iter().enumerate().map(person).collect();
    Hindsight::of(transcript, &known).unwrap()
}

/// Members are told on their screens what follows from everybody's records, and why; donors are asked nothing.
fn are_told(told: &[Option<Ended>], hindsight: &Hindsight, why: &str) {
    let mut asked = 0;
    for (number, ended) in told.iter().enumerate() {
        let Some(shown) = ended.as_ref().map(Ended::all) else { continue };
        let flip = shown.contains("You are asked to report the positive label");
        assert_eq!(flip, hindsight.asked.contains(&number), "{number}: {shown}");
        let keep = shown.contains("No change is asked of you");
        assert_eq!(shown.contains(why), flip || keep, "{shown}");
        asked += usize::from(flip);
    }
    assert!(asked > 0, "{:?}", hindsight.asked);
}

fn name(number: usize) -> String {
    format!("person-{}", number + 1)
}
