//! The logistic loss, for many records at once.

/// Sums of first and second derivatives.
pub(super) type Sums = [f64; 2];

/// 1 / (1 + exp(-`margin`)), to ten digits.
///
/// The library's exponential is a call for each record. This one is arithmetic without a branch,
/// which the compiler does for several records at once.
#[inline]
pub(super) fn logistic(margin: f64) -> f64 {
    // Adding it rounds to a whole number, which the sum's lowest bits then hold.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // Their sum is ln 2; products of the first with a power of two below 2^11 are exact.
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    // 1 / k!, k from 10 down to 1.
    const SERIES: [f64; 10] = [
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        1.0 / 2.0,
        1.0,
    ];
    // exp(x) = 2^n exp(rest), n whole, |rest| at most ln 2 / 2.
    let x = (-margin).clamp(-700.0, 700.0);
    let sum = x * std::f64::consts::LOG2_E + ROUND;
    let n = sum - ROUND;
    let rest = (x - n * LN_2[0]) - n * LN_2[1];
    let series = SERIES.iter().fold(0.0, |series, k| series * rest + k) * rest + 1.0;
    // The exponent begins at bit 52.
    1.0 / (1.0 + f64::from_bits(series.to_bits().wrapping_add(sum.to_bits() << 52)))
}

/// The derivatives of each record's loss by its log-odds.
pub(super) fn differentiate(margins: &[f64], labels: &[bool], derivatives: &mut [Sums]) {
    const PART: usize = 256;
    let mut probabilities = [0.0; PART];
    let parts = margins.chunks(PART).zip(labels.chunks(PART)).zip(derivatives.chunks_mut(PART));
    for ((margins, labels), derivatives) in parts {
        // A loop of its own: with the rest in it, it would go record by record.
        for (p, &margin) in probabilities.iter_mut().zip(margins) {
            *p = logistic(margin);
        }
        for ((sums, &p), &label) in derivatives.iter_mut().zip(&probabilities).zip(labels) {
            *sums = [p - f64::from(u8::from(label)), p * (1.0 - p)];
        }
    }
}

/// Their sums, in eight parts so that no addition waits for the one before.
pub(super) fn sum(derivatives: &[Sums]) -> Sums {
    let (eights, rest) = derivatives.as_chunks::<8>();
    let mut parts = [[0.0; 2]; 8];
    for eight in eights {
        for (part, sums) in parts.iter_mut().zip(eight) {
            *part = plus(*part, *sums);
        }
    }
    parts.iter().chain(rest).fold([0.0; 2], |total, sums| plus(total, *sums))
}

pub(super) fn plus(a: Sums, b: Sums) -> Sums {
    [a[0] + b[0], a[1] + b[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_library() {
        for i in -80_000..=80_000 {
            let margin = f64::from(i) / 100.0;
            let wanted = 1.0 / (1.0 + (-margin.clamp(-700.0, 700.0)).exp());
            let found = logistic(margin);
            assert!((found - wanted).abs() <= 1e-10 * wanted, "{margin}: {found}, {wanted}");
        }
        assert_eq!((logistic(0.0), logistic(f64::INFINITY)), (0.5, 1.0));
    }

    #[test]
    fn sums_every_record() {
        let derivatives: Vec<Sums> = (0..21).map(|i| [f64::from(i), 1.0]).collect();
        assert_eq!(sum(&derivatives).to_vec(), [210.0, 21.0]);
    }
}
