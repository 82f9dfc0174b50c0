use super::*;

fn campaign(world: &mut World) {
    world.enrol_and_open(16);
    world.send_all(0..15);
    let manifest = world.manifest();
    let withdrawal = Reporter::new(3, Role::Member).withdrawal(&manifest, FIRST, 0);
    world.tell(Request::Withdraw(Box::new(withdrawal)));
    let lie = world.make(15, 0, Lie::LeaderShare);
    world.send(lie);
    world.absent = vec![Seat::new(4)];
    world.run_until(ended());
}

/// Whatever was due after the records that are left comes again, to the byte.
#[test]
fn a_machine_goes_on_from_any_prefix_of_its_records() {
    let mut world = World::new(FIVE);
    campaign(&mut world);
    let records = world.records();
    let mut end = 0;
    for (now, batch) in &world.journal {
        let begin = end;
        end += batch.len();
        for cut in begin + 1..=end {
            let mut machine = Coordinator::restore(&records[..cut], configuration(), *now).unwrap();
            let (more, _) = machine.wake(*now);
            assert_eq!(more, records[cut..end], "after {cut} of {} records", records.len());
        }
    }
    assert_eq!(end, records.len());
}

#[test]
fn crashing_after_every_record_changes_nothing() {
    let (mut steady, mut crashing) = (World::new(FIVE), World::new(FIVE));
    crashing.crashes = true;
    campaign(&mut steady);
    campaign(&mut crashing);
    assert_eq!(steady.outcome().values, plaintext((0..15).filter(|number| *number != 3)));
    assert_eq!(steady.coordinator.transcript().head(), crashing.coordinator.transcript().head());
    assert!(steady.coordinator.entries() == crashing.coordinator.entries());
}

#[test]
fn a_journal_survives_its_wire_form() {
    let mut world = World::open(THREE, 13);
    world.send_all(0..13);
    world.run_until(ended());
    let records = world.records();
    let encoded = codec::encode(&records);
    assert_eq!(codec::decode::<Vec<Record>, { 16 << 20 }>(&encoded), Ok(records));
}

#[test]
fn records_that_are_no_journal_are_refused() {
    let mut world = World::new(THREE);
    world.run_until(Time::from_millis(50_000));
    let records = world.records();
    let restore = |records: &[Record]| {
        Coordinator::restore(records, configuration(), Time::default()).map(|_| ()).unwrap_err()
    };
    assert_eq!(restore(&[]), RestoreError::NoPlan);
    let gap = [records[0].clone(), records[2].clone()];
    assert!(matches!(restore(&gap), RestoreError::Entry { place: 1, .. }));
    let other =
        Configuration { key: SigningKey::from_bytes(&[1; 32]), secret: [9; 32], gate: Gate::Open };
    assert!(Coordinator::restore(&records, other, Time::default()).is_err());
}
