//! What can go wrong in a command: what happened, what to do next, how the program ends.

use std::io;
use std::path::PathBuf;

use protocol::exit::Exit;
use protocol::transcript::AbortReason;
use protocol::transcript::file::FileError;

use crate::baseline::BaselineError;
use crate::beyond::InquiryError;
use crate::campaign::play::PlayError;
use crate::campaign::study::StudyError;
use crate::compare::{CompareError, SeedError};
use crate::dataset::DatasetError;
use crate::dataset::fetch::FetchError;
use crate::dataset::infer::InferError;
use crate::experiment::ExperimentError;
use crate::experiment::sweep::SweepError;
use crate::figure::FigureError;
use crate::paper::PaperError;
use crate::planning::PlanningError;
use crate::planning::aggregates::AggregatesError;
use crate::planning::aggregates::opened::OpenedError;
use crate::planning::calibrate::CalibrationError;
use crate::planning::report::Difference;
use crate::population::PopulationError;
use crate::reference::ReferenceError;
use crate::scene::SceneError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// A data set could not be fetched or checked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A data set's file is not where it was looked for.
    #[error("the data of \"{dataset}\" is not at {}", .path.display())]
    NoData {
        /// The data set's word.
        dataset: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// An experiment file is wrong.
    #[error("{}: {error}", .file.display())]
    Experiment {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: ExperimentError,
    },
    /// The options do not make an experiment.
    #[error(transparent)]
    Options(#[from] ExperimentError),
    /// A simulated campaign stopped.
    #[error("seed {seed}: {error}")]
    Campaign {
        /// Of everything random in it.
        seed: u64,
        /// Why.
        error: StudyError,
    },
    /// A campaign cannot be set.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A transcript breaks its rules, or is none.
    #[error("{}: {error}", .file.display())]
    Transcript {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: FileError,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An experiment stopped.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The paper's points cannot be read.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// A question has no answer.
    #[error(transparent)]
    Inquiry(Box<InquiryError>),
    /// A word that names nothing that can be reproduced.
    #[error("--only {word}: allowed are {}", .allowed.join(", "))]
    Only {
        /// As given.
        word: String,
        /// What there is.
        allowed: Vec<&'static str>,
    },
    /// A document has no place for the tables.
    #[error("{} has no lines \"<!-- begin {mark} -->\" and, below it, \"<!-- end {mark} -->\"", .file.display())]
    NoMarks {
        /// The document.
        file: PathBuf,
        /// Which marks.
        mark: String,
    },
    /// A synthetic population could not be drawn.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// A scene could not be played.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// A comparison stopped.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// A reference case failed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A reference does not describe itself.
    #[error(transparent)]
    SelfDescribed(#[from] InferError),
    /// A plan cannot be made.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// A file holds no aggregates.
    #[error("{}: {error}", .file.display())]
    Aggregates {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: AggregatesError,
    },
    /// A transcript holds no aggregates of people.
    #[error("{}: {error}", .file.display())]
    Opened {
        /// The transcript.
        file: PathBuf,
        /// Why.
        error: OpenedError,
    },
    /// Neither a reference nor a data set.
    #[error(
        "a plan needs people like the firm's: --reference FILE.csv, --dataset WORD or --aggregates FILE.toml"
    )]
    NoReference,
    /// A file is no plan.
    #[error("{}: not a plan: {source}", .file.display())]
    PlanFile {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A plan made again says something else.
    #[error("{} says {} at {}, but made again it is {}", .file.display(), .difference.expected, .difference.key, .difference.got)]
    PlanDiffers {
        /// The file.
        file: PathBuf,
        /// Where it differs.
        difference: Difference,
    },
    /// A calibration stopped.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A figure could not be drawn.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// Nothing can be written to standard output.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Fetch(error) => match error {
                FetchError::NoPython { .. } | FetchError::NoPip => Exit::Configuration,
                FetchError::PipFailed { .. } => Exit::Unreachable,
                FetchError::Disk { .. } => Exit::Io,
                FetchError::WrongHash { .. }
                | FetchError::Package { .. }
                | FetchError::Format { .. } => Exit::Verification,
            },
            Self::Data(DatasetError::Unreadable { .. })
            | Self::SelfDescribed(InferError::Data(DatasetError::Unreadable { .. }))
            | Self::NoData { .. }
            | Self::Figure(FigureError::Write { .. })
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Output(_) => Exit::Io,
            Self::Data(DatasetError::Description { .. })
            | Self::SelfDescribed(InferError::Unmarked { .. })
            | Self::Planning(PlanningError::Setting { .. } | PlanningError::Nothing { .. })
            | Self::NoReference
            | Self::Aggregates { .. }
            | Self::Experiment { .. }
            | Self::NoMarks { .. }
            | Self::Options(_) => Exit::Configuration,
            Self::Only { .. } => Exit::Usage,
            Self::Data(_)
            | Self::SelfDescribed(_)
            | Self::Planning(_)
            | Self::Calibration(_)
            | Self::PlanFile { .. }
            | Self::Opened { .. }
            | Self::Scene(_)
            | Self::Compare(_)
            | Self::Population(_)
            | Self::Paper(_) => Exit::Data,
            Self::Inquiry(error) => match &**error {
                InquiryError::Kept(error) => sweep_exit(error),
                InquiryError::Seed { .. } => Exit::Data,
                InquiryError::Toml(_) | InquiryError::Setting(_) => Exit::Configuration,
            },
            Self::Sweep(error) => sweep_exit(error),
            Self::Reference(error) => match error {
                ReferenceError::Cases { source, .. } if source.is_io_error() => Exit::Io,
                ReferenceError::Cases { .. } | ReferenceError::Case { .. } => Exit::Data,
                ReferenceError::Write(_) => Exit::Io,
            },
            Self::Campaign { error, .. } | Self::Study(error) => match error {
                StudyError::Play(play) => match **play {
                    PlayError::Aborted { .. } => Exit::Aborted,
                    PlayError::Script(_) => Exit::Configuration,
                    PlayError::Setting(_) => Exit::Bug,
                },
                StudyError::Setup(_) => Exit::Configuration,
                StudyError::Scene(_)
                | StudyError::Marginals(_)
                | StudyError::Outline(_)
                | StudyError::Published { .. } => Exit::Data,
            },
            Self::Transcript { .. } | Self::PlanDiffers { .. } => Exit::Verification,
            Self::Figure(_) => Exit::Bug,
        }
    }

    /// What to do next, where there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PlanDiffers { .. } => Some(
                "compare the versions and the reference's hash in the file with yours; another program, other data or another processor give other numbers",
            ),
            Self::Aggregates { .. } => Some(
                "sims plan --write-aggregates FILE --dataset synthetic writes such a file to look at",
            ),
            Self::Planning(PlanningError::FewPeople { .. }) => {
                Some("use a larger reference; with few people nothing can be said")
            }
            Self::Planning(PlanningError::Scene {
                error: SceneError::NoCandidates { .. }, ..
            }) => Some("let more people join with --alpha"),
            Self::NoData { .. } => {
                Some("name the folder with --data, or fetch COMPAS and Adult: sims data get compas")
            }
            Self::Campaign { error: StudyError::Play(play), .. } => match **play {
                PlayError::Aborted { reason: Some(AbortReason::TooFewReports { .. }), .. } => Some(
                    "let more people take part (--alpha, --people), or open smaller sums with --cohort, 12 at least",
                ),
                PlayError::Aborted { .. } | PlayError::Script(_) | PlayError::Setting(_) => None,
            },
            Self::Sweep(SweepError::Scene { error: SceneError::TooManyFlips { .. }, .. })
            | Self::Scene(SceneError::TooManyFlips { .. }) => Some(
                "ask for fewer, or say beyond = \"flip-all\" (on the command line: --beyond flip-all)",
            ),
            Self::Compare(CompareError {
                error: SeedError::Scene(SceneError::TooManyFlips { .. }),
                ..
            }) => Some("ask for fewer flips, or for a larger collective with --alpha"),
            Self::Sweep(SweepError::Io { .. }) => {
                Some("free some space or name another folder with --out")
            }
            Self::Experiment { .. } => {
                Some("sims sweep --help lists the keys of an experiment file")
            }
            _ => None,
        }
    }
}

fn sweep_exit(error: &SweepError) -> Exit {
    match error {
        SweepError::FirmSide { error: BaselineError::Strength { .. }, .. }
        | SweepError::Foreign { .. } => Exit::Configuration,
        SweepError::Scene { .. } | SweepError::FirmSide { .. } | SweepError::Corrupt { .. } => {
            Exit::Data
        }
        SweepError::Io { .. } | SweepError::Unreadable { .. } => Exit::Io,
    }
}
