//! Reductions: a lot over classifiers, each of which has learned from weighted and changed labels.
//!
//! Two players: one sets prices on violations of the constraints by exponentiated gradient, the
//! other learns the classifier that is cheapest at these prices, which is ordinary learning with
//! weights. The strength is the slack epsilon: how far a group's rate may lie from that of all. **A smaller
//! slack is stronger.**
//!
//! Source: Agarwal, Beygelzimer, Dudík, Langford, Wallach, "A reductions approach to fair
//! classification", ICML 2018, algorithm 1 and section 3.2, with the bound on prices (1 / slack), the step and the
//! accuracy that fairlearn uses. As there, the lot that decides is the best one over all classifiers found
//! (a linear program), not their average over rounds, which it can only improve upon.
//! Ours stops after 25 rounds at most (fairlearn: 50).

use self::mixture::best_mixture;
use super::{Baseline, BaselineError, Bench, FirmSide};
use crate::firm::{Classifier, Firm, FirmError};
use crate::scene::People;

mod mixture;

/// Rounds after which the search ends.
const ROUNDS_MAX: usize = 25;
/// A classifier must be cheaper by this than those known, to count as a new one.
const PRECISION: f64 = 1e-8;
/// Rounds before which the search does not end.
const ROUNDS_MIN: usize = 5;

/// Which rates are made alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Constraint {
    /// Those of a positive decision given the true label.
    EqualizedOdds,
    /// That of a positive decision.
    Parity,
}

impl Constraint {
    const fn baseline(self) -> Baseline {
        match self {
            Self::EqualizedOdds => Baseline::ReductionsEqualizedOdds,
            Self::Parity => Baseline::ReductionsParity,
        }
    }
}

pub(super) struct Reductions<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) constraint: Constraint,
}

impl FirmSide for Reductions<'_> {
    fn chances(&self, strength: f64, people: &People) -> Result<Vec<f64>, BaselineError> {
        let allowed = "above 0.0001, at most 1";
        self.constraint.baseline().check(strength, 0.0001..=1.0, allowed)?;
        let game = Game::new(&self.bench.train, self.constraint, strength);
        let found = game.play(self.bench.firm.as_ref(), ROUNDS_MAX, None)?;
        let mixture = found.mixture(&game);
        let mut chances = vec![0.0; people.minority.len()];
        for (guess, weight) in found.guesses.iter().zip(mixture) {
            if weight > 0.0 {
                let decisions = guess.answer.decisions(people);
                for (chance, decision) in chances.iter_mut().zip(decisions) {
                    *chance += weight * f64::from(u8::from(decision));
                }
            }
        }
        Ok(chances.into_iter().map(|chance: f64| chance.clamp(0.0, 1.0)).collect())
    }
}

/// What a best response decides by.
enum Answer {
    Learned(Box<dyn Classifier>),
    /// All labels to learn were alike.
    Always(bool),
}

impl Answer {
    fn decisions(&self, people: &People) -> Vec<bool> {
        match self {
            Self::Learned(classifier) => classifier.decisions(&people.records),
            &Self::Always(decision) => vec![decision; people.minority.len()],
        }
    }
}

/// A classifier that was found, by what counts in the game.
struct Guess {
    answer: Answer,
    error: f64,
    /// Per event and group: the group's rate less that of all.
    gaps: Vec<f64>,
}

/// The classifiers found, and the average over rounds that was best.
struct Found {
    guesses: Vec<Guess>,
    average: Vec<f64>,
}

impl Found {
    /// The best mixture over all that was found; never worse than the average over rounds.
    fn mixture(&self, game: &Game<'_>) -> Vec<f64> {
        let value = |weights: &[f64]| {
            let error = mean(&self.guesses, weights, |guess| guess.error);
            error + game.bound * game.violation(&self.gaps(weights))
        };
        let mut average = self.average.clone();
        average.resize(self.guesses.len(), 0.0);
        let errors: Vec<f64> = self.guesses.iter().map(|guess| guess.error).collect();
        let gaps: Vec<&[f64]> = self.guesses.iter().map(|guess| guess.gaps.as_slice()).collect();
        best_mixture(&errors, &gaps, game.slack, game.bound)
            .filter(|mixture| value(mixture) <= value(&average))
            .unwrap_or(average)
    }

    fn gaps(&self, weights: &[f64]) -> Vec<f64> {
        let count = self.guesses.first().map_or(0, |guess| guess.gaps.len());
        (0..count).map(|k| mean(&self.guesses, weights, |guess| guess.gaps[k])).collect()
    }
}

fn mean(guesses: &[Guess], weights: &[f64], value: impl Fn(&Guess) -> f64) -> f64 {
    guesses.iter().zip(weights).map(|(guess, weight)| weight * value(guess)).sum()
}

struct Game<'a> {
    train: &'a People,
    /// Per person: which event.
    events: Vec<usize>,
    /// `sizes[event][group]`, in persons.
    sizes: Vec<[f64; 2]>,
    slack: f64,
    /// The greatest sum of prices.
    bound: f64,
}

impl<'a> Game<'a> {
    fn new(train: &'a People, constraint: Constraint, slack: f64) -> Self {
        let (events, count): (Vec<usize>, usize) = match constraint {
            Constraint::EqualizedOdds => {
                (train.positive.iter().map(|&y| usize::from(y)).collect(), 2)
            }
            Constraint::Parity => (vec![0; train.positive.len()], 1),
        };
        let mut sizes = vec![[0.0; 2]; count];
        for (&event, &minority) in events.iter().zip(&train.minority) {
            sizes[event][usize::from(minority)] += 1.0;
        }
        Self { train, events, sizes, slack, bound: 1.0 / slack }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of people are far below 2^53")]
    fn people(&self) -> f64 {
        self.events.len() as f64
    }

    /// The greatest violation, 0 if there is none.
    fn violation(&self, gaps: &[f64]) -> f64 {
        gaps.iter().map(|gap| gap.abs() - self.slack).fold(0.0, f64::max)
    }

    /// What gaps cost at these prices, one per event and group; the slack is free.
    ///
    /// In each event the groups' gaps times their sizes sum to 0, so that prices in proportion to
    /// sizes cost nothing. Of all prices that come to the same, those that leave the
    /// larger group out are least, and the slack is counted for them.
    fn cost(&self, gaps: &[f64], prices: &[f64]) -> f64 {
        let paid: f64 = gaps.iter().zip(prices).map(|(gap, price)| gap * price).sum();
        let least = self.sizes.iter().zip(prices.chunks(2)).map(|(sizes, prices)| {
            let larger = usize::from(sizes[1] > sizes[0]);
            let smaller = 1 - larger;
            (prices[smaller] - prices[larger] * sizes[smaller] / sizes[larger]).abs()
        });
        paid - self.slack * least.sum::<f64>()
    }

    /// How much a positive decision for each person lowers the cost, times the number of people.
    fn savings(&self, signed: &[f64]) -> Vec<f64> {
        let everybody = self.people();
        // The gap of a group in an event: its own rate, less that of both groups.
        let factors: Vec<[f64; 2]> = self
            .sizes
            .iter()
            .zip(signed.chunks(2))
            .map(|(sizes, prices)| {
                let all = prices.iter().sum::<f64>() * everybody / (sizes[0] + sizes[1]);
                [0, 1].map(|a| {
                    all - if sizes[a] > 0.0 { prices[a] * everybody / sizes[a] } else { 0.0 }
                })
            })
            .collect();
        let train = self.train.minority.iter().zip(&self.train.positive).zip(&self.events);
        train
            .map(|((&a, &y), &event)| (if y { 1.0 } else { -1.0 }) + factors[event][usize::from(a)])
            .collect()
    }

    /// The cheapest classifier at these prices, by the firm's learner.
    fn learn(&self, firm: &dyn Firm, signed: &[f64]) -> Result<Guess, FirmError> {
        let savings = self.savings(signed);
        let labels: Vec<bool> = savings.iter().map(|&saving| saving > 0.0).collect();
        let total: f64 = savings.iter().map(|saving| saving.abs()).sum();
        let scale = self.people() / total;
        let weights: Vec<f64> = savings.iter().map(|saving| saving.abs() * scale).collect();
        let answer = if savings.iter().all(|&saving| saving <= 0.0) {
            Answer::Always(false)
        } else if savings.iter().all(|&saving| saving >= 0.0) {
            Answer::Always(true)
        } else {
            Answer::Learned(firm.fit_weighted(&labels, &weights)?)
        };
        let decisions = answer.decisions(self.train);
        let (error, gaps) = self.judge(&decisions);
        Ok(Guess { answer, error, gaps })
    }

    /// The share of wrong decisions on the train people, and the gap of each event and group.
    fn judge(&self, decisions: &[bool]) -> (f64, Vec<f64>) {
        let mut yes = vec![[0.0; 2]; self.sizes.len()];
        let mut wrong = 0.0;
        let train = self.train.minority.iter().zip(&self.train.positive).zip(&self.events);
        for (((&a, &y), &event), &decision) in train.zip(decisions) {
            wrong += f64::from(u8::from(decision != y));
            yes[event][usize::from(a)] += f64::from(u8::from(decision));
        }
        let gaps = yes.iter().zip(&self.sizes).flat_map(|(yes, sizes)| {
            let all = (yes[0] + yes[1]) / (sizes[0] + sizes[1]);
            // A group without anybody in an event has no rate, and no constraint.
            [0, 1].map(|a| if sizes[a] > 0.0 { yes[a] / sizes[a] - all } else { 0.0 })
        });
        (wrong / self.people(), gaps.collect())
    }

    /// Algorithm 1; `accuracy` is the gap at which it ends, half of a standard error unless given.
    fn play(
        &self,
        firm: &dyn Firm,
        rounds: usize,
        accuracy: Option<f64>,
    ) -> Result<Found, FirmError> {
        let constraints = 2 * self.sizes.len();
        let step = 2.0 / self.bound;
        // Two prices for each gap: for too much, and for too little.
        let mut theta = vec![[0.0; 2]; constraints];
        let mut sum = vec![0.0; constraints];
        let mut found = Found { guesses: Vec::new(), average: Vec::new() };
        let mut counts: Vec<f64> = Vec::new();
        let mut least = f64::INFINITY;
        let mut accuracy = accuracy;
        for round in 1..=rounds {
            let prices = prices(&theta, self.bound);
            sum.iter_mut().zip(&prices).for_each(|(sum, price)| *sum += price);
            let chosen = self.respond(firm, &prices, &mut found.guesses)?;
            counts.resize(found.guesses.len(), 0.0);
            counts[chosen] += 1.0;
            #[expect(clippy::cast_precision_loss, reason = "a small number of rounds")]
            let share = 1.0 / round as f64;
            let average: Vec<f64> = counts.iter().map(|count| count * share).collect();
            let mean_prices: Vec<f64> = sum.iter().map(|sum| sum * share).collect();
            let gap = self.gap(firm, &average, &mean_prices, &mut found)?;
            // Of equal gaps the later.
            if gap <= least + PRECISION {
                least = least.min(gap);
                found.average = average;
            }
            let error = found.guesses[0].error;
            let enough = *accuracy
                .get_or_insert_with(|| 0.5 * (error * (1.0 - error) / self.people()).sqrt());
            if gap < enough && round > ROUNDS_MIN {
                break;
            }
            for (theta, gap) in theta.iter_mut().zip(&found.guesses[chosen].gaps) {
                theta[0] += step * (gap - self.slack);
                theta[1] += step * (-gap - self.slack);
            }
        }
        Ok(found)
    }

    /// How far a mixture and average prices are from an equilibrium.
    fn gap(
        &self,
        firm: &dyn Firm,
        mixture: &[f64],
        prices: &[f64],
        found: &mut Found,
    ) -> Result<f64, FirmError> {
        let response = self.respond(firm, prices, &mut found.guesses)?;
        let gaps = found.gaps(mixture);
        let error = mean(&found.guesses, mixture, |guess| guess.error);
        let here = error + self.cost(&gaps, prices);
        let dearest = error + self.bound * self.violation(&gaps);
        let guess = &found.guesses[response];
        let cheapest = here.min(guess.error + self.cost(&guess.gaps, prices));
        Ok((here - cheapest).max(dearest - here))
    }

    /// The place of the cheapest classifier at these prices, a new one or one of those known.
    fn respond(
        &self,
        firm: &dyn Firm,
        prices: &[f64],
        guesses: &mut Vec<Guess>,
    ) -> Result<usize, FirmError> {
        let new = self.learn(firm, prices)?;
        let value = |guess: &Guess| guess.error + self.cost(&guess.gaps, prices);
        let known =
            (0..guesses.len()).min_by(|&a, &b| value(&guesses[a]).total_cmp(&value(&guesses[b])));
        match known {
            Some(place) if value(&new) >= value(&guesses[place]) - PRECISION => Ok(place),
            Some(_) | None => {
                guesses.push(new);
                Ok(guesses.len() - 1)
            }
        }
    }
}

/// The price of each gap: that of too much less that of too little. Only their difference counts:
/// what both have in common costs the other player nothing but the slack.
fn prices(theta: &[[f64; 2]], bound: f64) -> Vec<f64> {
    let powers: Vec<[f64; 2]> = theta.iter().map(|pair| pair.map(f64::exp)).collect();
    let scale = bound / (1.0 + powers.iter().flatten().sum::<f64>());
    powers.iter().map(|[more, less]| scale * (more - less)).collect()
}

#[cfg(test)]
mod tests;
