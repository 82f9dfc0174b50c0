//! What a keyholder brings to the ceremony, and how it checks what the others bring.

use super::{Effects, Fault, Keyholder, Record, Secrets, Slot};
use crate::{
    campaign::{CheckedPlan, SeatAggregation, SeatKeys},
    codec,
    ids::{AggregationId, Blob, PlanId},
    keys::{
        Label, digest, seal,
        seat::{Seat, SeatPublicKey},
        stream, vss,
    },
    roles::Effect,
    transcript::{Deal, Post, Transcript},
};

/// What a sealed share of a seat key is bound to.
fn binding(plan: PlanId, id: AggregationId, dealer: Seat, holder: Seat) -> [u8; 32] {
    let route = codec::encode(&(id, dealer, holder));
    digest(Label::KeyShare, &[&plan.0, &route])
}

impl Keyholder {
    /// Its secrets; made and put in the journal when first needed.
    pub(super) fn settle(&mut self, plan: &CheckedPlan, out: &mut Effects) {
        if self.secrets.is_none() {
            let aggregations = u16::try_from(plan.aggregations.len()).unwrap_or(u16::MAX);
            let seat = self.configuration.seat;
            let secrets = Secrets::new(&self.root, plan.id(), seat, aggregations);
            out.push(Effect::Persist(Record::Secrets(Box::new(secrets.clone()))));
            self.secrets = Some(secrets);
        }
        zeroize::Zeroize::zeroize(&mut *self.root);
    }

    pub(super) fn keys(&self) -> Option<Post> {
        let secrets = self.secrets.as_ref()?;
        Some(Post::Keys(SeatKeys {
            identity: secrets.identity().public(),
            sealing: secrets.sealing()?.public().to_bytes(),
        }))
    }

    /// Deals every seat key.
    pub(super) fn deal(&self, transcript: &Transcript) -> Option<Post> {
        if let Some(signed) = self.signed.get(&Slot::Deal) {
            return Some(signed.post.clone());
        }
        let secrets = self.secrets.as_ref()?;
        let root = secrets.root?;
        let plan = transcript.plan();
        let (mut keys, mut shares) = (Vec::new(), Vec::new());
        for (id, _) in plan.enumerated() {
            let (own, sealed) = self.deal_one(transcript, id, &root)?;
            keys.push(own);
            shares.push(sealed);
        }
        Some(Post::Deal(Deal { keys, shares }))
    }

    /// Forgets the root once the dealing is in the journal, and not before: without either, nothing could be dealt.
    pub(super) fn forget_root(&mut self, out: &mut Effects) {
        if !self.signed.contains_key(&Slot::Deal) {
            return;
        }
        if let Some(secrets) = self.secrets.as_mut().filter(|secrets| secrets.root.is_some()) {
            zeroize::Zeroize::zeroize(&mut secrets.root);
            out.push(Effect::Persist(Record::Secrets(Box::new(secrets.clone()))));
        }
    }

    fn deal_one(
        &self,
        transcript: &Transcript,
        id: AggregationId,
        root: &[u8; 32],
    ) -> Option<(SeatAggregation, Vec<Blob>)> {
        let (plan, seat) = (transcript.plan(), self.configuration.seat);
        let key = self.secrets.as_ref()?.of(id)?.key()?;
        let (mut commitments, mut sealed) = (Blob::from(Vec::new()), Vec::new());
        if let Some(sharing) = plan.sharing() {
            let context: [&[u8]; 2] = [&plan.id().0, &id.0.to_le_bytes()];
            let mut rng = stream(Label::SeatPolynomial, root, &context);
            let dealing = vss::deal(sharing, seat, &key, &mut rng).ok()?;
            commitments = dealing.commitments.to_bytes().into();
            for share in &dealing.shares {
                let holder = share.route().holder;
                let recipient = SeatPublicKey::from_bytes(transcript.seat_keys(holder)?.sealing)?;
                let bound = binding(plan.id(), id, seat, holder);
                let mut rng = stream(Label::KeyShare, root, &[&bound]);
                sealed.push(seal::seal(&recipient, &bound, share.expose(), &mut rng).ok()?.into());
            }
        }
        let own = SeatAggregation {
            public_key: key.public().to_bytes(),
            commitments,
            verify_key_part: key.verify_key_part().commitment(),
            beacon_part: key.beacon_part().commitment(),
        };
        Some((own, sealed))
    }

    /// Opens and checks the shares that the others have dealt, and keeps them; who dealt a wrong one, otherwise.
    pub(super) fn collect(
        &mut self,
        transcript: &Transcript,
        out: &mut Effects,
    ) -> Result<(), Seat> {
        let seat = self.configuration.seat;
        let Some(mut secrets) = self.secrets.clone() else { return Ok(()) };
        let kept = |secrets: &Secrets| {
            secrets.aggregations.iter().flatten().all(|of| !of.shares.is_empty())
        };
        if transcript.plan().sharing().is_none() || kept(&secrets) {
            return Ok(());
        }
        for (id, _) in transcript.plan().enumerated() {
            let mut shares = Vec::new();
            for dealer in transcript.plan().all_seats().iter() {
                let share = if dealer == seat {
                    None
                } else {
                    Some(self.share_from(transcript, id, dealer).ok_or(dealer)?)
                };
                shares.push(share);
            }
            if let Some(Some(of)) = secrets.aggregations.get_mut(id.index()) {
                of.shares = shares;
            }
        }
        out.push(Effect::Persist(Record::Secrets(Box::new(secrets.clone()))));
        self.secrets = Some(secrets);
        Ok(())
    }

    fn share_from(
        &self,
        transcript: &Transcript,
        id: AggregationId,
        dealer: Seat,
    ) -> Option<[u8; 32]> {
        let (plan, holder) = (transcript.plan(), self.configuration.seat);
        let deal = transcript.deal(dealer)?;
        // A dealer seals for all seats but its own, in seat order.
        let place = holder.index() - u8::from(holder > dealer);
        let sealed = deal.shares.get(id.index())?.get(usize::from(place))?;
        let bound = binding(plan.id(), id, dealer, holder);
        let opened =
            seal::open(&self.secrets.as_ref()?.sealing()?, &bound, sealed.as_slice()).ok()?;
        let value: [u8; 32] = opened.as_slice().try_into().ok()?;
        let share = vss::KeyShare::from_bytes(vss::ShareRoute { dealer, holder }, &value)?;
        let commitments = deal.keys.get(id.index())?.commitments(plan, dealer)?;
        commitments.accept(share).ok()?;
        Some(value)
    }

    /// Whether the manifest holds what this keyholder has dealt.
    pub(super) fn check_own_keys(&mut self, transcript: &Transcript) -> bool {
        let dealt = self.signed.get(&Slot::Deal).map(|signed| &signed.post);
        let own = match (dealt, transcript.deal(self.configuration.seat)) {
            (Some(Post::Deal(dealt)), Some(deal)) => dealt == deal,
            (_, None | Some(_)) => false,
        };
        if !own {
            self.fault = Some(Fault::Keys);
        }
        own
    }
}
