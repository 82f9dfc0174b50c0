//! What can be typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use host::screen::Form;

use crate::rehearsal::PEOPLE_MAX;

/// Organises a campaign: from its plan to its report.
///
/// People of a minority measure in private who of them would most likely have had a positive label in the majority; those few
/// are asked to report it; when the firm retrains, its classifier becomes fairer. This program leads the private sums. It never
/// sees anybody's record, and never learns who is asked.
/// Start with: coordinator init --example > campaign.toml
#[derive(Debug, Parser)]
#[command(name = "coordinator", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// The folder of the campaign; by default concert/coordinator in your data folder.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
    /// Writes one JSON object a line instead of words.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// How output is written.
    pub const fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Words }
    }
}

const AFTER: &str = "When not to use this: not for reports made under oath or attested by others; not for credit, insurance, \
tax, benefits, immigration, courts, health, safety, employment eligibility, exams or elections; not for labels of other people. \
False statements there can be crimes and can hurt others. Nothing is guaranteed: run `sims plan` first.\n\n\
Exit codes: 0 done, 1 bug, 2 usage, 3 not yet, 4 you said no, 5 ended without a result, 6 verification failed, 65 bad data, \
69 unreachable, 74 cannot read or write, 75 stopped, safe to run again, 77 permission, 78 bad configuration or version.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a campaign from a file, or asks for everything.
    Init(Init),
    /// Plays a whole campaign from its file with made-up people, and says what to correct. Makes and sends nothing.
    Rehearse(Rehearse),
    /// Makes codes that admit people, or keyholders, once each.
    Invite(Invite),
    /// Runs the campaign: answers people and keyholders, leads the sums. Stop it with Ctrl-C; the same command goes on.
    Run(Run),
    /// Shows where the campaign stands.
    Status(Status),
    /// Checks a transcript, offline, by every rule.
    Verify(Verify),
    /// Writes what came of the campaign: a page, JSON, CSV. Sums only.
    Report(Report),
    /// Compares the firm's decisions before and after, from two tables of people.
    Audit(Audit),
    /// Copies everything the campaign needs into one file, also while it runs.
    Backup(Backup),
    /// Destroys the campaign's keys and state, and leaves a receipt.
    Destroy(Destroy),
    /// Prints completions for a shell.
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Prints the manual page: of one command, or of the whole program.
    Man {
        /// Which command.
        command: Option<String>,
    },
}

/// Options of `init`.
#[derive(Args, Debug)]
pub struct Init {
    /// The campaign's file; without it, everything is asked for.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Prints a file with every key explained, and does nothing else.
    #[arg(long, conflicts_with = "from")]
    pub example: bool,
    /// Says that you have read the notices; without it they are shown and you are asked.
    #[arg(long)]
    pub notices_read: bool,
}

/// Options of `rehearse`.
#[derive(Args, Debug)]
pub struct Rehearse {
    /// The campaign's file.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// How many members come; by default enough for a sum and for the flips, with some to spare.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=i64::from(PEOPLE_MAX)))]
    pub members: Option<u32>,
    /// How many donors come; by default as many as the file expects.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=i64::from(PEOPLE_MAX)))]
    pub donors: Option<u32>,
    /// Also writes the page that `report` would make of it.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `invite`.
#[derive(Args, Debug)]
pub struct Invite {
    /// How many people; with --keyholder, every seat gets one unless --seat names one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// Invites keyholders instead of members and donors.
    #[arg(long, conflicts_with = "count")]
    pub keyholder: bool,
    /// One seat, counted from 1 as in the file; its earlier invite ends.
    #[arg(long, requires = "keyholder", value_name = "NUMBER")]
    pub seat: Option<u8>,
    /// How long the codes are good.
    #[arg(long, default_value = "14d", value_name = "SPAN")]
    pub expires: String,
    /// The file for the codes, one a line; only you can read it. It must not exist.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Also a page with QR symbols to print and cut.
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
    /// Shows the QR symbols on the terminal.
    #[arg(long)]
    pub show: bool,
}

/// Options of `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// Where to listen; by default the port of the campaign's address on all of this machine's addresses.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Ends so long after nothing more happens; without it, people can fetch results until you stop it.
    #[arg(long, value_name = "SPAN")]
    pub linger: Option<String>,
    /// Connections allowed from one network; raise it if many people share one, such as a hall.
    #[arg(long, default_value_t = 512, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub per_source: u32,
}

/// Options of `status`.
#[derive(Args, Debug)]
pub struct Status {
    /// Shows it again whenever it changes, until you stop it.
    #[arg(long)]
    pub watch: bool,
}

/// Options of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// The transcript.
    pub transcript: PathBuf,
    /// The plan's hash, as keyholders were told; 8 digits are enough.
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// The campaign's id, as people were told.
    #[arg(long, value_name = "HASH")]
    pub campaign: Option<String>,
    /// The hash of the last entry, as somebody else has it.
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A page with pictures, in one file.
    Html,
    /// Everything, for programs.
    Json,
    /// The counts.
    Csv,
}

/// Options of `report`.
#[derive(Args, Debug)]
pub struct Report {
    /// The transcript; by default the campaign's own.
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
    /// How it is written; by default as the name of --out says.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The file to write, in place of an earlier one.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Options of `audit`.
#[derive(Args, Debug)]
pub struct Audit {
    /// Decisions before: CSV with the columns minority, positive and accepted, each 0 or 1, one person a line.
    #[arg(long, value_name = "FILE")]
    pub before: PathBuf,
    /// Decisions after.
    #[arg(long, value_name = "FILE")]
    pub after: PathBuf,
}

/// Options of `backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// The folder for the copy; it must not exist. It holds keys: keep it as safe as the state itself.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// Options of `destroy`.
#[derive(Args, Debug)]
pub struct Destroy {
    /// The file for the receipt.
    #[arg(long, value_name = "FILE")]
    pub receipt: PathBuf,
}
