//! People who do not exist: records within the campaign's schema, labels and willingness, all from a published seed.

use protocol::{
    aggregation::noise::{Rho, Role},
    campaign::{CheckedManifest, limits::Limits},
    ids::SeatSet,
    invite::InviteSecret,
    keys::{Label, digest, stream},
    person::Person,
    roles::participant::{Admission, CampaignKey, Configuration, Retry},
    scoring::{
        cells::CentreSource,
        marginals::{Marginal, Marginals},
        schema::Value,
    },
};
use rand_core::Rng;
use std::sync::Arc;

/// How soon a person's program asks again, at first.
const RETRY_FIRST_MILLIS: u64 = 2_000;

/// Everything of a rehearsal derives from these, and protects nobody.
pub(super) fn secret(what: &str, number: usize) -> [u8; 32] {
    digest(Label::Identity, &[b"rehearsal", what.as_bytes(), &number.to_le_bytes()])
}

/// By which a person is admitted.
pub(super) fn invite(number: usize) -> InviteSecret {
    let secret = secret("invite", number);
    InviteSecret::from_bytes(*secret.first_chunk().expect("a digest is longer"))
}

/// How many, of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cast {
    pub(super) members: usize,
    pub(super) donors: usize,
}

impl Cast {
    pub(super) const fn len(self) -> usize {
        self.members + self.donors
    }

    /// Members and donors come mixed, as they would.
    pub(super) fn roles(self) -> impl Iterator<Item = Role> {
        let all = self.len();
        (0..all).map(move |number| {
            let before = number * self.members / all.max(1);
            let with = (number + 1) * self.members / all.max(1);
            if with > before { Role::Member } else { Role::Donor }
        })
    }
}

/// Somebody of whom the plan says what a record holds.
pub(super) fn made_up(manifest: &CheckedManifest, number: usize, role: Role) -> Person {
    let scoring = &manifest.scoring;
    let marginals = match &scoring.centres {
        Some(CentreSource::Marginals(marginals)) => marginals.clone(),
        Some(CentreSource::Sample(_)) | None => Marginals::from_ranges(&scoring.schema),
    };
    let secret = secret("person", number);
    let mut dice = Dice(stream(Label::Rounding, &secret, &[b"rehearsal"]));
    let drawn: Vec<(Value, f64)> = marginals.features().iter().map(|of| dice.value(of)).collect();
    let features = f64::from(u32::try_from(drawn.len()).unwrap_or(u32::MAX));
    let merit = drawn.iter().map(|(_, place)| place).sum::<f64>() / features;
    // Labels follow records loosely, so that there is something to score by; fewer members have a positive one.
    let gap = if role == Role::Member { 0.15 } else { 0.0 };
    let positive = dice.share() < 0.2 + 0.7 * merit - gap;
    let no_show = f64::from(manifest.selection.rule.no_show_milli) / 1_000.0;
    Person {
        values: drawn.into_iter().map(|(value, _)| value).collect(),
        positive,
        role,
        accepted: Some(positive == (dice.share() < 0.85)),
        complies: dice.share() >= no_show,
        secret,
    }
}

/// Somebody's program. Whoever needs more than the usual limits has given it.
pub(super) fn configuration(
    manifest: &Arc<CheckedManifest>,
    number: usize,
    role: Role,
    comes_back_millis: u64,
) -> Configuration {
    Configuration {
        campaign: manifest.campaign(),
        role,
        key: CampaignKey::from_bytes(secret("person", number)),
        admission: Admission::Invited(invite(number)),
        limits: Limits {
            unnoised: true,
            open_scores: true,
            epsilon_max_milli: u32::MAX,
            ..Limits::default()
        },
        known: manifest.all_seats(),
        spent: Rho::default(),
        retry: Retry { first_millis: RETRY_FIRST_MILLIS, max_millis: comes_back_millis },
        checked: Some(Arc::clone(manifest)),
    }
}

/// Why people who know all keyholders, and agree to whatever they are asked, do not take part: their programs refuse it.
pub(super) fn refusal(manifest: &CheckedManifest) -> Option<String> {
    let known: SeatSet = manifest.all_seats();
    let agreed = Limits { unnoised: true, open_scores: true, ..Limits::default() };
    let refuses = |role| agreed.check(manifest, role, known, Rho::default()).err();
    let refusal = refuses(Role::Member).or_else(|| refuses(Role::Donor))?;
    Some(refusal.to_string())
}

struct Dice<R>(R);

impl<R: Rng> Dice<R> {
    /// Uniform in [0, 1), in steps of 2^-32.
    fn share(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    /// A value, and its place from 0 to 1 among the others.
    fn value(&mut self, of: &Marginal) -> (Value, f64) {
        match of {
            Marginal::Numbers { values, weights } => {
                let (index, place) = self.place(weights);
                (Value::Number(values.get(index).copied().unwrap_or_default()), place)
            }
            Marginal::Levels { weights } => {
                let (index, place) = self.place(weights);
                (Value::Level(index), place)
            }
            Marginal::Flag { no, yes } => {
                let (index, place) = self.place(&[*no, *yes]);
                (Value::Flag(index == 1), place)
            }
        }
    }

    fn place(&mut self, weights: &[u32]) -> (usize, f64) {
        let total = weights.iter().copied().map(f64::from).sum::<f64>();
        let share = self.share();
        let mut below = 0.0;
        for (index, weight) in weights.iter().enumerate() {
            below += f64::from(*weight) / total;
            if share < below {
                return (index, share);
            }
        }
        // Rounding; the last value that occurs at all.
        (weights.iter().rposition(|weight| *weight > 0).unwrap_or(0), share)
    }
}
