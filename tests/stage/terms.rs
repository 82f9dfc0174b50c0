//! What a staged campaign is about, and how fast it goes.

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Result, ensure};

use crate::{
    people::{FEATURES, Subject},
    programs::Program,
};

/// A campaign among [`crate::people`], without noise. Times are in beats: see [`beat`].
#[derive(Clone, Debug)]
pub struct Terms {
    /// T.
    pub keyholders: u8,
    /// t; 0 if none can be lost.
    pub recovery_threshold: u8,
    /// The most that can report.
    pub reporters_max: u32,
    /// How many donors are expected.
    pub donors: u32,
    /// M.
    pub flip_budget: u32,
    /// The most that are asked.
    pub safe_cap: u32,
    /// From the start until the last token is issued: the ceremony, invitations and joining.
    pub joining: f64,
    /// How long people can enrol after that.
    pub enrolling: f64,
    /// How long each collection lasts.
    pub collecting: f64,
    /// How long opening a sum may take.
    pub closing: f64,
    /// How long a keyholder may be silent.
    pub patience: f64,
    /// Whether the firm's decisions are added up before and after.
    pub audits: bool,
    /// Whether scores are in the open: for fewer than 12 members, of whom nothing is confirmed.
    pub open_scores: bool,
    /// Of the majority, in place of what donors lend: records that the plan publishes.
    pub published: Vec<Subject>,
    /// In seconds.
    pub beat: f64,
}

impl Terms {
    /// As few people as any sum is opened for, and time for everything.
    pub const fn smallest() -> Self {
        Self {
            keyholders: 3,
            recovery_threshold: 0,
            reporters_max: 24,
            donors: 12,
            flip_budget: 2,
            safe_cap: 4,
            joining: 60.0,
            enrolling: 60.0,
            collecting: 60.0,
            closing: 60.0,
            patience: 60.0,
            audits: false,
            open_scores: false,
            published: Vec::new(),
            beat: 1.0,
        }
    }

    /// The file for `coordinator init`.
    pub fn file(&self, port: u16) -> String {
        let millis = |beats: f64| format!("{} ms", (beats * self.beat * 1_000.0).ceil());
        let mut text = format!(
            r#"[organiser]
name = "Neighbours' Union"
contact = "union.example"
[server]
address = "127.0.0.1:{port}"
[texts]
purpose = "Fairer screening"
firm = "Example Screening"
group = "People who say that they belong to the minority"
label = "Whether one would recommend the service"
[honesty]
statement = "A member reports its own opinion in the firm's form, whose terms ask for an honest view."
concerns = []
[privacy]
recovery_threshold = {}
cohort = 12
noise = "none"
[people]
reporters_max = {}
donors = {}
[selection]
method = "rb-prob"
flip_budget = {}
safe_cap = {}
no_show_milli = 100
bins = 64
mode = "{}"
[visits]
confirmation = {}
audits = {}
[times]
issue_closes = "in {}"
enrolment_closes = "in {}"
collecting = "{}"
closing = "{}"
patience = "{}"
"#,
            self.recovery_threshold,
            self.reporters_max,
            self.donors,
            self.flip_budget,
            self.safe_cap,
            if self.open_scores { "open-scores" } else { "histogram" },
            !self.open_scores,
            self.audits,
            millis(self.joining),
            millis(self.joining + self.enrolling),
            millis(self.collecting),
            millis(self.closing),
            millis(self.patience),
        );
        for number in 1..=self.keyholders {
            let _ = write!(
                text,
                "[[keyholder]]\nname = \"{}\"\ncontact = \"{number}.example\"\nnamed_by = \"Group {number}\"\n",
                NAMES[usize::from(number - 1) % NAMES.len()]
            );
        }
        text + FEATURES + &self.published()
    }

    fn published(&self) -> String {
        let mut text = String::new();
        for (number, Subject { record, positive, .. }) in self.published.iter().enumerate() {
            if number == 0 {
                text.push_str("[published]\nagreed = \"Each has signed that record and label may stand in public.\"\n");
            }
            let values: Vec<_> =
                record.iter().map(|(name, value)| format!("{name} = \"{value}\"")).collect();
            let values = values.join(", ");
            let _ = writeln!(
                text,
                "[[published.person]]\npositive = {positive}\nrecord = {{ {values} }}"
            );
        }
        text
    }
}

const NAMES: [&str; 5] =
    ["Law Clinic", "Students' Council", "Tenants' Club", "City Library", "Night Shelter"];

/// How many seconds a campaign's beat must last on this machine as it is now: 1 where starting a program, making keys and
/// keeping them are quick, more where the machine is slow or busy.
///
/// # Errors
/// If the program cannot be run.
pub fn beat() -> Result<f64> {
    const USUAL_SECS: f64 = 2.0;
    const TIMES: u8 = 8;
    let program = Program::Coordinator.path();
    let folder = super::folder()?;
    let terms = Terms::smallest();
    let file = folder.path().join("campaign.toml");
    fs::write(&file, terms.file(1))?;
    let start = Instant::now();
    for number in 0..TIMES {
        let mut init = Command::new(program);
        init.arg("--state").arg(folder.path().join(number.to_string()));
        init.args(["init", "--notices-read", "--from"]).arg(&file);
        let ended = init.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
        ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    Ok((start.elapsed().as_secs_f64() / USUAL_SECS).clamp(1.0, 4.0))
}
