//! The simulator, under a toy protocol whose every flaw must show.

mod exactly_once;
mod faults;
mod toy;

use super::*;
use toy::{Broken, Flaw, Toy, Watch};

/// Everything goes wrong for a minute; then chance stops, so that whoever is left can finish.
fn storm(clients: u32) -> Setting {
    let mut setting = Setting::calm(clients);
    setting.arrivals = Span { min_millis: 0, max_millis: 5_000 };
    setting.limits.events_max = 1_000_000;
    setting.faults = Faults {
        delay: Span { min_millis: 5, max_millis: 400 },
        copy_delay: Span { min_millis: 0, max_millis: 20_000 },
        downtime: Span { min_millis: 100, max_millis: 5_000 },
        chances: Chances {
            request_loss: 0.1,
            response_loss: 0.1,
            duplication: 0.1,
            tampering: 0.0,
            client_crash: 0.1,
            server_crash: 0.02,
            failed_write: 0.02,
        },
        calm_from_millis: Some(60_000),
        skew_millis_max: 86_400_000,
        partitions: vec![Partition {
            clients: ClientSet::Share(0.5),
            from_millis: 1_000,
            until_millis: 31_000,
        }],
        dropout: Some(Dropout {
            share: 0.2,
            first: ClientId(3),
            at: Span { min_millis: 0, max_millis: 10_000 },
        }),
        ..Faults::default()
    };
    setting
}

fn simulation(flaw: Flaw, setting: Setting, seed: u64) -> Simulation<Toy> {
    Simulation::new(Toy::new(flaw), setting, seed).unwrap().logged()
}

fn run(simulation: &mut Simulation<Toy>) -> Result<Ended, Violation<Broken>> {
    let mut watch = Watch::default();
    simulation.run(|moment| watch.see(moment))
}

/// How many events of the log fit.
fn tally(simulation: &Simulation<Toy>, fits: impl Fn(&Event) -> bool) -> usize {
    simulation.log().iter().filter(|entry| fits(&entry.event)).count()
}
