//! What a "calibrated equalized odds" of false negatives comes to, by what its authors leave open.
//!
//! `cargo run --release -p sims --example calibrated_odds -- WORD FILE.csv [SEEDS]`, WORD being compas, acs, adult, hsls
//!
//! Pleiss et al. (2017) withhold a share of one group's scores, so that both groups have the same cost. Open are:
//! which people the costs are measured on, whether costs are of scores or of decisions, and what somebody gets
//! whose score is withheld: the decision of the group's base rate, or a draw with it. "three quarters, Apart,
//! Scores, Decision" is what [`sims::baseline`] has; error and `EqOd` are expectations on test people.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use sims::dataset;
use sims::firm::{Classifier, Learner};
use sims::metrics::{Confusion, Measures};
use sims::scene::{GroupSight, People, Scene};
use sims::statistics::Mean;

/// People that costs are measured on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum On {
    /// A quarter of the train people, whom the classifier did not see.
    Apart,
    /// The classifier's own train people.
    Train,
    /// The people that error and `EqOd` are measured on.
    Test,
}

/// Costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    /// Mean of 1 - score over positive labels, as Pleiss et al. and AIF360.
    Scores,
    /// The share of negative decisions among positive labels; a withheld score costs that of a draw.
    Decisions,
    /// Likewise; a withheld score costs that of the base rate's decision. Where that does not make the group pay
    /// more, all of its scores are withheld.
    Outright,
}

/// What stands in for a withheld score.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Instead {
    /// The decision of the group's base rate, as AIF360.
    Decision,
    /// A positive decision with the probability of the base rate.
    Draw,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let word = arguments.next().context("name a data set, e.g. acs")?;
    let file = arguments.next().context("name its file")?;
    let seeds: u64 = arguments.next().map_or(Ok(5), |count| count.parse())?;
    let Some(description) = dataset::builtin(&word) else { bail!("no data set {word:?}") };
    let data = description.load(Path::new(&file))?;
    let learner = Learner::boosted();
    let mut lines: Vec<(String, Vec<[f64; 3]>)> = Vec::new();
    for seed in 0..seeds {
        let scene = Scene::new(&data, seed)?;
        let people = |rows: &[usize]| scene.people(rows, GroupSight::Visible);
        let inner = scene.validation();
        let (train, test) = (people(scene.train()), people(scene.test()));
        let (rest, apart) = (people(inner.train()), people(inner.test()));
        let fit = |people: &People| -> anyhow::Result<Box<dyn Classifier>> {
            Ok(learner.prepare(&people.records, &people.positive)?.fit(&people.positive)?)
        };
        let (whole, part) = (fit(&train)?, fit(&rest)?);
        for (trained, classifier, own) in
            [("all train people", &whole, &train), ("three quarters", &part, &rest)]
        {
            for on in [On::Apart, On::Train, On::Test] {
                if on == On::Apart && trained == "all train people" {
                    continue;
                }
                let measured = match on {
                    On::Apart => &apart,
                    On::Train => own,
                    On::Test => &test,
                };
                for of in [Of::Scores, Of::Decisions, Of::Outright] {
                    let withheld = withheld(&**classifier, measured, of);
                    for instead in [Instead::Decision, Instead::Draw] {
                        let measures = outcome(&**classifier, &test, withheld, instead)?;
                        let name = format!("{trained:16} {on:5?} {of:9?} {instead:8?}");
                        let found = [withheld.1, measures.error, measures.eqod];
                        match lines.iter_mut().find(|line| line.0 == name) {
                            Some(line) => line.1.push(found),
                            None => lines.push((name, vec![found])),
                        }
                    }
                }
            }
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "trained on       costs on, of     withheld   share          error          EqOd"
    )?;
    for (name, found) in lines {
        let mean = |place: usize| -> anyhow::Result<String> {
            let values: Vec<f64> = found.iter().map(|found| found[place]).collect();
            let mean = Mean::of(&values).context("no seeds")?;
            Ok(format!("{:.3} ± {:.3}", mean.mean, mean.half_width.unwrap_or(f64::NAN)))
        };
        writeln!(out, "{name}  {}  {}  {}", mean(0)?, mean(1)?, mean(2)?)?;
    }
    Ok(())
}

/// One group's base rate and false negative cost, and what it costs if all is withheld.
struct Group {
    base_rate: f64,
    cost: f64,
    trivial: f64,
}

fn group(classifier: &dyn Classifier, people: &People, minority: bool, of: Of) -> Group {
    let scores = classifier.probabilities(&people.records);
    let (mut count, mut positive, mut missed) = (0.0, 0.0, 0.0);
    for ((&a, &y), score) in people.minority.iter().zip(&people.positive).zip(scores) {
        if a != minority {
            continue;
        }
        count += 1.0;
        if y {
            positive += 1.0;
            missed += match of {
                Of::Scores => 1.0 - score,
                Of::Decisions | Of::Outright => f64::from(u8::from(score < 0.5)),
            };
        }
    }
    let base_rate = positive / count;
    let trivial = match of {
        Of::Scores | Of::Decisions => 1.0 - base_rate,
        Of::Outright => f64::from(u8::from(base_rate < 0.5)),
    };
    Group { base_rate, cost: missed / positive, trivial }
}

/// Whose scores are withheld, how many of them, and the group's base rate.
fn withheld(classifier: &dyn Classifier, people: &People, of: Of) -> (bool, f64, f64) {
    let groups = [false, true].map(|minority| group(classifier, people, minority, of));
    let cheaper = usize::from(groups[1].cost < groups[0].cost);
    let (this, other) = (&groups[cheaper], &groups[1 - cheaper]);
    let room = this.trivial - this.cost;
    let share = match of {
        _ if room > 0.0 => ((other.cost - this.cost) / room).min(1.0),
        Of::Scores | Of::Decisions => 0.0,
        Of::Outright => 1.0,
    };
    (cheaper == 1, share, this.base_rate)
}

fn outcome(
    classifier: &dyn Classifier,
    test: &People,
    (minority, share, base_rate): (bool, f64, f64),
    instead: Instead,
) -> anyhow::Result<Measures> {
    let decisions = classifier.decisions(&test.records);
    if share == 0.0 {
        return Ok(Confusion::count(&test.minority, &test.positive, &decisions).measures()?);
    }
    let other = match instead {
        Instead::Decision => f64::from(u8::from(base_rate >= 0.5)),
        Instead::Draw => base_rate,
    };
    let chances: Vec<f64> = decisions
        .iter()
        .zip(&test.minority)
        .map(|(&h, &a)| {
            let own = f64::from(u8::from(h));
            if a == minority { own + share * (other - own) } else { own }
        })
        .collect();
    Ok(Measures::expected(&test.minority, &test.positive, &chances)?)
}
