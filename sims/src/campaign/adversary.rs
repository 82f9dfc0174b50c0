//! Who lies, changes their mind or breaks the protocol in a simulated campaign.

use std::sync::Arc;

use protocol::campaign::{CheckedManifest, Decision};
use protocol::ids::{AggregationId, Blob, Hash, ReportId};
use protocol::keys::sign::SigningKey;
use protocol::messages::Request;
use protocol::order::splitmix64;
use protocol::report::{Report, share_hash};
use protocol::roles::coordinator::Record;
use protocol::transcript::{Entry, FrozenLeaf, Outcome, Post};

/// What goes wrong besides the network. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mischief {
    /// The share of people whose reports are garbage, signed by themselves.
    pub garbage: f64,
    /// The share of people who take their first report back.
    pub withdrawals: f64,
    /// A machine that is deliberately broken, to see that it is found out.
    pub flaw: Option<Flaw>,
}

/// One way of being broken; each trips one invariant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// The coordinator freezes one reporter twice (I1).
    CountsTwice,
    /// The coordinator publishes another sum (I2).
    WrongSum,
    /// The coordinator freezes fewer than a cohort (I3).
    SmallCohort,
    /// The coordinator leaves a report out that it has received (I4).
    DropsReport,
    /// The coordinator takes a report that is bound to another opening (I5).
    OtherContext,
    /// The coordinator freezes a report that was taken back (I6).
    IgnoresWithdrawal,
    /// The coordinator's disk loses an entry (I7).
    LosesRecord,
    /// The coordinator ranks open scores upside down (I2).
    WrongRanking,
    /// Participants ask for an opening before they have consented (I8).
    ActsUnasked,
    /// The coordinator falls asleep after the ceremony (I9).
    FallsAsleep,
}

/// What one person does besides following the protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Character {
    /// Sends garbage of this kind.
    pub lies: Option<u64>,
    /// Takes its first report back.
    pub withdraws: bool,
}

impl Mischief {
    /// The character of one person of a campaign.
    pub fn character(&self, seed: u64, number: usize) -> Character {
        let roll = |what: u64| splitmix64(splitmix64(seed ^ what) ^ number as u64);
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more bits")]
        let within =
            |roll: u64, share: f64| (roll >> 11) as f64 / (1_u64 << 53) as f64 >= 1.0 - share;
        let lies = within(roll(1), self.garbage).then(|| roll(2));
        Character { lies, withdraws: lies.is_none() && within(roll(3), self.withdrawals) }
    }
}

/// A report of this person that proves nothing: its shares are not those of a measurement.
pub fn garbage(report: &Report, key: &SigningKey, roll: u64) -> Report {
    let mut report = report.clone();
    let spoil = |blob: &mut Blob| {
        let mut bytes = blob.as_slice().to_vec();
        // Small integers are elements of every field.
        for (byte, place) in bytes.iter_mut().zip(0_u64..) {
            *byte = if place % 8 == 0 { splitmix64(roll ^ place).to_le_bytes()[0] } else { 0 };
        }
        *blob = bytes.into();
    };
    match roll % 3 {
        // Without proofs only what is no measurement at all can be told from one.
        _ if report.sealed.is_empty() => {
            report.leader_share = vec![0xFF; report.leader_share.len()].into();
        }
        0 => spoil(&mut report.leader_share),
        1 => report.sealed.iter_mut().take(1).for_each(spoil),
        _ => spoil(&mut report.body.public_share),
    }
    report.body.leader_share = share_hash(&report.leader_share);
    report.body.sealed = report.sealed.iter().map(share_hash).collect();
    report.signature = report.body.sign(key);
    report
}

/// A report on its way, changed somewhere by somebody without the reporter's key, or sent where it does not belong.
pub fn tampered(request: &Request, roll: u64, seen: &[Arc<Report>]) -> Option<Request> {
    let Request::Report { aggregation, report } = request else { return None };
    let (aggregation, mut changed) = (*aggregation, Report::clone(report));
    let place = |len: usize| usize::try_from(splitmix64(roll) % (len.max(1) as u64)).unwrap_or(0);
    let flip = |blob: &mut Blob| {
        let mut bytes = blob.as_slice().to_vec();
        let at = place(bytes.len());
        *bytes.get_mut(at)? ^= 1;
        *blob = bytes.into();
        Some(())
    };
    match roll % 6 {
        0 => flip(&mut changed.leader_share)?,
        1 => flip(changed.sealed.first_mut()?)?,
        2 => flip(&mut changed.body.public_share)?,
        3 => changed.body.id = ReportId([0xFF; 16]),
        4 => {
            let other = AggregationId(aggregation.0 ^ 1);
            return Some(Request::Report { aggregation: other, report: Arc::clone(report) });
        }
        _ => {
            let report = Arc::clone(seen.get(place(seen.len()))?);
            return Some(Request::Report { aggregation, report });
        }
    }
    Some(Request::Report { aggregation, report: Arc::new(changed) })
}

/// What a broken coordinator writes instead.
pub fn broken(
    flaw: Flaw,
    record: Record,
    manifest: &CheckedManifest,
    held: &Held,
) -> Option<Record> {
    let entry = match record {
        Record::Report { aggregation, report } if flaw == Flaw::OtherContext => {
            let mut report = Report::clone(&report);
            report.body.context = Hash([0; 32]);
            return Some(Record::Report { aggregation, report: Arc::new(report) });
        }
        Record::Entry(entry) => entry,
        other => return Some(other),
    };
    let post = match (flaw, &entry.signed.post) {
        (Flaw::LosesRecord, Post::Roster(_)) => return None,
        (Flaw::WrongSum, Post::Outcome(outcome)) => {
            let mut outcome = Outcome::clone(outcome);
            outcome.values.iter_mut().take(1).for_each(|value| *value += 1);
            Post::Outcome(Arc::new(outcome))
        }
        (Flaw::WrongRanking, Post::Outcome(outcome)) => {
            let mut outcome = Outcome::clone(outcome);
            if let Some(Decision::Ranking(ranking)) = &mut outcome.decision {
                ranking.scores.reverse();
            }
            Post::Outcome(Arc::new(outcome))
        }
        (_, Post::Leaves { aggregation, leaves }) => {
            let leaves = broken_leaves(flaw, leaves, manifest.cohort_min, held);
            Post::Leaves { aggregation: *aggregation, leaves }
        }
        _ => return Some(Record::Entry(entry)),
    };
    let mut entry = Entry::clone(&entry);
    entry.signed.post = post;
    Some(Record::Entry(Arc::new(entry)))
}

/// What a broken coordinator remembers of reports that were taken back.
#[derive(Clone, Debug, Default)]
pub struct Held {
    reports: Vec<FrozenLeaf>,
    withdrawn: Vec<FrozenLeaf>,
}

impl Held {
    /// Takes note of what the coordinator writes.
    pub fn note(&mut self, record: &Record) {
        match record {
            Record::Report { report, .. } => {
                let (id, reporter) = (report.body.id, report.body.reporter);
                self.reports.push(FrozenLeaf { id, reporter, leaf: report.leaf() });
            }
            Record::Withdrawn(withdrawal) => {
                let of = self.reports.iter().find(|leaf| leaf.id == withdrawal.id);
                self.withdrawn.extend(of.copied());
            }
            Record::Entry(_)
            | Record::Issued { .. }
            | Record::Enrolled(_)
            | Record::Verifier { .. }
            | Record::Verdicts { .. } => {}
        }
    }
}

fn broken_leaves(flaw: Flaw, leaves: &[FrozenLeaf], cohort: u32, held: &Held) -> Vec<FrozenLeaf> {
    let mut leaves = leaves.to_vec();
    match flaw {
        Flaw::CountsTwice => leaves.extend(leaves.first().copied()),
        Flaw::SmallCohort => leaves.truncate(cohort as usize - 1),
        Flaw::DropsReport => {
            leaves.pop();
        }
        Flaw::IgnoresWithdrawal => leaves.extend(held.withdrawn.iter().take(1)),
        Flaw::WrongSum
        | Flaw::WrongRanking
        | Flaw::OtherContext
        | Flaw::LosesRecord
        | Flaw::ActsUnasked
        | Flaw::FallsAsleep => {}
    }
    leaves
}
