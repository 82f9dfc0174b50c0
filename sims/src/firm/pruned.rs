//! A firm that distrusts some reports: it leaves out those its own classifier finds least likely.
//!
//! One round of confidence-based pruning: fit on everything, drop the share of records whose reported label
//! got the least probability, fit again on the rest. It looks at reported labels only, as a firm must.
//!
//! Source: Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 2021,
//! of which this is the simplest relative: records ranked by the probability of their own label, over both
//! labels together, in sample, and a fixed share of them left out.

use protocol::scoring::design::Design;

use super::{
    Classifier, Firm, FirmError, Learner, check_labels, check_records, check_setting,
    check_weighted,
};

/// A learner behind that filter.
#[derive(Debug)]
pub struct Pruned {
    learner: Learner,
    records: Design,
    /// Records left out, least likely first.
    dropped: usize,
}

impl Pruned {
    /// Prepares to leave `share` of the records out.
    ///
    /// # Errors
    /// [`FirmError::Setting`] for a share outside 0 to 0.5, [`FirmError::Empty`].
    pub fn new(learner: &Learner, records: &Design, share: f64) -> Result<Self, FirmError> {
        check_setting("share left out", share, (0.0..=0.5).contains(&share), "0 to 0.5")?;
        check_records(records)?;
        let dropped = crate::scene::share_of(share, records.rows(), 0.0);
        Ok(Self { learner: learner.clone(), records: records.clone(), dropped })
    }

    /// The records that are kept, and those that are left out, ascending, by what a first fit on all of them says.
    fn kept(&self, first: &dyn Classifier, labels: &[bool]) -> (Vec<usize>, Vec<usize>) {
        let probabilities = first.probabilities(&self.records);
        let mut left_out = by_trust(&probabilities, labels);
        let mut kept = left_out.split_off(self.dropped);
        kept.sort_unstable();
        left_out.sort_unstable();
        (kept, left_out)
    }
}

/// All records, those first whose reported label has the least probability; ties to the lower row.
pub(crate) fn by_trust(probabilities: &[f64], labels: &[bool]) -> Vec<usize> {
    let trust =
        |row: usize| if labels[row] { probabilities[row] } else { 1.0 - probabilities[row] };
    let mut rows: Vec<usize> = (0..labels.len()).collect();
    rows.sort_by(|&a, &b| trust(a).total_cmp(&trust(b)).then(a.cmp(&b)));
    rows
}

impl Firm for Pruned {
    fn fit(&self, labels: &[bool]) -> Result<Box<dyn Classifier>, FirmError> {
        check_labels(self.records.rows(), labels)?;
        let first = self.learner.prepare(&self.records, labels)?.fit(labels)?;
        let (kept, left_out) = self.kept(&*first, labels);
        let labels: Vec<bool> = kept.iter().map(|&row| labels[row]).collect();
        let fitted = self.learner.prepare(&self.records.select(&kept), &labels)?.fit(&labels)?;
        Ok(Box::new(PrunedClassifier { fitted, left_out }))
    }

    fn fit_weighted(
        &self,
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Box<dyn Classifier>, FirmError> {
        check_weighted(self.records.rows(), labels, weights)?;
        let first = self.learner.prepare(&self.records, labels)?.fit_weighted(labels, weights)?;
        let (kept, left_out) = self.kept(&*first, labels);
        let labels: Vec<bool> = kept.iter().map(|&row| labels[row]).collect();
        let weights: Vec<f64> = kept.iter().map(|&row| weights[row]).collect();
        let rest = self.learner.prepare(&self.records.select(&kept), &labels)?;
        let fitted = rest.fit_weighted(&labels, &weights)?;
        Ok(Box::new(PrunedClassifier { fitted, left_out }))
    }
}

/// Trained on what was kept.
struct PrunedClassifier {
    fitted: Box<dyn Classifier>,
    left_out: Vec<usize>,
}

impl Classifier for PrunedClassifier {
    fn probabilities(&self, records: &Design) -> Vec<f64> {
        self.fitted.probabilities(records)
    }

    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.fitted.decisions(records)
    }

    fn left_out(&self) -> &[usize] {
        &self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::causal::{CausalSettings, generate};

    #[test]
    fn leaves_out_what_it_finds_least_likely() {
        let settings = CausalSettings { people: 400, ..CausalSettings::default() };
        let data = generate(&settings).unwrap().dataset;
        let firm = Pruned::new(&Learner::logistic(), &data.records, 0.1).unwrap();
        let plain = Learner::logistic().prepare(&data.records, &data.positive).unwrap();
        let first = plain.fit(&data.positive).unwrap();
        let (kept, left_out) = firm.kept(&*first, &data.positive);
        assert_eq!(kept.len(), 360);
        assert_eq!(firm.fit(&data.positive).unwrap().left_out(), left_out);
        let p = first.probabilities(&data.records);
        let trust = |row: usize| if data.positive[row] { p[row] } else { 1.0 - p[row] };
        let least_kept = kept.iter().map(|&row| trust(row)).fold(1.0, f64::min);
        assert!((0..400).all(|row| kept.binary_search(&row).is_ok() != left_out.contains(&row)));
        assert!(left_out.iter().all(|&row| trust(row) <= least_kept));
        let rest: Vec<bool> = kept.iter().map(|&row| data.positive[row]).collect();
        let records = data.records.select(&kept);
        let expected = Learner::logistic().prepare(&records, &rest).unwrap().fit(&rest).unwrap();
        assert_eq!(
            firm.fit(&data.positive).unwrap().probabilities(&data.records),
            expected.probabilities(&data.records)
        );
    }

    #[test]
    fn refuses_to_leave_most_people_out() {
        let data = generate(&CausalSettings::default()).unwrap().dataset;
        let refused = Pruned::new(&Learner::logistic(), &data.records, 0.6).unwrap_err();
        let expected =
            FirmError::Setting { what: "share left out", value: 0.6, allowed: "0 to 0.5" };
        assert_eq!(refused, expected);
    }
}
