//! What an organiser is told, and must say, before a campaign begins.

use serde::Deserialize;

/// Shown by `init` before anything is made.
pub const BEFORE: &str = "\
Before you begin. Plain words, not legal advice; have counsel read your plan.

- Use this only for labels that people report about themselves and that nobody attests: opinions, ratings, self-labels.
  Never for sworn or signed statements, credit, insurance, tax, benefits, immigration, courts, health, safety, employment
  eligibility, exams or elections, nor for labels of other people. False statements there can be crimes or fraud, and can
  hurt patients and others.
- Members may break the firm's terms: accounts can be closed, contracts ended, people retaliated against. Some places protect
  collective action by workers, others do not. Get advice first.
- The firm may detect changes that are made together. Privacy here does not hide what people submit to the firm.
- Membership of a group is sensitive. Joining can reveal it: the coordinator sees network addresses. No names, telephone
  numbers or e-mail addresses are needed; do not collect them.
- Nothing is guaranteed. The outcome can be worse, and others can be harmed: run `sims plan` first and show people its odds.
- Everybody may refuse, withdraw and leave, without a penalty and without being listed. Not for minors without safeguards. Never
  pay for flips: a market for false labels is fraud.
- Try what is less risky first: a complaint, an audit, a request for data, a union or an association, a regulator.
";

/// What a label must not be, or needs a written statement for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// Sworn, signed or otherwise attested.
    SwornOrSigned,
    /// Credit records.
    Credit,
    /// Insurance records.
    Insurance,
    /// Tax.
    Tax,
    /// Public benefits.
    Benefits,
    /// Immigration.
    Immigration,
    /// Courts.
    Court,
    /// Health records.
    Medical,
    /// Safety records.
    Safety,
    /// Eligibility for employment.
    Employment,
    /// Integrity of exams.
    Exam,
    /// Elections.
    Election,
    /// Labels of other people.
    OtherPeople,
}

impl Concern {
    /// All of them, in the order they are asked in.
    pub const ALL: [Self; 13] = [
        Self::SwornOrSigned,
        Self::Credit,
        Self::Insurance,
        Self::Tax,
        Self::Benefits,
        Self::Immigration,
        Self::Court,
        Self::Medical,
        Self::Safety,
        Self::Employment,
        Self::Exam,
        Self::Election,
        Self::OtherPeople,
    ];

    /// Its word in a campaign's file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SwornOrSigned => "sworn-or-signed",
            Self::Credit => "credit",
            Self::Insurance => "insurance",
            Self::Tax => "tax",
            Self::Benefits => "benefits",
            Self::Immigration => "immigration",
            Self::Court => "court",
            Self::Medical => "medical",
            Self::Safety => "safety",
            Self::Employment => "employment",
            Self::Exam => "exam",
            Self::Election => "election",
            Self::OtherPeople => "other-people",
        }
    }

    /// What it means, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SwornOrSigned => "a sworn, signed or attested statement",
            Self::Credit => "credit",
            Self::Insurance => "insurance",
            Self::Tax => "tax",
            Self::Benefits => "public benefits",
            Self::Immigration => "immigration",
            Self::Court => "courts",
            Self::Medical => "health records",
            Self::Safety => "safety records",
            Self::Employment => "eligibility for employment",
            Self::Exam => "the integrity of exams",
            Self::Election => "elections",
            Self::OtherPeople => "labels of other people",
        }
    }
}
