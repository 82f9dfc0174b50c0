//! Logistic regression on z-scored columns.

use protocol::scoring::design::Design;
use protocol::scoring::logistic::{Logistic, LogisticFit};
use protocol::scoring::scaling::{Encoding, Scaled, Scaling};

use super::{Classifier, Firm, FirmError};

pub(super) struct LogisticFirm {
    scaling: Scaling,
    records: Scaled,
    penalty: f64,
    unflipped: LogisticFit,
}

impl LogisticFirm {
    pub(super) fn new(records: &Design, labels: &[bool], penalty: f64) -> Result<Self, FirmError> {
        let scaling = Scaling::fit(records, Encoding::Z);
        let records = scaling.apply(records);
        let unflipped = Logistic::fit(&records, labels, penalty)?;
        Ok(Self { scaling, records, penalty, unflipped })
    }
}

impl Firm for LogisticFirm {
    fn fit(&self, labels: &[bool]) -> Result<Box<dyn Classifier>, FirmError> {
        let fit = Logistic::refit(&self.records, labels, self.penalty, &self.unflipped)?;
        let model = fit.model().clone();
        Ok(Box::new(LogisticClassifier { scaling: self.scaling.clone(), model }))
    }

    fn fit_weighted(
        &self,
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Box<dyn Classifier>, FirmError> {
        let fit = Logistic::fit_weighted(&self.records, labels, weights, self.penalty)?;
        let model = fit.model().clone();
        Ok(Box::new(LogisticClassifier { scaling: self.scaling.clone(), model }))
    }
}

struct LogisticClassifier {
    scaling: Scaling,
    model: Logistic,
}

impl Classifier for LogisticClassifier {
    fn probabilities(&self, records: &Design) -> Vec<f64> {
        self.model.probabilities(&self.scaling.apply(records))
    }

    // The sign of the log-odds: `p >= 0.5` without the rounding of the exponential.
    fn decisions(&self, records: &Design) -> Vec<bool> {
        self.model.margins(&self.scaling.apply(records)).into_iter().map(|m| m >= 0.0).collect()
    }
}
