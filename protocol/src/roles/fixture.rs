//! For tests of the machines: small plans, keyholders with fixed secrets, honest and lying reporters.

#![allow(dead_code, reason = "each machine's tests use what they need")]

use super::{Time, coordinator::Gate, keyholder};
use crate::{
    aggregation::{Circuit, Context, InputShare, Measurement, Nonce, noise::Role},
    audit,
    campaign::{
        Aggregation, CheckedManifest, CheckedPlan, Issue, Keyholder, Kind, Organiser, Plan,
        Protection, Scoring, Selection, SelectionMode, Texts, VERSION,
    },
    ids::{AggregationId, Blob, Hash, ReportId},
    invite::InviteSecret,
    keys::{
        self, Label, seal,
        seat::Seat,
        sign::{Signature, SigningKey},
        token::IssuerKey,
    },
    report::{Enrolment, Report, ReportBody, Withdrawal, share_hash},
    scoring::{
        method::Method,
        scaling::{Encoding, Scaling},
        schema::{Feature, FeatureKind, Schema},
    },
    selection::{
        confirmation, open_scores,
        threshold::Rule,
        unit::{Bins, BinsSpec, Unit},
    },
};

/// When enrolment closes and the first aggregation opens.
pub(crate) const OPENS: Time = Time::from_millis(100_000);
/// How long each aggregation collects.
pub(crate) const COLLECTING_MILLIS: u64 = 100_000;
/// When the last token is issued and enrolment opens, where there are tokens.
pub(crate) const ISSUE_CLOSES: Time = Time::from_millis(60_000);
pub(crate) const INVITE_EXPIRES: Time = Time::from_millis(55_000);
pub(crate) const PATIENCE_MILLIS: u64 = 20_000;
/// Cells of the first aggregation's one row.
pub(crate) const CELLS: u16 = 4;
pub(crate) const COHORT: u32 = 12;

/// What tests vary of a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) protection: Protection,
    pub(crate) seats: u8,
    pub(crate) threshold: u8,
    /// At most two; the second depends on the first.
    pub(crate) aggregations: usize,
    /// With open scores the first aggregation is the selection.
    pub(crate) mode: SelectionMode,
    /// Whether people enrol with tokens.
    pub(crate) invited: bool,
}

/// Three keyholders, none of whom can be lost.
pub(crate) const THREE: Setup = Setup { seats: 3, threshold: 0, ..FIVE };
/// Five keyholders, of whom one can be lost.
pub(crate) const FIVE: Setup = Setup {
    protection: Protection::Private,
    seats: 5,
    threshold: 4,
    aggregations: 1,
    mode: SelectionMode::PrivateHistogram,
    invited: false,
};
/// Five keyholders, and scores in the open.
pub(crate) const OPEN: Setup = Setup { mode: SelectionMode::OpenScores, ..FIVE };

pub(crate) fn organiser() -> SigningKey {
    SigningKey::from_bytes(&[77; 32])
}

/// With which tokens are made.
pub(crate) fn issuer() -> IssuerKey {
    IssuerKey::from_seed([78; 32])
}

/// The secret of one invite; those from 100 on expire early.
pub(crate) fn invite(number: u8) -> InviteSecret {
    InviteSecret::from_bytes([number; InviteSecret::LEN])
}

impl Setup {
    pub(crate) fn gate(self) -> Gate {
        if !self.invited {
            return Gate::Open;
        }
        let expires = |number| if number < 100 { OPENS } else { INVITE_EXPIRES };
        let invites = (0..110).map(|number| (invite(number).hash(), expires(number)));
        Gate::Invited { issuer: Box::new(issuer()), invites: invites.collect() }
    }

    pub(crate) fn plan(self) -> CheckedPlan {
        let text = |text: &str| text.to_owned();
        let keyholder = |seat| Keyholder {
            name: format!("Keyholder {seat}"),
            contact: text("+41 00 000 00 00"),
            named_by: text("a group"),
            organisers_own: false,
        };
        let flag = Feature { name: text("flag"), unit: None, kind: FeatureKind::Flag };
        let schema = Schema::new(vec![flag]).unwrap();
        let scaling = Scaling::from_ranges(&schema, Encoding::Mix);
        CheckedPlan::new(Plan {
            version: VERSION,
            protection: self.protection,
            organiser: Organiser {
                name: text("Organiser"),
                contact: text("organiser@example.org"),
                key: organiser().public(),
            },
            texts: Texts {
                purpose: text("a test"),
                firm: text("a firm"),
                group_rule: text("a rule"),
                label: text("a label"),
            },
            keyholders: (0..self.seats).map(keyholder).collect(),
            recovery_threshold: self.threshold,
            honest_seats: 1,
            scoring: Scoring {
                schema,
                method: Method::Random,
                k: 3,
                scaling: Some(scaling),
                centres: None,
                scale_bins: 8,
                published: vec![],
            },
            selection: Selection {
                rule: Rule { flip_budget: 1, safe_cap: 2, no_show_milli: 0 },
                bins: Self::bins(),
                top_up: false,
                mode: self.mode,
            },
            cohort_min: COHORT,
            issue: self.invited.then(|| Issue { key: issuer().public(), closes: ISSUE_CLOSES }),
            enrolment_opens: if self.invited { ISSUE_CLOSES } else { Time::default() },
            enrolment_closes: OPENS,
            patience_millis: PATIENCE_MILLIS,
            aggregations: self.aggregations(),
        })
        .unwrap()
    }

    fn bins() -> Bins {
        Bins::try_from(BinsSpec { count: 8, low: 0, high: 64 }).unwrap()
    }

    fn aggregations(self) -> Vec<Aggregation> {
        let open = self.mode == SelectionMode::OpenScores;
        let first = if open {
            (Kind::Selection, Self::bins().grid())
        } else {
            (Kind::Confirmation, confirmation::Outcome::grid())
        };
        let kinds = [first, (Kind::AuditAfter, audit::Case::grid())];
        let mut opens = OPENS;
        let each = kinds.into_iter().zip(0..).take(self.aggregations).map(|((kind, grid), id)| {
            let closes = opens.after_millis(COLLECTING_MILLIS);
            let aggregation = Aggregation {
                kind,
                circuit: Circuit::Grid(grid),
                noise: None,
                reporters_max: if open && id == 0 { 11 } else { 200 },
                depends_on: (0..id).map(AggregationId).collect(),
                opens,
                closes,
            };
            opens = closes.after_millis(COLLECTING_MILLIS);
            aggregation
        });
        each.collect()
    }
}

/// All keyholders of a plan.
pub(crate) fn keyholders(plan: &CheckedPlan) -> Vec<keyholder::Keyholder> {
    let seats = plan.all_seats();
    seats.iter().map(|seat| keyholder::Keyholder::new(keyholder(plan, seat), &root(seat))).collect()
}

pub(crate) fn keyholder(plan: &CheckedPlan, seat: Seat) -> keyholder::Configuration {
    keyholder::Configuration { plan: plan.id(), seat, pace_millis: 2_000, declares_losses: true }
}

/// From which a keyholder derives its secrets.
pub(crate) fn root(seat: Seat) -> [u8; 32] {
    keys::digest(Label::SeatKey, &[b"fixture", &[seat.index()]])
}

/// Somebody who enrols and reports.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    pub(crate) key: SigningKey,
    pub(crate) role: Role,
}

/// What a lying reporter changes before it signs and seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    Honest,
    /// The leader's share, after the proof was made.
    LeaderShare,
    /// Seat 1 gets bytes that were not sealed to it.
    Sealed,
    /// The leader's share holds no field elements; in the clear, no cell of the grid.
    Garbage,
}

impl Reporter {
    pub(crate) fn new(number: u8, role: Role) -> Self {
        let seed = keys::digest(Label::Enrolment, &[b"fixture", &[number]]);
        Self { key: SigningKey::from_bytes(&seed), role }
    }

    pub(crate) fn enrolment(&self, manifest: &CheckedManifest) -> Enrolment {
        let token = Blob::from(self.key.public().as_bytes().to_vec());
        Enrolment::new(manifest.campaign(), &self.key, self.role, token)
    }

    /// The id of this reporter's `attempt`th report.
    pub(crate) fn id(&self, attempt: u8) -> ReportId {
        let digest = keys::digest(Label::ReportId, &[self.key.public().as_bytes(), &[attempt]]);
        ReportId(*digest.first_chunk().unwrap())
    }

    pub(crate) fn withdrawal(
        &self,
        manifest: &CheckedManifest,
        aggregation: AggregationId,
        attempt: u8,
    ) -> Withdrawal {
        Withdrawal::new(manifest.campaign(), &self.key, aggregation, self.id(attempt))
    }

    /// A score in the open.
    pub(crate) fn score(&self, to: &Target<'_>, attempt: u8, step: u32) -> Report {
        open_scores::report(&to.context, self.id(attempt), Unit::from_step(step), &self.key)
    }

    /// A report of one cell.
    pub(crate) fn report(&self, to: &Target<'_>, attempt: u8, cell: u16, lie: Lie) -> Report {
        let vdaf = to.manifest.vdaf(to.aggregation).unwrap();
        let (Circuit::Grid(grid) | Circuit::StandardGrid(grid)) = vdaf.circuit() else {
            panic!("the fixture's plans have grids only")
        };
        let measurement = Measurement::Grid(grid.measure(&[cell]).unwrap());
        let id = self.id(attempt);
        let body = |public_share: Blob, leader_share: &Blob| ReportBody {
            context: Hash(to.context.0),
            reporter: self.key.public(),
            id,
            public_share,
            leader_share: share_hash(leader_share),
            sealed: Vec::new(),
        };
        if !to.manifest.is_private() {
            let mut bytes = vdaf.clear_bytes(&measurement);
            if lie != Lie::Honest {
                bytes.fill(0xff);
            }
            let leader_share = Blob::from(bytes);
            let body = body(Vec::new().into(), &leader_share);
            return Report { body, leader_share, sealed: vec![], signature: Signature::ABSENT };
        }
        let mut rng = keys::stream(Label::Sharding, self.key.expose(), &[&to.context.0, &id.0]);
        let sharded = vdaf.shard(&to.context, &measurement, &Nonce(id.0), &mut rng).unwrap();
        let mut leader = sharded.leader_share.expose().to_vec();
        match lie {
            Lie::Honest | Lie::Sealed => {}
            Lie::LeaderShare => *leader.first_mut().unwrap() ^= 1,
            Lie::Garbage => leader.fill(0xff),
        }
        let leader_share = Blob::from(leader);
        let mut body = body(sharded.public_share.as_bytes().to_vec().into(), &leader_share);
        let sealed = self.sealed(to, &body, &sharded.helper_shares, lie);
        body.sealed = sealed.iter().map(share_hash).collect();
        let signature = body.sign(&self.key);
        Report { body, leader_share, sealed, signature }
    }

    fn sealed(
        &self,
        to: &Target<'_>,
        body: &ReportBody,
        shares: &[InputShare],
        lie: Lie,
    ) -> Vec<Blob> {
        let keys = to.manifest.sealing_keys(to.aggregation).unwrap();
        let seats = to.manifest.all_seats();
        let each = seats.iter().zip(keys).zip(shares).map(|((seat, key), share)| {
            let binding = body.binding(&to.context, seat);
            let mut rng = keys::stream(Label::SealedShare, self.key.expose(), &[&binding]);
            let mut sealed = seal::seal(&key, &binding, share.expose(), &mut rng).unwrap();
            if lie == Lie::Sealed && seat == Seat::new(1) {
                sealed.reverse();
            }
            Blob::from(sealed)
        });
        each.collect()
    }
}

/// What a report is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) manifest: &'a CheckedManifest,
    pub(crate) aggregation: AggregationId,
    pub(crate) context: Context,
}
