//! What a connection carries: one greeting, then questions and answers, each a frame of its own.
//!
//! ```text
//! caller                                    coordinator
//!   Hello { version, who calls }      ─►
//!                                     ◄─    Greeting: Welcome { now } or Refused
//!   Ask { request }                   ─►                                            as often as needed
//!                                     ◄─    Reply { now, response }
//! ```
//!
//! Greetings begin with the version in two bytes and are understood that far by every version. `now` is the
//! coordinator's clock, in Unix milliseconds, by which the plan's times are meant. How frames are delimited is the
//! transport's; every type here has its own limit, so that nobody has to be sent, or hold, more than it needs.
//!
//! Source: docs/PROTOCOL.md section 15.

#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, clippy::as_conversions)]

use crate::{
    campaign::VERSION,
    codec::{self, CodecError, MESSAGE_BYTES_MAX},
    ids::{CampaignId, PlanId},
    keys::{
        Label,
        seat::Seat,
        sign::{PublicKey, Signature, SigningKey},
    },
    messages::{Peer, Request, Response},
    roles::Time,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

/// The application protocol that both ends name in their TLS handshake (RFC 7301).
pub const ALPN: &[u8] = b"concert/1";

/// The longest frame, in bytes.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// The longest [`Hello`] and the longest [`Greeting`], in bytes.
pub const GREETING_BYTES_MAX: usize = 256;

/// The longest question of somebody who is no keyholder, in bytes: the largest report of any plan fits.
pub const PARTICIPANT_ASK_BYTES_MAX: usize = 4 << 20;

/// The label of the TLS exporter (RFC 8446 section 7.5, without context) that ties a keyholder's greeting to one
/// connection.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-concert-hello";

/// What the TLS exporter gives for [`EXPORTER_LABEL`]: the same at both ends of one connection, and of no other.
pub type Exporter = [u8; 32];

/// Bytes that are not what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireError {
    /// The other end speaks another version; nothing more of what it said was read.
    #[error("the other end speaks version {got}; this program speaks version {VERSION}")]
    Version {
        /// Of the other end.
        got: u16,
    },
    /// Not such a value.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// How a caller begins a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    version: u16,
    caller: Caller,
}

/// Who calls, and what it expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A member or donor. Nothing says which one: its requests are signed with a pseudonym where that is needed.
    Participant {
        /// Of the invite.
        campaign: CampaignId,
    },
    /// A keyholder.
    Keyholder {
        /// Of the invite.
        plan: PlanId,
        /// Of the invite.
        seat: Seat,
        /// By the invite's access key, over all of it and the connection's exporter.
        signature: Signature,
    },
}

/// What a coordinator runs: what a caller must expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    /// Its plan.
    pub plan: PlanId,
    /// Its campaign, once the ceremony has made it.
    pub campaign: Option<CampaignId>,
}

/// Why a caller is turned away before it can ask anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Unwelcome {
    /// Here runs another campaign, or it has not begun.
    #[error("this coordinator does not run the campaign of the invite")]
    OtherCampaign,
    /// The seat's invite is another one, was replaced, or was used on another connection.
    #[error("this is not the invite of the seat, or not any more")]
    Seat,
    /// As many callers as there may be are served.
    #[error("the coordinator is busy")]
    Busy {
        /// When to call again.
        until: Time,
    },
}

/// How a coordinator answers a [`Hello`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    version: u16,
    /// The coordinator's clock.
    pub now: Time,
    /// Whether the caller may ask.
    pub verdict: Result<(), Unwelcome>,
}

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// What is asked.
    pub request: Request,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The coordinator's clock when it answered.
    pub now: Time,
    /// What it answers.
    pub response: Response,
}

impl Hello {
    /// Of a member or donor.
    pub const fn participant(campaign: CampaignId) -> Self {
        Self { version: VERSION, caller: Caller::Participant { campaign } }
    }

    /// Of a keyholder, for one connection. `access` is [`crate::invite::InviteSecret::access_key`].
    pub fn keyholder(plan: PlanId, seat: Seat, access: &SigningKey, exporter: &Exporter) -> Self {
        let signature =
            access.sign(Label::Hello, &signed(&plan, seat, exporter).each_ref().map(Vec::as_slice));
        Self { version: VERSION, caller: Caller::Keyholder { plan, seat, signature } }
    }

    /// Who calls, if it may: `access` gives the public half of the access key of the seat's invite, if there is one.
    ///
    /// # Errors
    /// [`Unwelcome::OtherCampaign`], [`Unwelcome::Seat`].
    pub fn admit(
        &self,
        here: &Here,
        exporter: &Exporter,
        access: impl FnOnce(Seat) -> Option<PublicKey>,
    ) -> Result<Peer, Unwelcome> {
        match self.caller {
            Caller::Participant { campaign } if here.campaign == Some(campaign) => {
                Ok(Peer::Participant)
            }
            Caller::Keyholder { plan, seat, signature } if here.plan == plan => {
                let key = access(seat).ok_or(Unwelcome::Seat)?;
                let parts = signed(&plan, seat, exporter);
                key.verify(Label::Hello, &parts.each_ref().map(Vec::as_slice), &signature)
                    .map_err(|_| Unwelcome::Seat)?;
                Ok(Peer::Keyholder(seat))
            }
            Caller::Participant { .. } | Caller::Keyholder { .. } => Err(Unwelcome::OtherCampaign),
        }
    }

    /// As sent.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// As received.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        greeting(bytes)
    }
}

/// What a keyholder's greeting signs.
fn signed(plan: &PlanId, seat: Seat, exporter: &Exporter) -> [Vec<u8>; 2] {
    [codec::encode(&(VERSION, plan, seat)), exporter.to_vec()]
}

impl Greeting {
    /// At `now`, by the coordinator's clock.
    pub const fn new(now: Time, verdict: Result<(), Unwelcome>) -> Self {
        Self { version: VERSION, now, verdict }
    }

    /// As sent.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// As received.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        greeting(bytes)
    }
}

/// Reads the version before anything that may have changed since.
fn greeting<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let version = bytes.first_chunk().map(|version| u16::from_le_bytes(*version));
    match version {
        Some(got) if got != VERSION => Err(WireError::Version { got }),
        Some(_) | None => Ok(codec::decode::<T, GREETING_BYTES_MAX>(bytes)?),
    }
}

impl Ask {
    /// The longest one that is read from this peer, in bytes.
    pub const fn bytes_max(from: Peer) -> usize {
        match from {
            Peer::Participant => PARTICIPANT_ASK_BYTES_MAX,
            Peer::Keyholder(_) => FRAME_BYTES_MAX,
        }
    }

    /// As sent.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// As received from this peer.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn decode(from: Peer, bytes: &[u8]) -> Result<Self, CodecError> {
        match from {
            Peer::Participant => codec::decode::<Self, PARTICIPANT_ASK_BYTES_MAX>(bytes),
            Peer::Keyholder(_) => codec::decode::<Self, FRAME_BYTES_MAX>(bytes),
        }
    }
}

impl Reply {
    /// As sent; at most [`FRAME_BYTES_MAX`].
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// As received.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode::<Self, FRAME_BYTES_MAX>(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregation::{Circuit, Coordinate, Gram, GramSpec, Grid, GridSpec, Parties, Vdaf},
        ids::{AggregationId, Blob, Hash, ReportId},
        invite::InviteSecret,
        keys::{seal, vss::SEATS_MAX},
        report::{Report, ReportBody},
    };
    use proptest::prelude::*;
    use std::sync::Arc;

    const HERE: Here = Here { plan: PlanId([1; 32]), campaign: Some(CampaignId([2; 32])) };

    fn access(n: u8) -> SigningKey {
        InviteSecret::from_bytes([n; 16]).access_key()
    }

    #[test]
    fn a_person_is_let_in_to_the_campaign_of_its_invite_only() {
        let admit = |campaign, here: &Here| {
            Hello::participant(CampaignId([campaign; 32])).admit(here, &[0; 32], |_| None)
        };
        assert_eq!(admit(2, &HERE), Ok(Peer::Participant));
        assert_eq!(admit(3, &HERE), Err(Unwelcome::OtherCampaign));
        assert_eq!(admit(2, &Here { campaign: None, ..HERE }), Err(Unwelcome::OtherCampaign));
    }

    #[test]
    fn a_keyholder_is_let_in_on_its_own_connection_with_its_own_invite_only() {
        let seat = Seat::new(3);
        let hello = Hello::keyholder(HERE.plan, seat, &access(1), &[7; 32]);
        let invited = |key: u8| move |of: Seat| (of == seat).then(|| access(key).public());
        assert_eq!(hello.admit(&HERE, &[7; 32], invited(1)), Ok(Peer::Keyholder(seat)));
        assert_eq!(hello.admit(&HERE, &[8; 32], invited(1)), Err(Unwelcome::Seat));
        assert_eq!(hello.admit(&HERE, &[7; 32], invited(2)), Err(Unwelcome::Seat));
        assert_eq!(hello.admit(&HERE, &[7; 32], |_| None), Err(Unwelcome::Seat));
        let elsewhere = Here { plan: PlanId([9; 32]), ..HERE };
        assert_eq!(hello.admit(&elsewhere, &[7; 32], invited(1)), Err(Unwelcome::OtherCampaign));
        let Caller::Keyholder { plan, signature, .. } = hello.caller else { unreachable!() };
        let caller = Caller::Keyholder { plan, seat: Seat::new(4), signature };
        let moved = Hello { version: VERSION, caller };
        let all = |_| Some(access(1).public());
        assert_eq!(moved.admit(&HERE, &[7; 32], all), Err(Unwelcome::Seat));
    }

    #[test]
    fn greetings_survive_the_wire_within_their_limit() {
        let hellos = [
            Hello::participant(CampaignId([2; 32])),
            Hello::keyholder(HERE.plan, Seat::new(0), &access(1), &[7; 32]),
        ];
        for hello in hellos {
            assert!(hello.encode().len() <= GREETING_BYTES_MAX);
            assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
        }
        let now = Time::from_millis(5);
        for verdict in [Ok(()), Err(Unwelcome::Seat), Err(Unwelcome::Busy { until: now })] {
            let greeting = Greeting::new(now, verdict);
            assert_eq!(Greeting::decode(&greeting.encode()), Ok(greeting));
        }
    }

    #[test]
    fn another_version_is_told_whatever_follows() {
        let mut hello = Hello::participant(CampaignId([2; 32])).encode();
        hello.splice(..2, 2_u16.to_le_bytes());
        assert_eq!(Hello::decode(&hello), Err(WireError::Version { got: 2 }));
        assert_eq!(Hello::decode(&[2, 0]), Err(WireError::Version { got: 2 }));
        assert_eq!(Greeting::decode(&[0, 1, 9]), Err(WireError::Version { got: 256 }));
        assert_eq!(Hello::decode(&[1]), Err(WireError::Codec(CodecError::Malformed)));
        assert_eq!(Hello::decode(&[1, 0]), Err(WireError::Codec(CodecError::Malformed)));
        let long = [&[1, 0][..], &[0; GREETING_BYTES_MAX]].concat();
        let too_long = CodecError::TooLong { got: long.len(), limit: GREETING_BYTES_MAX };
        assert_eq!(Hello::decode(&long), Err(WireError::Codec(too_long)));
    }

    #[test]
    fn questions_and_answers_survive_the_wire_within_the_limits_of_who_sends_them() {
        let request = Request::Opening(AggregationId(3));
        let bytes = Ask { request }.encode();
        let ask = Ask::decode(Peer::Participant, &bytes).unwrap();
        assert!(matches!(ask.request, Request::Opening(AggregationId(3))));
        let response = Response::Posted(Hash([4; 32]));
        let reply = Reply { now: Time::from_millis(9), response };
        let again = Reply::decode(&reply.encode()).unwrap();
        assert_eq!(again.now, reply.now);
        assert!(matches!(again.response, Response::Posted(Hash(bytes)) if bytes == [4; 32]));

        let long = vec![0; PARTICIPANT_ASK_BYTES_MAX + 1];
        let too_long = CodecError::TooLong { got: long.len(), limit: PARTICIPANT_ASK_BYTES_MAX };
        assert_eq!(Ask::decode(Peer::Participant, &long).unwrap_err(), too_long);
        let keyholder = Peer::Keyholder(Seat::new(0));
        assert!(Ask::bytes_max(keyholder) > long.len());
        assert_ne!(Ask::decode(keyholder, &long).unwrap_err(), too_long);
    }

    /// A report of a plan with as many keyholders as there may be.
    fn report(circuit: Circuit) -> usize {
        let parties = Parties { helpers: SEATS_MAX, reporters_max: 100 };
        let lengths = Vdaf::new(circuit, parties).unwrap().wire_lengths();
        let seats = usize::from(SEATS_MAX);
        let body = ReportBody {
            context: Hash([0; 32]),
            reporter: access(1).public(),
            id: ReportId([0; 16]),
            public_share: vec![0; lengths.public_share].into(),
            leader_share: Hash([0; 32]),
            sealed: vec![Hash([0; 32]); seats],
        };
        let sealed: Blob = vec![0; lengths.helper_share + seal::OVERHEAD_BYTES].into();
        let report = Report {
            body,
            leader_share: vec![0; lengths.leader_share].into(),
            sealed: vec![sealed; seats],
            signature: Signature::ABSENT,
        };
        let aggregation = AggregationId(0);
        Ask { request: Request::Report { aggregation, report: Arc::new(report) } }.encode().len()
    }

    #[test]
    fn the_largest_report_of_any_plan_is_within_a_participants_limit() {
        let grid = Grid::try_from(GridSpec { rows: 8, cells: 8_192 }).unwrap();
        let coordinates = vec![Coordinate::Fixed { bits: 16, bound_milli: 3_000 }; 256];
        let gram = Gram::try_from(GramSpec { coordinates, norm_milli: 3_500 }).unwrap();
        for circuit in [Circuit::StandardGrid(grid), Circuit::Grid(grid), Circuit::Gram(gram)] {
            let bytes = report(circuit);
            assert!(bytes > 300_000 && bytes <= PARTICIPANT_ASK_BYTES_MAX, "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(hello) = Hello::decode(&bytes) {
                prop_assert_eq!(hello.encode(), bytes.clone());
            }
            if let Ok(greeting) = Greeting::decode(&bytes) {
                prop_assert_eq!(greeting.encode(), bytes.clone());
            }
            if let Ok(ask) = Ask::decode(Peer::Participant, &bytes) {
                prop_assert_eq!(ask.encode(), bytes.clone());
            }
            if let Ok(reply) = Reply::decode(&bytes) {
                prop_assert_eq!(reply.encode(), bytes);
            }
        }
    }
}
