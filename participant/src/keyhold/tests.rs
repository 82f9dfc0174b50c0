use super::*;
use crate::{seen::pinned, world};
use host::drive::Keep as _;
use protocol::{
    campaign::CheckedPlan,
    exit::Exit,
    ids::{PlanId, SeatSet},
    keys::seat::Seat,
    messages::{Peer, Request},
    roles::{
        Client as _, Effect, Server as _, Time,
        coordinator::Coordinator,
        keyholder::{Configuration, Fault, Keyholder, Record},
    },
    transcript::{Author, Violation},
};

const PACE_MILLIS: u64 = 2_000;

/// Three keyholders at their machines, and the real coordinator.
struct Ceremony {
    plan: CheckedPlan,
    coordinator: Coordinator,
    holders: Vec<Holder>,
    kept: Vec<Kept>,
    now: Time,
    _home: tempfile::TempDir,
}

impl Ceremony {
    fn new() -> Self {
        let plan = CheckedPlan::new(world::plan()).unwrap();
        let now = Time::from_millis(1_000);
        let coordinator = world::coordinator(&plan, now);
        let home = tempfile::tempdir().unwrap();
        let seats: Vec<Seat> = plan.all_seats().iter().collect();
        let kept = seats.iter().map(|seat| {
            let folder = SeatFolder::new(home.path().join(seat.index().to_string()));
            host::files::private_folder(folder.path()).unwrap();
            folder.journal().unwrap()
        });
        let kept: Vec<Kept> = kept.collect();
        let holders = seats.iter().map(|seat| holder(&plan, *seat, &[], Permission::Look));
        let holders = holders.collect();
        Self { plan, coordinator, holders, kept, now, _home: home }
    }

    /// Lets everybody take some turns; gives what was posted.
    fn turns(&mut self) -> usize {
        let mut posts = 0;
        for _ in 0..20 {
            self.now = self.now.after_millis(PACE_MILLIS);
            for (place, holder) in self.holders.iter_mut().enumerate() {
                let seat = Seat::new(u8::try_from(place).unwrap());
                let mut effects = holder.wake(self.now);
                loop {
                    let mut request = None;
                    for effect in effects {
                        match effect {
                            Effect::Persist(record) => self.kept[place].keep(&[record]).unwrap(),
                            Effect::Send(send) => request = Some(send),
                            Effect::Wake(_) => {}
                        }
                    }
                    let Some(request) = request else { break };
                    posts += usize::from(matches!(request, Request::Post(_)));
                    let answer = self.coordinator.handle(self.now, Peer::Keyholder(seat), request);
                    effects = holder.receive(self.now, answer.response);
                }
            }
            self.coordinator.wake(self.now);
        }
        posts
    }

    fn permit(&mut self, permission: Permission) {
        self.holders.iter_mut().for_each(|holder| holder.permit(permission));
    }

    fn all_held(&self, held: Held) -> bool {
        self.holders.iter().all(|holder| holder.held() == Some(held))
    }
}

fn holder(plan: &CheckedPlan, seat: Seat, records: &[Record], permission: Permission) -> Holder {
    let configuration =
        Configuration { plan: plan.id(), seat, pace_millis: PACE_MILLIS, declares_losses: false };
    let machine = Keyholder::restore(configuration, &[60 + seat.index(); 32], records);
    Holder::new(machine, permission, PACE_MILLIS, Box::new(|| SeatSet::EMPTY))
}

fn secrets(kept: &Kept) -> usize {
    kept.records().iter().filter(|record| matches!(record, Record::Secrets(_))).count()
}

#[test]
fn a_seat_goes_as_far_as_its_person_has_agreed_to() {
    let mut ceremony = Ceremony::new();
    assert_eq!(ceremony.turns(), 0, "nothing is posted by somebody who only looks");
    assert!(ceremony.all_held(Held::Plan));
    ceremony.permit(Permission::Keys);
    assert!(ceremony.turns() > 0);
    assert!(ceremony.all_held(Held::Fingerprints));
    assert!(!ceremony.coordinator.transcript().has_begun());
    // A program that ends here goes on with the same keys.
    let seats: Vec<Seat> = ceremony.plan.all_seats().iter().collect();
    let again = seats.iter().zip(&ceremony.kept);
    let again =
        again.map(|(seat, kept)| holder(&ceremony.plan, *seat, kept.records(), Permission::Keys));
    ceremony.holders = again.collect();
    ceremony.turns();
    assert!(
        ceremony.all_held(Held::Fingerprints) && !ceremony.coordinator.transcript().has_begun()
    );
    ceremony.permit(Permission::All);
    ceremony.turns();
    assert!(ceremony.coordinator.transcript().has_begun());
    for (holder, kept) in ceremony.holders.iter().zip(&ceremony.kept) {
        assert!(holder.has_endorsed() && holder.fault().is_none());
        assert_eq!(secrets(kept), 1, "newer secrets replace those before them");
        assert!(kept.records().len() > 3);
    }
}

#[test]
fn an_exported_key_opens_with_its_passphrase_only() {
    let mut ceremony = Ceremony::new();
    ceremony.turns();
    let records = ceremony.kept[0].records().to_vec();
    assert!(!records.is_empty());
    let bundle = Bundle { code: "concert1-code".into(), standing: (true, false), records };
    assert_eq!(format!("{bundle:?}"), "Bundle([redacted])");
    assert_eq!(lock(&bundle, "short", [1; 16]), Err(ExportError::Short { got: 5 }));
    let bytes = lock(&bundle, "five words are long enough", [1; 16]).unwrap();
    assert!(!bytes.windows(13).any(|window| window == b"concert1-code"));
    let opened = unlock(&bytes, "five words are long enough").unwrap();
    assert_eq!((opened.code.as_str(), opened.standing), ("concert1-code", (true, false)));
    assert_eq!(opened.records.len(), bundle.records.len());
    let refused = |bytes: &[u8], passphrase| unlock(bytes, passphrase).unwrap_err();
    assert_eq!(refused(&bytes, "five words are long enougH"), ExportError::Passphrase);
    let mut changed = bytes.clone();
    changed[25] ^= 1;
    assert_eq!(refused(&changed, "five words are long enough"), ExportError::Passphrase);
    assert_eq!(refused(b"something else", "five words are long enough"), ExportError::Header);
    assert_eq!(refused(&bytes[..30], "five words are long enough"), ExportError::Header);
}

#[test]
fn every_fault_of_a_keyholder_has_its_screen() {
    let violation = Violation::Repeated { author: Author::Organiser };
    let (expected, got) = (PlanId([1; 32]), PlanId([2; 32]));
    for (of, exit, code) in [
        (Fault::Transcript(violation), Exit::Verification, "TRANSCRIPT_BROKEN"),
        (Fault::Plan { expected, got }, Exit::Verification, "OTHER_PLAN"),
        (Fault::Equivocation, Exit::Verification, "EQUIVOCATION"),
        (Fault::Keys, Exit::Verification, "KEYS"),
    ] {
        let problem = command::fault(&of);
        assert_eq!((problem.exit, problem.code), (exit, code), "{problem}");
        let name = format!("keyholder-{}", code.to_lowercase().replace('_', "-"));
        pinned(&name, &problem.to_string());
    }
}
