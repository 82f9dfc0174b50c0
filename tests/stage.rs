//! A campaign of real processes in one folder: what a test or a demo needs to start, watch, kill and ask them.
//!
//! Nothing here sleeps: whoever waits, waits for a line of a program's output or for its end, and never for ever.

mod parties;
mod terms;

pub use parties::Seated;
pub use terms::{Terms, beat};

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Seek as _, Write as _},
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::programs::Program;

/// Words that consent to sums without noise.
const CONSENT: &str = "I agree\nA count of one may be me\n";

/// Linux's file system in memory.
const MEMORY: &str = "/dev/shm";

/// A folder that is deleted with the value: in memory, or where the system keeps temporary files.
fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir())?)
}

/// The folder of a campaign: each party has a state folder of its own in it.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none if it was killed.
    pub code: Option<i32>,
    /// The lines of its standard output.
    pub lines: Vec<String>,
    /// Its standard error.
    pub says: String,
}

/// A program that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: Receiver<String>,
    lines: Vec<String>,
    errors: PathBuf,
}

/// How a program is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The system shuts down.
    Terminate,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
        }
    }
}

impl Stage {
    /// A folder with the campaign's file, on a port of loopback that the system chooses. The folder is in memory where it can
    /// be: dozens of programs that synchronise one slow disk would wait for each other, and a kill loses neither.
    ///
    /// # Errors
    /// If the folder or a port cannot be had.
    pub fn new(terms: &Terms) -> Result<Self> {
        Self::within(terms, folder()?)
    }

    /// The same on a disk, for whoever measures what its synchronisation costs.
    ///
    /// # Errors
    /// As [`Stage::new`].
    pub fn on_disk(terms: &Terms) -> Result<Self> {
        Self::within(terms, tempfile::tempdir()?)
    }

    fn within(terms: &Terms, folder: TempDir) -> Result<Self> {
        let stage = Self { folder };
        let port = UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port();
        fs::write(stage.path("campaign.toml"), terms.file(port))?;
        Ok(stage)
    }

    /// A file in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command of the organiser, in words or, with `--json` among the arguments, in JSON.
    pub fn coordinator(&self, arguments: &[&str]) -> Command {
        self.command(Program::Coordinator, "coordinator", arguments)
    }

    /// A command of one person, whose state is in the folder `who`.
    pub fn participant(&self, who: &str, arguments: &[&str]) -> Command {
        self.command(Program::Participant, who, arguments)
    }

    fn command(&self, program: Program, state: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.path());
        command
            .args(["--state", state])
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("NO_COLOR", "1")
            .env("TZ", "UTC");
        command
    }

    /// Runs a command to its end, which must come soon.
    ///
    /// # Errors
    /// If it cannot be started, or does not end.
    pub fn ended(&self, command: &mut Command, within: Duration) -> Result<Ended> {
        self.start(command)?.end(within)
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn done(&self, command: &mut Command, within: Duration) -> Result<Ended> {
        let ended = self.ended(command, within)?;
        ensure!(ended.code == Some(0), "{command:?} ended with {:?}:\n{}", ended.code, ended.all());
        Ok(ended)
    }

    /// Starts a command.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self, command: &mut Command) -> Result<Running> {
        let errors = tempfile::Builder::new().prefix("says-").tempfile_in(self.folder.path())?;
        let (_, errors) = errors.keep()?;
        command.stdout(Stdio::piped()).stderr(File::create(&errors)?);
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let output = child.stdout.take().context("standard output is piped")?;
        Ok(Running { child, output: read(output), lines: Vec::new(), errors })
    }

    /// Starts a command that reads these answers from its standard input, a line each.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn answered(&self, command: &mut Command, answers: &str) -> Result<Running> {
        let mut file = tempfile::tempfile_in(self.folder.path())?;
        file.write_all(answers.as_bytes())?;
        file.rewind()?;
        self.start(command.stdin(file))
    }

    /// Splits a file of codes into one private file for each, which people can be handed: `NAME-1`, `NAME-2` and so on.
    ///
    /// # Errors
    /// If they cannot be read or written.
    pub fn hand_out(&self, codes: &str, name: &str) -> Result<usize> {
        let codes = fs::read_to_string(self.path(codes))?;
        let codes = codes.lines().filter(|line| !line.is_empty());
        let mut count = 0;
        for code in codes {
            count += 1;
            self.private(&format!("{name}-{count}.code"), code)?;
        }
        Ok(count)
    }

    /// A file that consents to this campaign, also to sums without noise.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn consent(&self, campaign: &str) -> Result<()> {
        self.private("consent", &format!("{campaign}\n{CONSENT}"))
    }

    /// A file of its owner's alone.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn private(&self, name: &str, text: &str) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        fs::write(&path, text)?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?)
    }

    /// The campaign key that a person's program has drawn. Only a test may look at it.
    ///
    /// # Errors
    /// If there is none.
    pub fn campaign_key(&self, who: &str) -> Result<[u8; 32]> {
        let bytes = fs::read(self.path(who).join("key"))?;
        bytes.try_into().ok().with_context(|| format!("the key of {who} has another length"))
    }

    /// Where the campaign stands, again whenever that changes.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn watch(&self) -> Result<Running> {
        self.start(&mut self.coordinator(&["status", "--watch", "--json"]))
    }
}

fn read(output: ChildStdout) -> Receiver<String> {
    let (lines, received) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody waits for more.
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    received
}

impl Running {
    /// Waits for a line that `is_it`, and gives it.
    ///
    /// # Errors
    /// If the program ends before, or it does not come in time.
    pub fn line(&mut self, within: Duration, is_it: impl Fn(&str) -> bool) -> Result<String> {
        let until = Instant::now() + within;
        loop {
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.lines.push(line.clone());
                    if is_it(&line) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("not within {within:?}; last: {:?}{}", self.lines.last(), self.says());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("it ended first; last: {:?}{}", self.lines.last(), self.says());
                }
            }
        }
    }

    /// Waits for an event, written with `--json`, that `is_it`.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn event(&mut self, within: Duration, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        let parse = |line: &str| serde_json::from_str::<Value>(line).ok();
        let line = self.line(within, |line| parse(line).is_some_and(|event| is_it(&event)))?;
        parse(&line).context("it was parsed before")
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// If it does not come in time; then the program is killed.
    pub fn end(mut self, within: Duration) -> Result<Ended> {
        let until = Instant::now() + within;
        loop {
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.lines.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("no end within {within:?}: {:?}{}", self.lines.last(), self.says())
                }
            }
        }
        // Its output is closed: it has ended or is about to.
        let status = self.child.wait()?;
        let lines = std::mem::take(&mut self.lines);
        Ok(Ended { code: status.code(), lines, says: self.says() })
    }

    /// Ends it as a loss of power would: nothing is written or said any more.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn kill(mut self) -> Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "it had ended already: {}", self.says());
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Tells it to end, as a terminal or the system does. It may still say something.
    ///
    /// # Errors
    /// If it cannot be told.
    pub fn tell(&self, signal: Signal) -> Result<()> {
        let mut kill = Command::new("kill");
        let told = kill.args(["-s", signal.name()]).arg(self.id().to_string()).status()?;
        ensure!(told.success(), "it had ended already: {}", self.says());
        Ok(())
    }

    /// Its number, by which the system knows it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn says(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Everything that it has written.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.lines.join("\n"), self.says)
    }

    /// The events of one name, written with `--json`.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let events = self.lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["event"] == name).collect()
    }
}
