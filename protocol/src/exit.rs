//! Exit codes: one table for all programs.

/// How a program ends, as its exit code.
///
/// The same code stands in `--json` output. 2 (usage) is given by the command-line parser.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exit {
    /// Done.
    Done,
    /// An unexpected bug.
    Bug,
    /// The command line cannot be understood.
    Usage,
    /// Not yet: too few people so far, or nothing to do before a later time. Asked not to wait.
    Waiting,
    /// The person did not agree. Nothing was sent.
    Declined,
    /// An aggregation or a campaign ended without a result; nothing was opened.
    Aborted,
    /// A verification failed.
    Verification,
    /// An invite's code is mistyped, unknown, expired or used by somebody else.
    Code,
    /// A deadline has passed.
    Deadline,
    /// This was done before; it counts once.
    Already,
    /// No plan is safe in the scenarios that were asked for.
    NoSafePlan,
    /// Bad data: schema, range, or a request that the data cannot meet.
    Data,
    /// Something that is needed cannot be reached.
    Unreachable,
    /// Reading or writing a file failed.
    Io,
    /// Stopped half-way; safe to run again.
    Temporary,
    /// Another certificate than the invite names, or a permission is missing.
    Permission,
    /// A configuration file is wrong, or two programs are of versions that do not fit.
    Configuration,
}

impl Exit {
    /// The number the operating system is given.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Waiting => 3,
            Self::Declined => 4,
            Self::Aborted => 5,
            Self::Verification => 6,
            Self::Code => 10,
            Self::Deadline => 11,
            Self::Already => 12,
            Self::NoSafePlan => 20,
            Self::Data => 65,
            Self::Unreachable => 69,
            Self::Io => 74,
            Self::Temporary => 75,
            Self::Permission => 77,
            Self::Configuration => 78,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
