use super::*;
use crate::order::unit;

/// Majority: TPR .8, FPR .3. Minority: TPR .5, FPR .2.
const COUNTS: [i64; 9] = [140, 60, 40, 160, 80, 20, 50, 50, 12];

#[test]
fn every_person_has_a_cell() {
    let cell = |minority, positive, accepted| Case::Decided { minority, positive, accepted }.cell();
    assert_eq!(
        [cell(false, false, true), cell(true, false, false), cell(true, true, true)],
        [1, 4, 7]
    );
    assert_eq!(Case::Unknown.cell(), 8);
    assert_eq!(Case::grid().cells(), 9);
}

#[test]
fn agrees_with_a_hand_worked_table() {
    let e = Audit::new(COUNTS, 0).estimates();
    let close = |got: Option<Estimate>, value: f64, half: f64| {
        let got = got.unwrap();
        assert!((got.value - value).abs() < 1e-12, "{got:?}");
        assert!((got.half_width - half).abs() < 1e-4, "{got:?}, {half}");
    };
    // Variances: TPR .16/200, .25/100; FPR .21/200, .16/100.
    let (tpr, fpr) = (0.0008 + 0.0025, 0.00105 + 0.0016_f64);
    close(e.tpr[1], 0.5, 1.96 * 0.05);
    close(e.tpr_gap, 0.3, 1.96 * f64::sqrt(tpr));
    close(e.fpr_gap, 0.1, 1.96 * fpr.sqrt());
    close(e.eqod, 0.2, 2.2414 * (tpr + fpr).sqrt() / 2.0);
    // Accepted: 220 of 400, 70 of 200.
    close(e.parity, 0.2, 1.96 * f64::sqrt(0.55 * 0.45 / 400.0 + 0.35 * 0.65 / 200.0));
    let p: f64 = 170.0 / 600.0;
    close(e.error, p, 1.96 * (p * (1.0 - p) / 600.0).sqrt());
    let noisy = Audit::new(COUNTS, 10_000).estimates();
    assert!(noisy.eqod.unwrap().half_width > e.eqod.unwrap().half_width * 1.1);
}

#[test]
fn a_small_count_takes_its_neighbour_with_it() {
    let mut counts = COUNTS;
    counts[5] = 9;
    let audit = Audit::new(counts, 0);
    assert_eq!(audit.published()[1], [[None, None], [Some(50), Some(50)]]);
    assert_eq!(audit.published()[0], [[Some(140), Some(60)], [Some(40), Some(160)]]);
    assert_eq!(audit.unknown(), Some(12));
    let e = audit.estimates();
    assert!(e.tpr_gap.is_some() && e.fpr[0].is_some());
    assert!(e.fpr[1].is_none() && e.fpr_gap.is_none() && e.eqod.is_none());
    assert!(e.parity.is_none() && e.error.is_none());
    assert_eq!(Changes::between(&e, &Audit::new(COUNTS, 0).estimates()).eqod, None);
    counts[8] = -3;
    assert_eq!(Audit::new(counts, 900).unknown(), None);
}

#[test]
fn verdicts_follow_the_interval() {
    let fair = Audit::new([1_400, 600, 400, 1_600, 700, 300, 200, 800, 0], 0).estimates();
    let unfair = Audit::new(COUNTS.map(|count| count * 10), 0).estimates();
    let verdict = |before, after| Changes::between(before, after).eqod.unwrap().verdict;
    assert_eq!(verdict(&unfair, &fair), Verdict::Improved);
    assert_eq!(verdict(&fair, &unfair), Verdict::Worse);
    assert_eq!(verdict(&fair, &fair), Verdict::NoEvidence);
}

/// An audit drawn at random: `people` in each group x label cell, rates `[group][label]`, noise.
fn drawn(rates: [[f64; 2]; 2], people: u64, sigma: f64, world: u64) -> Audit {
    let mut counts = [0; 9];
    let mut draws = 0..;
    for cell in 0..4_usize {
        let rate = rates[cell / 2][cell % 2];
        for _ in 0..people {
            let yes = unit(world, 0, draws.next().unwrap()) < rate;
            counts[2 * cell + usize::from(yes)] += 1;
        }
    }
    for count in &mut counts {
        let [u, v] = [1, 2].map(|part| unit(world, part, draws.next().unwrap()));
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        let noise = (sigma * normal).round();
        *count += rounded(noise);
    }
    Audit::new(counts, if sigma > 0.0 { 6_000 } else { 0 })
}

#[expect(clippy::cast_possible_truncation, reason = "a few dozen")]
fn rounded(noise: f64) -> i64 {
    noise as i64
}

#[test]
fn intervals_hold_at_zero_and_elsewhere_with_noise_and_without() {
    let worlds = 15_000;
    for (rates, eqod) in [
        ([[0.3, 0.7], [0.3, 0.7]], 0.0),
        ([[0.3, 0.7], [0.2, 0.7]], 0.05),
        ([[0.4, 0.8], [0.2, 0.5]], 0.25),
    ] {
        for sigma in [0.0, 6.0] {
            let [mut missed, mut moved] = [0, 0];
            for world in 0..worlds {
                let [before, after] =
                    [0, 1].map(|part| drawn(rates, 300, sigma, 2 * world + part).estimates());
                let e = before.eqod.unwrap();
                missed += u32::from(e.low > eqod || e.high < eqod);
                let change = Changes::between(&before, &after).eqod.unwrap();
                moved += u32::from(change.verdict != Verdict::NoEvidence);
            }
            // 750 at 5 %; one standard error is 27.
            assert!(missed <= 840 && moved <= 840, "{eqod}, {sigma}: {missed}, {moved}");
        }
    }
}
