//! The formulas: one place, for people's audits and for simulated firms.

/// `EqOd`, the mean of the two absolute gaps, in `[0, 1]`. `tpr[group]` and `fpr[group]` are rates.
///
/// Source: Ben-Dov et al., arXiv 2508.15374; "equalized odds violation" in GLOSSARY.md.
pub fn equalized_odds(tpr: [f64; 2], fpr: [f64; 2]) -> f64 {
    f64::midpoint((tpr[0] - tpr[1]).abs(), (fpr[0] - fpr[1]).abs())
}

/// The absolute difference in the share of positive decisions; `accepted[group]` is that share.
pub fn statistical_parity(accepted: [f64; 2]) -> f64 {
    (accepted[0] - accepted[1]).abs()
}
