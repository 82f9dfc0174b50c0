//! Every command of the guides for organisers and for those who take part, typed as it stands there, in one small campaign.
//!
//! Each party has a home folder of its own. The parties beside those whom the documents speak to are played by the stage.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::people::{Counts, made_up};
use tests::programs::Program;
use tests::stage::{Ended, Running, Stage, Terms, beat};

const LONG: Duration = Duration::from_mins(4);
const COUNTS: Counts = Counts { members: 14, donors: 13 };
/// Whom somebody knows, and consent to sums without noise.
const CONSENT: &str = "1 2\nA count of one may be me\nI agree\n";
const PASSPHRASE: &str = "seven words that nobody else would choose\n";

fn terms(beat: f64) -> Terms {
    Terms {
        keyholders: 3,
        recovery_threshold: 0,
        reporters_max: 40,
        donors: 13,
        flip_budget: 3,
        safe_cap: 6,
        joining: 14.0,
        enrolling: 4.0,
        collecting: 3.0,
        closing: 4.0,
        patience: 6.0,
        audits: false,
        beat,
        ..Terms::smallest()
    }
}

#[test]
fn every_command_of_the_guides_does_what_they_say() {
    let organiser = Guide::read("OPERATING.md");
    let person = Guide::read("TAKING_PART.md");
    let terms = terms(beat().unwrap());
    let stage = Stage::new(&terms).unwrap();
    let homes = Homes { stage: &stage };
    // The plan, as an organiser edits it.
    homes.types("organiser", &organiser.next("1. Write the plan"), "");
    let example = homes.read("organiser", "campaign.toml");
    assert!(example.contains("[[keyholder]]") && example.contains("[times]"), "{example}");
    homes.write("organiser", "campaign.toml", &homes.read(".", "campaign.toml"));
    let rehearsed = homes.types("organiser", &organiser.next("1. Write the plan"), "");
    assert!(rehearsed.all().contains("A keyholder is lost"), "{}", rehearsed.all());
    assert!(!homes.path("organiser", ".local").exists(), "nothing was kept");
    homes.types("organiser", &organiser.next("1. Write the plan"), "I have read this\n");

    homes.types("organiser", &organiser.next("2. Invite keyholders, and run"), "");
    let coordinator =
        homes.begins("organiser", &organiser.next("2. Invite keyholders, and run"), "");
    let mut watch = homes.begins("organiser", "coordinator status --watch --json", "");
    let keyholders = keyholders(&homes, &person);
    watch.event(LONG, |status| status["campaign"].is_string()).unwrap();

    homes.types("organiser", &organiser.next("3. Invite people"), "");
    let people = people(&homes, &person);
    homes.types("organiser", &organiser.next("4. While it runs"), "");
    homes.types("organiser", &organiser.next("4. While it runs"), "");
    assert!(homes.path("organiser", "backup").is_dir());
    let over = watch.event(LONG, |status| status["stage"] == "over").unwrap();
    let all = over["aggregations"].as_array().unwrap();
    assert!(all.iter().all(|of| of["phase"] == "done"), "{over}");
    for running in people.into_iter().chain(keyholders).chain([coordinator]) {
        let ended = running.end(LONG).unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.all());
    }
    after(&homes, &organiser, &person);
    organiser.is_finished();
    person.is_finished();
}

/// The first does what the guide says; the others are there.
fn keyholders(homes: &Homes<'_>, guide: &Guide) -> Vec<Running> {
    let codes = homes.read("organiser", "keyholders.txt");
    let typed = |code: &str| format!("{code}\nI will hold this seat\nThey match\n");
    let join = guide.next("The ceremony");
    let joining: Vec<_> = codes
        .lines()
        .enumerate()
        .map(|(seat, code)| homes.begins(&format!("seat-{seat}"), &join, &typed(code)))
        .collect();
    for joining in joining {
        let ended = joining.end(LONG).unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.all());
        assert!(ended.all().contains("yours: read it aloud"), "{}", ended.all());
    }
    homes.types("seat-0", &guide.next("The ceremony"), &PASSPHRASE.repeat(2));
    let run = guide.next("The ceremony");
    let running = (0..3).map(|seat| homes.begins(&format!("seat-{seat}"), &run, "")).collect();
    let status = homes.types("seat-0", &guide.next("The ceremony"), "");
    assert!(status.all().contains("You hold the seat."), "{}", status.all());
    running
}

/// The first member does what the guide says; the others come as well.
fn people(homes: &Homes<'_>, guide: &Guide) -> Vec<Running> {
    let codes = homes.read("organiser", "people.txt");
    let mut codes = codes.lines();
    let look = guide.next("Look first");
    let check = guide.next("Look first");
    let run = guide.next("Take part");
    let mut running = Vec::new();
    for (number, person) in made_up(COUNTS, 23).iter().enumerate() {
        let home = format!("person-{number}");
        homes.write(&home, "me.csv", &person.to_csv());
        let code = format!("{}\n", codes.next().unwrap());
        if number == 0 {
            let looked = homes.types(&home, &look, &code);
            assert!(looked.all().contains("Nothing about you was sent."), "{}", looked.all());
            let checked = homes.types(&home, &check, "");
            assert!(checked.all().contains("It fits. Nothing was sent."), "{}", checked.all());
        } else {
            homes.stage.private(&format!("{home}/code"), &code).unwrap();
            let run = format!("participant join --look --code-file code\n{run}");
            running.push(homes.begins(&home, &run, CONSENT));
            continue;
        }
        running.push(homes.begins(&home, &run, CONSENT));
    }
    // Its record was kept before the first answer could have come.
    running[0].line(LONG, |line| line.contains("LEAVES THIS MACHINE")).unwrap();
    homes.types("person-0", &guide.next("Take part"), "");
    let declined = retried(homes, &guide.next("Take part"));
    assert!(declined.all().contains("Noted."), "{}", declined.all());
    running
}

/// Consent is typed into a program that was just started: until it is kept, there is nothing to decline.
fn retried(homes: &Homes<'_>, block: &str) -> Ended {
    for _ in 0..200 {
        let ended = homes.ended("person-0", block, "");
        if ended.code == Some(0) {
            return ended;
        }
        assert_eq!(ended.code, Some(4), "{}", ended.all());
    }
    panic!("consent was never kept")
}

fn after(homes: &Homes<'_>, organiser: &Guide, person: &Guide) {
    let transcript = "organiser/.local/share/concert/coordinator/transcript";
    fs::copy(homes.path(".", transcript), homes.path("person-0", "transcript")).unwrap();
    let verified = homes.types("person-0", &person.next("Check, and leave no traces"), "");
    assert!(verified.all().contains("Everything holds"), "{}", verified.all());
    homes.types("person-0", &person.next("Check, and leave no traces"), "erase\n");
    assert!(!homes.path("person-0", ".local/share/concert/participant/key").exists());
    let late = homes.types("person-1", &person.next("Take it back"), "");
    assert!(late.all().contains("cannot be"), "{}", late.all());

    fs::copy(homes.path("seat-0", "seat.key"), homes.path_made("seat-new").join("seat.key"))
        .unwrap();
    homes.types("seat-new", &person.next("A lost machine"), PASSPHRASE);
    homes.types("seat-1", &person.next("A lost machine"), "They are lost\n");

    homes.types("organiser", &organiser.next("5. What came of it"), "");
    assert!(homes.read("organiser", "report.html").contains("<html"));
    assert!(homes.read("organiser", "report.csv").starts_with("sum,what,count\n"));
    for (file, accepted) in [("before.csv", 0), ("after.csv", 1)] {
        let rows = (0..200).map(|row| format!("{},{},{accepted}\n", row % 2, row / 2 % 2));
        let table = format!("minority,positive,accepted\n{}", rows.collect::<String>());
        homes.write("organiser", file, &table);
    }
    homes.types("organiser", &organiser.next("6. After the firm has retrained"), "");
    let state = ".local/share/concert/coordinator";
    let status = homes.types("organiser", "coordinator status --json", "").events("status");
    let plan = &status[0]["plan"].as_str().unwrap()[..8];
    homes.types("organiser", &organiser.next("7. Destroy the keys"), &format!("{plan}\n"));
    assert!(!homes.path("organiser", state).join("journal").exists());
    assert!(homes.read("organiser", "destroyed.txt").contains("were destroyed"));
}

/// A document's command blocks, by heading, in order.
struct Guide {
    name: &'static str,
    blocks: RefCell<BTreeMap<String, Vec<String>>>,
}

impl Guide {
    fn read(name: &'static str) -> Self {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
        let text = fs::read_to_string(docs.join(name)).unwrap();
        let mut blocks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (mut heading, mut block): (String, Option<String>) = (String::new(), None);
        for line in text.lines() {
            match (&mut block, line) {
                (None, "```sh") => block = Some(String::new()),
                (Some(done), "```") => {
                    // Taken from the end.
                    blocks.entry(heading.clone()).or_default().insert(0, std::mem::take(done));
                    block = None;
                }
                (Some(block), line) => {
                    block.push_str(line);
                    block.push('\n');
                }
                (None, line) if line.starts_with('#') => {
                    line.trim_start_matches('#').trim().clone_into(&mut heading);
                }
                (None, _) => {}
            }
        }
        assert!(block.is_none() && blocks.len() > 4, "{name}");
        Self { name, blocks: RefCell::new(blocks) }
    }

    /// The next block under a heading.
    fn next(&self, heading: &str) -> String {
        let mut blocks = self.blocks.borrow_mut();
        let left = blocks.get_mut(heading).and_then(Vec::pop);
        left.unwrap_or_else(|| panic!("{} has no such command under \"{heading}\"", self.name))
    }

    fn is_finished(&self) {
        let left: Vec<_> = self.blocks.borrow().values().flatten().cloned().collect();
        assert_eq!(left, Vec::<String>::new(), "{}: nobody has run these", self.name);
    }
}

/// A home folder for each party.
struct Homes<'a> {
    stage: &'a Stage,
}

impl Homes<'_> {
    fn path(&self, home: &str, name: &str) -> std::path::PathBuf {
        self.stage.path(home).join(name)
    }

    fn path_made(&self, home: &str) -> std::path::PathBuf {
        let path = self.stage.path(home);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn read(&self, home: &str, name: &str) -> String {
        fs::read_to_string(self.path(home, name)).unwrap()
    }

    fn write(&self, home: &str, name: &str, text: &str) {
        fs::write(self.path_made(home).join(name), text).unwrap();
    }

    /// Starts what is typed, with these answers.
    fn begins(&self, home: &str, block: &str, answers: &str) -> Running {
        let folders =
            [Program::Coordinator, Program::Participant].map(|of| of.path().parent().unwrap());
        let path = std::env::join_paths(
            folders
                .into_iter()
                .map(Path::to_owned)
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let home_folder = self.path_made(home);
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-euc", block])
            .current_dir(&home_folder)
            .env("HOME", &home_folder)
            .env("PATH", path.unwrap())
            .env("NO_COLOR", "1")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME");
        self.stage.answered(&mut shell, answers).unwrap()
    }

    fn ended(&self, home: &str, block: &str, answers: &str) -> Ended {
        self.begins(home, block, answers).end(LONG).unwrap()
    }

    /// Types it, to a good end.
    fn types(&self, home: &str, block: &str, answers: &str) -> Ended {
        let ended = self.ended(home, block, answers);
        assert_eq!(ended.code, Some(0), "{block}{}", ended.all());
        ended
    }
}
