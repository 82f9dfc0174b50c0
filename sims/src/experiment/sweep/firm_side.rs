//! The cells of firm-side methods: the same seeds, splits and firm as the collective's.

use rayon::prelude::*;

use super::{FirmRun, Stop, key};
use crate::baseline::{self, Baseline, BaselineError, Bench, FirmSide};
use crate::experiment::record::{Cell, Choice, Record};
use crate::scene::{People, Scene};

/// A method that has seen its train people, and people to measure it on.
struct Fitted<'a> {
    method: Box<dyn FirmSide + 'a>,
    people: People,
}

impl FirmRun<'_> {
    /// Every firm-side method at every strength, and at the one that validation rows choose.
    pub(super) fn firm_side(&self) -> Result<(), Stop> {
        let experiment = self.seed_run.runner.experiment;
        if experiment.firm_side.is_empty() {
            return Ok(());
        }
        let bench = |scene| Bench::new(scene, self.learner, experiment.sight());
        let outer = bench(self.scene)?;
        let inner = match &self.inner {
            Some((scene, _)) => Some((*scene, bench(scene)?)),
            None => None,
        };
        experiment.firm_side.par_iter().try_for_each(|&baseline| {
            let stop = |error: BaselineError| Stop::FirmSide(baseline, error);
            if self.cells(baseline).all(|cell| self.seed_run.done.contains(&key(&cell))) {
                return Ok(());
            }
            let fitted = self.fit(baseline, &outer, self.scene).map_err(stop)?;
            self.cells(baseline).collect::<Vec<_>>().into_par_iter().try_for_each(|cell| {
                if self.seed_run.done.contains(&key(&cell)) {
                    return Ok(());
                }
                let strength = match &inner {
                    Some((scene, bench)) if cell.choice == Choice::Validation => {
                        let inner = self.fit(baseline, bench, scene).map_err(stop)?;
                        let strengths = experiment.strengths_of(baseline);
                        baseline::choose(inner.method.as_ref(), strengths, &inner.people)
                            .map_err(stop)?
                    }
                    Some(_) | None => cell.asked,
                };
                let people = &fitted.people;
                let measures =
                    baseline::measure(fitted.method.as_ref(), strength, people).map_err(stop)?;
                let stamp = &self.seed_run.runner.stamp;
                let record = Record::of_firm_side(stamp, cell, strength, (measures, people));
                self.seed_run.finish(record)
            })
        })
    }

    fn fit<'b>(
        &self,
        baseline: Baseline,
        bench: &'b Bench<'_>,
        scene: &Scene<'_>,
    ) -> Result<Fitted<'b>, BaselineError> {
        let sight = self.seed_run.runner.experiment.sight();
        Ok(Fitted { method: baseline.fit(bench)?, people: scene.people(scene.test(), sight) })
    }

    /// One cell for each strength, and one where validation chooses.
    fn cells(&self, baseline: Baseline) -> impl Iterator<Item = Cell> {
        let experiment = self.seed_run.runner.experiment;
        let given = experiment.strengths_of(baseline).iter().map(|&s| (Choice::Strength, s));
        let chosen = experiment.validate.then_some((Choice::Validation, 0.0));
        given.chain(chosen).map(move |(choice, asked)| Cell {
            seed: self.seed_run.seed,
            firm: self.word.clone(),
            method: baseline.word().to_owned(),
            alpha: 0.0,
            choice,
            asked,
        })
    }
}
