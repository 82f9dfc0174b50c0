//! The commands on a real folder, against the real coordinator and keyholders in one process.
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method alone is not general enough over the desk's lifetime"
)]

use super::*;
use crate::{
    attendance::Statement,
    cli,
    seen::{Seen, of_form, pinned, scripted},
    world::{self, Desk as Other, World},
};
use host::screen::Form;
use protocol::{
    campaign::Plan,
    exit::Exit,
    ids::AggregationId,
    invite::Address,
    messages::{Request, Response},
    roles::{Client as _, Effect},
};
use std::{fs, path::PathBuf};

/// Everybody else, and the wire.
struct Rehearsal {
    world: World,
    others: Vec<Other<Statement>>,
    /// Of the invite.
    number: u8,
    /// So many lines are kept before the power fails.
    lines_left: usize,
    /// What is done to answers on their way.
    spoil: fn(Response) -> Response,
    /// Every request that was sent, by its name and, for a report, its bytes.
    sent: Vec<(String, Vec<u8>)>,
}

impl Rehearsal {
    fn new(plan: Plan) -> Self {
        let world = World::new(plan);
        let mut others = world::people(&world);
        // Number 0 is the person at the desk.
        others.remove(0);
        let spoil = |response| response;
        Self { world, others, number: 80, lines_left: usize::MAX, spoil, sent: vec![] }
    }

    fn invite(&self) -> Invite {
        Invite {
            address: "vote.example:4433".parse::<Address>().unwrap(),
            certificate: [7; 32],
            target: Target::Person(self.world.manifest.campaign()),
            secret: world::invite(self.number),
        }
    }

    fn pass_time(&mut self) {
        self.world.step();
        for other in &mut self.others {
            other.turn(&mut self.world, &mut |response| response);
        }
    }

    fn answer(&mut self, request: Request) -> Response {
        let name = format!("{request:?}").split([' ', '(', '{']).next().unwrap().to_owned();
        let bytes = match &request {
            Request::Report { report, .. } => protocol::codec::encode(&**report),
            _ => vec![],
        };
        self.sent.push((name, bytes));
        (self.spoil)(self.world.answer(request))
    }
}

impl Drive for Rehearsal {
    fn drive<S: Statements + Send>(
        &mut self,
        _: &Invite,
        attendance: &mut Attendance<S>,
        (journal, screen): (&mut Journal, &mut Screen),
        until: Until,
        told: Told<'_, S>,
    ) -> Result<Stop, Problem> {
        let mut effects = attendance.start(self.world.now());
        let mut wake = Time::MAX;
        for _ in 0..5_000 {
            let mut request = None;
            for effect in effects {
                match effect {
                    Effect::Persist(line) => {
                        if self.lines_left == 0 {
                            return Err(Problem::bug("the power failed"));
                        }
                        self.lines_left -= 1;
                        host::drive::Keep::keep(journal, &[line])?;
                    }
                    Effect::Send(send) => request = Some(send),
                    Effect::Wake(at) => wake = at,
                }
            }
            told(attendance, screen, self.world.now());
            let over = attendance.machine().phase().is_terminal();
            if over || until == Until::Left && attendance.has_left() {
                return Ok(Stop::Over);
            }
            if let Some(request) = request {
                let response = self.answer(request);
                effects = attendance.receive(self.world.now(), response);
                continue;
            }
            if wake == Time::MAX {
                return Ok(Stop::Over);
            }
            if until != Until::Over && wake > self.world.now().after_millis(10_000) {
                return Ok(Stop::Idle);
            }
            while self.world.now() < wake {
                self.pass_time();
            }
            wake = Time::MAX;
            effects = attendance.wake(self.world.now());
        }
        panic!("the campaign does not end");
    }

    fn now(&self) -> Time {
        self.world.now()
    }
}

/// A folder with a code and a record.
struct Place {
    home: tempfile::TempDir,
    rehearsal: Rehearsal,
}

const RECORD: &str =
    "age,employed,role,label,decision,if_asked\n20,1,member,positive,positive,yes\n";

impl Place {
    fn new(plan: Plan) -> Self {
        let place = Self { home: tempfile::tempdir().unwrap(), rehearsal: Rehearsal::new(plan) };
        place.write("my.csv", RECORD);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn code(&self) -> String {
        self.rehearsal.invite().code().as_str().to_owned()
    }

    fn of_form<T>(
        &mut self,
        form: Form,
        answers: &str,
        run: impl FnOnce(&mut Desk<'_, Rehearsal>) -> Result<T, Problem>,
    ) -> (Result<T, Problem>, Seen) {
        let (mut screen, seen) = of_form(form, answers);
        let folder = Folder::new(self.path("state"));
        let zone = TimeZone::UTC;
        let drive = &mut self.rehearsal;
        let ended = run(&mut Desk { screen: &mut screen, folder, zone, drive });
        (ended, seen)
    }

    fn desk<T>(
        &mut self,
        answers: &str,
        run: impl FnOnce(&mut Desk<'_, Rehearsal>) -> Result<T, Problem>,
    ) -> (Result<T, Problem>, Seen) {
        self.of_form(Form::Words, answers, run)
    }

    fn prepared(&self) -> cli::Prepared {
        cli::Prepared {
            record: Some(self.path("my.csv")),
            know: Some(vec![2]),
            ..cli::Prepared::default()
        }
    }

    fn options(&self) -> cli::Join {
        let code = cli::Code { code_file: None };
        cli::Join { code, prepared: self.prepared(), look: false }
    }

    /// Joins with a code that is typed, and agrees.
    fn join(&mut self) -> (Result<(), Problem>, Seen) {
        let (answers, options) = (format!("{}\nI agree\n", self.code()), self.options());
        self.desk(&answers, |desk| desk.join(&options))
    }

    fn run(&mut self, no_wait: bool) -> (Result<(), Problem>, Seen) {
        let options = cli::Run { prepared: self.prepared(), no_wait };
        self.desk("I agree\n", |desk| desk.run(&options))
    }

    fn status(&mut self) -> (Result<(), Problem>, Seen) {
        self.desk("", |desk| desk.status())
    }
}

fn fails<T: std::fmt::Debug>(ended: (Result<T, Problem>, Seen), exit: Exit, code: &str) -> Problem {
    let problem = ended.0.unwrap_err();
    assert_eq!((problem.exit, problem.code), (exit, code), "{problem}");
    problem
}

#[test]
fn a_member_joins_typing_everything_in_and_comes_to_a_result() {
    let mut place = Place::new(world::plan());
    let answers = [
        &place.code(),
        "2, 3",
        "member",
        "20",
        "yes",
        "negative",
        "positive",
        "yes",
        "I agree",
        "",
    ]
    .join("\n");
    let options = cli::Join {
        code: cli::Code { code_file: None },
        prepared: cli::Prepared::default(),
        look: false,
    };
    let (ended, seen) = place.desk(&answers, |desk| desk.join(&options));
    ended.unwrap();
    pinned("join-questions", &seen.told());
    assert!(seen.said().contains("Ada Adler") && seen.said().contains("LEAVES THIS MACHINE"));
    let waiting = place.run(true);
    let problem = fails(waiting, Exit::Waiting, "WAITING");
    assert!(problem.what.starts_with("Come back between"), "{problem}");
    let (ended, seen) = place.run(false);
    ended.unwrap();
    assert!(seen.said().contains("asked"), "{}", seen.said());
    assert_eq!(seen.said().matches("  Why    ").count(), 1, "the result is shown once");
    let (ended, seen) = place.status();
    ended.unwrap();
    assert!(seen.said().contains("yours is counted") && seen.said().contains("  Why    "));
    let (ended, seen) = place.desk("", |desk| desk.verify(&cli::Verify { transcript: None }));
    ended.unwrap();
    assert!(seen.said().contains("is in the sum that was opened"), "{}", seen.said());
}

/// Twelve donors and ten members: few enough for open scores.
fn few() -> Place {
    let mut place = Place::new(world::open());
    place.rehearsal.others.drain(..3);
    place.write("my.csv", &RECORD.replace("member,positive", "member,negative"));
    place
}

#[test]
fn a_member_whose_score_is_in_the_open_is_told_asked_and_sends_what_was_previewed() {
    let mut place = few();
    let (answers, options) = (format!("{}\nI agree\n", place.code()), place.options());
    fails(place.desk(&answers, |desk| desk.join(&options)), Exit::Declined, "NO_CONSENT");
    let names: Vec<&str> = place.rehearsal.sent.iter().map(|(name, _)| &**name).collect();
    assert!(names.iter().all(|name| *name == "Campaign"), "{names:?}");
    let (ended, seen) =
        place.desk("Others may see my score\nI agree\n", |desk| desk.join(&options));
    ended.unwrap();
    for part in ["IN THE OPEN", "Scores are open in this campaign", "This campaign publishes"] {
        assert!(seen.said().contains(part), "{part} is not in {}", seen.said());
    }
    let (ended, seen) = place.run(false);
    ended.unwrap();
    assert!(seen.said().contains("The open ranking, which everybody can see"), "{}", seen.said());
    let manifest = &place.rehearsal.world.manifest;
    let lengths: Vec<usize> = [0, 1, 2]
        .map(|id| crate::screens::preview::report_bytes(manifest, AggregationId(id)).unwrap().0)
        .into();
    assert_eq!(reports(&place), lengths, "as previewed, the score as well");
}

#[test]
fn nothing_about_a_person_is_sent_or_kept_before_it_agrees() {
    let mut place = Place::new(world::plan());
    let (answers, options) = (format!("{}\n\n", place.code()), place.options());
    fails(place.desk(&answers, |desk| desk.join(&options)), Exit::Declined, "NO_CONSENT");
    let names: Vec<&str> = place.rehearsal.sent.iter().map(|(name, _)| &**name).collect();
    assert!(names.iter().all(|name| *name == "Campaign"), "{names:?}");
    assert!(
        !place.path("state/record.json").exists() && !place.path("state/consent.json").exists()
    );
    let (ended, seen) = place.status();
    ended.unwrap();
    assert!(seen.said().starts_with("You have not agreed yet."), "{}", seen.said());
    // The same command again, with the code that was kept.
    let (ended, _) = place.desk("I agree\n", |desk| desk.join(&options));
    ended.unwrap();
}

#[test]
fn whoever_joins_twice_is_told_and_counts_once() {
    let mut place = Place::new(world::plan());
    place.join().0.unwrap();
    place.run(false).0.unwrap();
    let options = place.options();
    let problem =
        fails(place.desk("", |desk| desk.join(&options)), Exit::Already, "JOINED_ALREADY");
    let told = problem.to_string();
    // The key comes from the operating system, and so does the receipt: the same as the status shows.
    let receipt = told.split("receipt ").nth(1).and_then(|rest| rest.get(..9)).unwrap();
    let (ended, seen) = place.status();
    ended.unwrap();
    assert!(seen.said().contains(receipt), "{receipt} is not in {}", seen.said());
    pinned("error-joined-already", &told.replace(receipt, "0000-0000"));
}

#[test]
fn a_crash_after_any_line_is_gone_on_from_by_the_same_command() {
    let whole = {
        let mut place = Place::new(world::plan());
        place.join().0.unwrap();
        place.run(false).0.unwrap();
        reports(&place)
    };
    assert_eq!(whole.len(), 4);
    for lines in 0..30 {
        let mut place = Place::new(world::plan());
        place.rehearsal.lines_left = lines;
        if place.join().0.is_err() {
            place.rehearsal.lines_left = usize::MAX;
            let options = place.options();
            let (ended, _) = place.desk("I agree\n", |desk| desk.join(&options));
            ended.unwrap();
        }
        if place.run(false).0.is_err() {
            place.rehearsal.lines_left = usize::MAX;
            place.run(false).0.unwrap();
        }
        let sent = reports(&place);
        assert!(sent == whole, "after {lines} lines other reports were sent");
        let (_, seen) = place.status();
        assert_eq!(seen.said().matches("yours is counted").count(), 4, "{}", seen.said());
        // The journal of the whole campaign is shorter than that.
        assert!(lines < 29 || place.rehearsal.lines_left < usize::MAX);
    }
}

/// Reports as they were sent. Key and ids are drawn anew in each place, so that only lengths can be compared.
fn reports(place: &Place) -> Vec<usize> {
    let reports = place.rehearsal.sent.iter().filter(|(name, _)| name == "Report");
    let mut bytes: Vec<&Vec<u8>> = reports.map(|(_, bytes)| bytes).collect();
    bytes.dedup();
    bytes.iter().map(|bytes| bytes.len()).collect()
}

#[test]
fn a_record_is_checked_on_this_machine_only() {
    let mut place = Place::new(world::plan());
    let file = place.path("my.csv");
    fails(
        place.desk("", |desk| desk.check(&cli::Check { file: file.clone() })),
        Exit::Usage,
        "NOT_JOINED",
    );
    let (answers, options) =
        (format!("{}\n", place.code()), cli::Join { look: true, ..place.options() });
    place.desk(&answers, |desk| desk.join(&options)).0.unwrap();
    let sent = place.rehearsal.sent.len();
    let (ended, seen) = place.desk("", |desk| desk.check(&cli::Check { file: file.clone() }));
    ended.unwrap();
    pinned("check", &seen.said());
    place.write("my.csv", "aeg,employed\n212,1\n");
    let wrong = place.desk("", |desk| desk.check(&cli::Check { file: file.clone() }));
    pinned("check-missing", &fails(wrong, Exit::Data, "SCHEMA_MISMATCH").to_string());
    place.write("my.csv", "age,employed\n212,1\n");
    let wrong = place.desk("", |desk| desk.check(&cli::Check { file: file.clone() }));
    pinned("error-out-of-range", &fails(wrong, Exit::Data, "VALUE_NOT_ALLOWED").to_string());
    assert_eq!(place.rehearsal.sent.len(), sent, "nothing is sent");
}

#[test]
fn a_code_that_is_mistyped_or_of_another_kind_is_not_sent() {
    let mut place = Place::new(world::plan());
    let options = place.options();
    let mut typo = place.code();
    let at = typo.rfind('-').unwrap() - 2;
    let wrong = if &typo[at..=at] == "q" { "z" } else { "q" };
    typo.replace_range(at..=at, wrong);
    let problem = fails(
        place.desk(&format!("{typo}\n"), |desk| desk.join(&options)),
        Exit::Code,
        "CODE_MISTYPED",
    );
    assert!(problem.what.contains("look at the ") && problem.safe.contains("your code stays good"));
    let target = Target::Keyholder {
        plan: place.rehearsal.world.manifest.plan_id(),
        seat: protocol::keys::seat::Seat::new(1),
    };
    let other = Invite { target, ..place.rehearsal.invite() }.code();
    let answers = format!("{}\n", other.as_str());
    let problem =
        fails(place.desk(&answers, |desk| desk.join(&options)), Exit::Code, "CODE_FOR_OTHER");
    pinned("error-code-for-other", &problem.to_string());
    assert!(place.rehearsal.sent.is_empty() && !place.path("state").exists());
}

#[test]
fn codes_that_are_used_expired_unknown_or_late_each_have_their_screen() {
    let refused = |number: u8, meanwhile: fn(&mut Place)| {
        let mut place = Place::new(world::plan());
        place.rehearsal.number = number;
        meanwhile(&mut place);
        place.join().0.unwrap_err()
    };
    let late = |place: &mut Place| {
        while place.rehearsal.world.now() < Time::from_millis(world::ISSUE_CLOSES) {
            place.rehearsal.world.step();
        }
    };
    // Somebody else joins with the invite of this person first.
    let used = |place: &mut Place| {
        for _ in 0..3 {
            place.rehearsal.pass_time();
        }
    };
    for (problem, exit, code) in [
        (refused(2, used), Exit::Code, "CODE_USED"),
        (refused(95, |_| {}), Exit::Code, "CODE_EXPIRED"),
        (refused(200, |_| {}), Exit::Code, "CODE_UNKNOWN"),
        (refused(80, late), Exit::Deadline, "JOINING_CLOSED"),
    ] {
        assert_eq!((problem.exit, problem.code), (exit, code), "{problem}");
        let name = format!("error-{}", code.to_lowercase().replace('_', "-"));
        if code != "CODE_EXPIRED" {
            pinned(&name, &problem.to_string());
        }
    }
}

#[test]
fn whoever_knows_no_keyholder_is_refused_unless_it_says_so() {
    let mut place = Place::new(world::plan());
    let nobody = cli::Prepared { know: Some(vec![0]), ..place.prepared() };
    let options = cli::Join { prepared: nobody, ..place.options() };
    let answers = format!("{}\nI agree\n", place.code());
    let problem = fails(
        place.desk(&answers, |desk| desk.join(&options)),
        Exit::Declined,
        "NO_KNOWN_KEYHOLDER",
    );
    pinned("error-no-known-keyholder", &problem.to_string());
    let prepared = cli::Prepared { know: None, trust_nobody: true, ..place.prepared() };
    let options = cli::Join { prepared, ..place.options() };
    place.desk("I agree\n", |desk| desk.join(&options)).0.unwrap();
    let prepared = cli::Prepared { know: Some(vec![4]), ..place.prepared() };
    let mut place = Place::new(world::plan());
    let options = cli::Join { prepared, ..place.options() };
    let answers = format!("{}\n", place.code());
    fails(place.desk(&answers, |desk| desk.join(&options)), Exit::Usage, "NO_SUCH_KEYHOLDER");
}

#[test]
fn a_file_of_consent_must_name_the_campaign() {
    let mut place = Place::new(world::plan());
    let file = place.write("consent", "I agree\n");
    let prepared = cli::Prepared { yes: true, consent_file: Some(file), ..place.prepared() };
    let options = cli::Join { prepared, ..place.options() };
    let answers = format!("{}\n", place.code());
    let refused = place.desk(&answers, |desk| desk.join(&options));
    let problem = fails(refused, Exit::Declined, "CONSENT_FILE");
    assert!(problem.next.contains(&place.rehearsal.world.manifest.campaign().to_string()));
    let campaign = place.rehearsal.world.manifest.campaign();
    place.write("consent", &format!("{campaign}\nI agree\n"));
    place.desk("", |desk| desk.join(&options)).0.unwrap();
}

#[test]
fn too_few_people_end_a_campaign_with_nothing_opened() {
    let mut place = Place::new(world::plan());
    place.rehearsal.others.truncate(3);
    place.join().0.unwrap();
    let problem = fails(place.run(false), Exit::Aborted, "NO_RESULT");
    pinned("error-too-few", &problem.to_string());
}

#[test]
fn a_forged_receipt_raises_an_alarm_and_leaves_evidence() {
    let mut place = Place::new(world::plan());
    place.join().0.unwrap();
    place.rehearsal.spoil = |response| match response {
        Response::Receipt { aggregation, mut receipt } => {
            receipt.leaf.0[0] ^= 1;
            Response::Receipt { aggregation, receipt }
        }
        other => other,
    };
    let problem = fails(place.run(false), Exit::Verification, "RECEIPT_FORGED");
    pinned("alarm-receipt", &problem.to_string());
    fails(place.status(), Exit::Verification, "RECEIPT_FORGED");
    let verify = cli::Verify { transcript: None };
    fails(place.desk("", |desk| desk.verify(&verify)), Exit::Verification, "RECEIPT_FORGED");
    let out = place.path("evidence.json");
    let options = cli::Evidence { out: out.clone() };
    place.desk("", |desk| desk.evidence(&options)).0.unwrap();
    let written: serde_json::Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
    assert_eq!(written["messages"].as_array().unwrap().len(), 1);
    assert!(written["alarm"].as_str().unwrap().contains("forged"));
}

#[test]
fn whoever_withdraws_is_told_what_is_out_and_what_cannot_be() {
    let mut place = Place::new(world::plan());
    place.join().0.unwrap();
    fails(place.run(true), Exit::Waiting, "WAITING");
    let (ended, seen) = place.desk("", |desk| desk.withdraw());
    ended.unwrap();
    pinned("withdraw-before", &format!("{}{}", seen.said(), seen.told()));
    let left = place.run(false);
    fails(left, Exit::Declined, "LEFT");
    let mut place = Place::new(world::plan());
    place.join().0.unwrap();
    let enrolled = world::ISSUE_CLOSES + 35_000;
    for later in [enrolled, world::OPENS + world::COLLECTS / 2, world::OPENS + 3 * world::COLLECTS]
    {
        while place.rehearsal.world.now() < Time::from_millis(later) {
            place.rehearsal.pass_time();
        }
        fails(place.run(true), Exit::Waiting, "WAITING");
    }
    let (ended, seen) = place.desk("", |desk| desk.withdraw());
    ended.unwrap();
    pinned("withdraw-after", &format!("{}{}", seen.said(), seen.told()));
    assert!(seen.said().contains("already inside a sum of 25 and cannot be removed"));
}

#[test]
fn what_was_said_can_be_changed_until_it_is_sent() {
    let mut place = Place::new(world::plan());
    fails(place.desk("", |desk| desk.confirm()), Exit::Declined, "NO_CONSENT");
    place.join().0.unwrap();
    let (ended, seen) = place.desk("", |desk| desk.decline());
    ended.unwrap();
    pinned("decline", &seen.said());
    place.desk("positive\n", |desk| desk.decision()).0.unwrap();
    place.run(false).0.unwrap();
    fails(place.desk("", |desk| desk.decline()), Exit::Already, "SAID_ALREADY");
    fails(place.desk("", |desk| desk.confirm()), Exit::Deadline, "SAID_OTHERWISE");
    fails(place.desk("positive\n", |desk| desk.decision()), Exit::Already, "SAID_ALREADY");
}

#[test]
fn bytes_are_previewed_as_they_were_sent() {
    let mut place = Place::new(world::plan());
    place.join().0.unwrap();
    let options = cli::Preview { bytes: true, role: None };
    let (ended, seen) = place.of_form(Form::Json, "", |desk| desk.preview(&options));
    ended.unwrap();
    let sizes: Vec<u64> = json(&seen).iter().map(|of| of["bytes"].as_u64().unwrap()).collect();
    place.run(false).0.unwrap();
    let (ended, seen) = place.of_form(Form::Json, "", |desk| desk.preview(&options));
    ended.unwrap();
    let exact = json(&seen);
    let sent: Vec<&Vec<u8>> = place
        .rehearsal
        .sent
        .iter()
        .filter(|(name, _)| name == "Report")
        .map(|(_, bytes)| bytes)
        .collect();
    for (shown, size) in exact.iter().zip(sizes) {
        assert_eq!(shown["event"], "report");
        let report = shown["report"].as_str().unwrap();
        let same = |bytes: &&&Vec<u8>| words::hex(bytes) == report;
        assert!(sent.iter().any(|bytes| same(&bytes)), "it was not sent like that");
        assert_eq!(shown["bytes"].as_u64(), Some(size), "the size was told before");
    }
    assert_eq!(exact.len(), 4);
}

fn json(seen: &Seen) -> Vec<serde_json::Value> {
    let lines: Vec<serde_json::Value> =
        seen.said().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["schema"] == 1));
    lines
}

#[test]
fn what_is_secret_stands_in_its_own_file_and_nowhere_else() {
    let mut place = Place::new(world::plan());
    let canary = "47.123456789";
    place.write(
        "my.csv",
        &format!(
            "age,employed,role,label,decision,if_asked\n{canary},1,member,negative,positive,yes\n"
        ),
    );
    let mut shown = String::new();
    let mut note = |seen: Seen| shown += &(seen.said() + &seen.told());
    note(place.join().1);
    note(place.run(false).1);
    note(place.status().1);
    let options = cli::Preview { bytes: true, role: None };
    note(place.desk("", |desk| desk.preview(&options)).1);
    let out = place.path("evidence.json");
    note(place.desk("", |desk| desk.evidence(&cli::Evidence { out: out.clone() })).1);
    let code = place.code();
    assert!(!shown.contains(canary) && !shown.contains(&code));
    let key = fs::read(place.path("state/key")).unwrap();
    let number = 47.123_456_789_f64.to_le_bytes();
    let hex = words::hex(&key);
    assert!(!shown.contains(&hex));
    let files = fs::read_dir(place.path("state")).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain([out]) {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert_eq!(has(canary.as_bytes()), name == "record.json", "{name}");
        assert!(!has(&number), "{name}");
        assert_eq!(has(&key), name == "key", "{name}");
        assert_eq!(has(code.as_bytes()), name == "invite", "{name}");
        assert!(!has(hex.as_bytes()), "{name}");
    }
}

#[test]
fn erasing_wipes_everything_and_says_what_others_have() {
    let mut place = Place::new(world::plan());
    place.join().0.unwrap();
    place.run(false).0.unwrap();
    let ask = cli::Erase { yes: false };
    fails(place.desk("no\n", |desk| desk.erase(&ask)), Exit::Declined, "NOT_ERASED");
    let (ended, seen) = place.desk("erase\n", |desk| desk.erase(&ask));
    ended.unwrap();
    assert!(!place.path("state").exists());
    let told = seen.told();
    assert!(told.contains("What others still have") && told.contains("--spent 0."), "{told}");
    fails(place.status(), Exit::Usage, "NOT_JOINED");
}

#[test]
fn a_folder_that_cannot_be_written_stops_before_anything_is_sent() {
    let mut place = Place::new(world::plan());
    place.write("state", "a file where the folder should be");
    let answers = format!("{}\n", place.code());
    let options = place.options();
    let (ended, _) = place.desk(&answers, |desk| desk.join(&options));
    let problem = ended.unwrap_err();
    assert!([Exit::Io, Exit::Permission].contains(&problem.exit), "{problem}");
    assert!(place.rehearsal.sent.is_empty());
}

#[test]
fn a_clock_that_is_off_is_told() {
    let (mut screen, seen) = scripted("");
    let at = |minutes: u64| Time::from_millis(10_000_000 + minutes * 60_000);
    warn_of_clock(&mut screen, at(1), at(0));
    assert_eq!(seen.told(), "");
    warn_of_clock(&mut screen, at(26), at(0));
    warn_of_clock(&mut screen, at(0), at(26));
    pinned("clock", &seen.told());
    let (mut screen, seen) = of_form(Form::Json, "");
    warn_of_clock(&mut screen, at(0), at(26));
    assert_eq!(seen.said(), "{\"schema\":1,\"event\":\"clock\",\"ahead_millis\":-1560000}\n");
}
