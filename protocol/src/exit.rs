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
    /// An aggregation or a campaign ended without a result; nothing was opened.
    Aborted,
    /// A verification failed.
    Verification,
    /// Bad data: schema, range, or a request that the data cannot meet.
    Data,
    /// Something that is needed cannot be reached.
    Unreachable,
    /// Reading or writing a file failed.
    Io,
    /// Stopped half-way; safe to run again.
    Temporary,
    /// A configuration file is wrong.
    Configuration,
}

impl Exit {
    /// The number the operating system is given.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Aborted => 5,
            Self::Verification => 6,
            Self::Data => 65,
            Self::Unreachable => 69,
            Self::Io => 74,
            Self::Temporary => 75,
            Self::Configuration => 78,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
