//! What can be typed. Nothing secret can: codes, records, labels and passphrases come from files or are asked for.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Take part in a minority collective action: as a member, as a donor, or as a keyholder.
///
/// A campaign decides in private who is asked to report the positive label. What you say about yourself stays on this
/// machine; only shares leave it, of which no one alone says anything. Begin with the code you were given:
///
///   participant join
///
/// It shows who organises what and what would be sent, and sends nothing about you before you have agreed.
#[derive(Debug, Parser)]
#[command(name = "participant", version, max_term_width = 100, after_help = after_help())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The folder that holds your key, record and journal; one for each campaign. By default concert/participant in
    /// your data folder, concert/keyholder for keyhold.
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Write JSON, one object a line, with "schema":1; the last line of a failure has its code and exit code.
    #[arg(long, global = true)]
    pub json: bool,
}

fn after_help() -> String {
    format!(
        "When not to use this: {}\n\nExit codes: 0 done, 1 bug, 2 usage, 3 waiting (with --no-wait), 4 you did not agree, 5 ended without a result, 6 ALARM: \
         a verification failed, 10 code no good, 11 too late, 12 joined already, 65 bad data, 69 unreachable, 74 disk, 75 try again, \
         77 wrong certificate or permission, 78 configuration or version.",
        crate::notices::WHEN_NOT
    )
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads a code, shows the campaign, and after you have agreed takes the first steps.
    Join(Join),
    /// Lays a record beside the campaign's schema, on this machine only.
    Check(Check),
    /// Shows what would leave this machine, and who could read it.
    Preview(Preview),
    /// Makes every visit of the campaign that is due, and waits for the next one.
    Run(Run),
    /// Says where you stand and when to come back. Asks nobody.
    Status,
    /// Says that you have reported what you were asked to, or as always if you were not asked.
    Confirm,
    /// Says that you rather did not. Counts as such in a sum; nobody sees whose it was.
    Decline,
    /// Says what the firm has decided about you after it has learnt again. Asks for it.
    Decision,
    /// Takes back what can be taken back, and sends nothing more.
    Withdraw,
    /// Checks that your reports are in what was published; with a transcript, by every rule of it.
    Verify(Verify),
    /// Writes what others need to see that the protocol was broken. Holds nothing about you but your pseudonym.
    Evidence(Evidence),
    /// Overwrites and removes everything that is kept here.
    Erase(Erase),
    /// Holds a key share of a campaign, so that only sums over many people can be opened.
    #[command(subcommand)]
    Keyhold(Keyhold),
    /// Prints completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Writes the manual pages into a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

/// How a code is given.
#[derive(Args, Clone, Debug)]
pub struct Code {
    /// A private file that holds the code, - for standard input. Without it the code is asked for.
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
}

/// What somebody who takes part may have written down before.
#[derive(Args, Clone, Debug, Default)]
pub struct Prepared {
    /// Your record: one row of CSV below a row of names, or a TOML or JSON table. It may also hold role, label,
    /// decision and `if_asked`. Without it you are asked for each field.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The keyholders whom you know and trust, by their numbers: 1,3. Without it you are asked.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub know: Option<Vec<u8>>,
    /// Go on though you know none of the keyholders. Then what you are told about privacy rests on the organiser's word.
    #[arg(long)]
    pub trust_nobody: bool,
    /// The epsilon that earlier campaigns have cost this record; it counts against your limit.
    #[arg(long, value_name = "EPSILON")]
    pub spent: Option<f64>,
    /// Agree by the file of --consent-file.
    #[arg(long, requires = "consent_file")]
    pub yes: bool,
    /// A file with the campaign's id and the words "I agree", each on a line; used with --yes.
    #[arg(long, value_name = "FILE")]
    pub consent_file: Option<PathBuf>,
}

/// Options of `join`.
#[derive(Args, Debug)]
pub struct Join {
    /// The code.
    #[command(flatten)]
    pub code: Code,
    /// What was prepared.
    #[command(flatten)]
    pub prepared: Prepared,
    /// Only show the campaign, and keep it for check and preview.
    #[arg(long)]
    pub look: bool,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub struct Check {
    /// The record: .csv, .toml or .json.
    pub file: PathBuf,
}

/// Options of `preview`.
#[derive(Args, Debug)]
pub struct Preview {
    /// Show each report that was made, to the byte, with its SHA-256. Before an opening there is none: then its size
    /// and parts.
    #[arg(long)]
    pub bytes: bool,
    /// Show it for a donor or a member, if you have not said yet which you are.
    #[arg(long, value_enum)]
    pub role: Option<RoleWord>,
}

/// A role.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum RoleWord {
    /// Of the minority.
    Member,
    /// Of the majority.
    Donor,
}

/// Options of `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// What was prepared, if you have not agreed yet.
    #[command(flatten)]
    pub prepared: Prepared,
    /// Do what is due and end with exit code 3, saying when to come back.
    #[arg(long)]
    pub no_wait: bool,
}

/// Options of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// The campaign's published transcript.
    pub transcript: Option<PathBuf>,
}

/// Options of `evidence`.
#[derive(Args, Debug)]
pub struct Evidence {
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = "evidence.json")]
    pub out: PathBuf,
}

/// Options of `erase`.
#[derive(Args, Debug)]
pub struct Erase {
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// The commands of a keyholder.
#[derive(Debug, Subcommand)]
pub enum Keyhold {
    /// Reads a keyholder's code, shows the plan, makes your keys, and ends with the ceremony.
    Join(KeyholdJoin),
    /// Does your part in every sum. Leave it running; it can be stopped and started again.
    Run(KeyholdRun),
    /// Says what you have signed so far. Asks nobody.
    Status,
    /// Declares keyholders lost whom you have tried to reach by their contact. Cannot be taken back.
    Lost {
        /// Their numbers, all of them at once: a keyholder says this once for each sum.
        #[arg(required = true, value_delimiter = ',')]
        numbers: Vec<u8>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Writes everything that makes you this keyholder into one file, under a passphrase.
    ExportKey(Locked),
    /// Takes such a file over on another machine. Never let two machines be one keyholder.
    ImportKey(Locked),
}

/// Options of `keyhold join`.
#[derive(Args, Debug)]
pub struct KeyholdJoin {
    /// The code.
    #[command(flatten)]
    pub code: Code,
    /// Hold the seat without being asked.
    #[arg(long)]
    pub accept: bool,
    /// Say that all fingerprints were compared, without being asked. Use it only if they were.
    #[arg(long)]
    pub fingerprints_match: bool,
}

/// Options of `keyhold run`.
#[derive(Args, Debug)]
pub struct KeyholdRun {
    /// Say that all fingerprints were compared, if the ceremony is not over yet.
    #[arg(long)]
    pub fingerprints_match: bool,
    /// Declare silent keyholders lost by itself, after the plan's patience, without anybody trying to reach them.
    #[arg(long)]
    pub declare_losses: bool,
}

/// A locked file.
#[derive(Args, Debug)]
pub struct Locked {
    /// The file.
    pub file: PathBuf,
    /// A private file that holds the passphrase, - for standard input. Without it the passphrase is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed_and_takes_nothing_secret() {
        let command = Cli::command();
        command.clone().debug_assert();
        let help = command.clone().render_long_help().to_string();
        assert!(help.contains("When not to use this: Not for reports that are made under oath"));
        let mut names = Vec::new();
        collect(&command, &mut names);
        for secret in ["code", "label", "passphrase", "key", "income", "role"] {
            let free = names.iter().filter(|name| **name == secret).count();
            // `preview --role` shows a screen for either role and says nothing about the person.
            assert_eq!(free, usize::from(secret == "role"), "--{secret}");
        }
    }

    fn collect(command: &clap::Command, names: &mut Vec<String>) {
        names.extend(command.get_arguments().filter_map(|of| of.get_long().map(str::to_owned)));
        command.get_subcommands().for_each(|sub| collect(sub, names));
    }
}
