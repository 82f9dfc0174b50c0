//! Records summed up over seeds: means, intervals, paired differences.

use std::collections::BTreeMap;
use std::io::Write;

use super::record::{Choice, Record};
use crate::statistics::Mean;

/// One cell over all seeds.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The firm's word.
    pub firm: String,
    /// The score, `none`, or a firm-side method.
    pub method: String,
    /// Size of the collective.
    pub alpha: f64,
    /// How the budget was chosen.
    pub choice: Choice,
    /// The budget asked for.
    pub asked: f64,
    /// The strength of a firm-side method, as given or chosen.
    pub strength: Option<Mean>,
    /// How many flipped.
    pub flips: Mean,
    /// Share of wrong decisions.
    pub error: Mean,
    /// Equalized odds violation.
    pub eqod: Mean,
    /// Statistical parity difference.
    pub parity: Mean,
    /// `EqOd` minus that of no action, seed by seed.
    pub eqod_against_none: Option<Mean>,
    /// `EqOd` minus that of `random` with the same budget, seed by seed.
    pub eqod_against_random: Option<Mean>,
    /// Success, where it is known.
    pub success: Option<Mean>,
}

/// Sums up over seeds, in the order of the records.
pub fn summarise(records: &[Record]) -> Vec<Summary> {
    let mut cells: Vec<Vec<&Record>> = Vec::new();
    for record in records {
        match cells.last_mut() {
            Some(cell) if same(cell[0], record) => cell.push(record),
            Some(_) | None => cells.push(vec![record]),
        }
    }
    let baseline =
        |firm: &str| cells.iter().find(|cell| cell[0].method == "none" && cell[0].firm == firm);
    let random = |of: &Record| {
        cells.iter().find(|cell| {
            cell[0].method == "random"
                && same(&Record { method: "random".into(), ..of.clone() }, cell[0])
        })
    };
    cells
        .iter()
        .filter_map(|cell| {
            let first = cell[0];
            Some(Summary {
                firm: first.firm.clone(),
                method: first.method.clone(),
                alpha: first.alpha,
                choice: first.choice,
                asked: first.asked,
                strength: Mean::of(&cell.iter().filter_map(|r| r.strength).collect::<Vec<_>>()),
                #[expect(clippy::cast_precision_loss, reason = "flips are far below 2^53")]
                flips: mean(cell, |r| r.flips as f64)?,
                error: mean(cell, |r| r.error)?,
                eqod: mean(cell, |r| r.eqod)?,
                parity: mean(cell, |r| r.parity)?,
                eqod_against_none: baseline(&first.firm).and_then(|other| paired(cell, other)),
                eqod_against_random: random(first).and_then(|other| paired(cell, other)),
                success: Mean::of(&cell.iter().filter_map(|r| r.success).collect::<Vec<_>>()),
            })
        })
        .collect()
}

fn same(a: &Record, b: &Record) -> bool {
    (&a.firm, &a.method, a.alpha.to_bits(), a.choice, a.asked.to_bits())
        == (&b.firm, &b.method, b.alpha.to_bits(), b.choice, b.asked.to_bits())
}

fn mean(cell: &[&Record], value: impl Fn(&Record) -> f64) -> Option<Mean> {
    Mean::of(&cell.iter().map(|record| value(record)).collect::<Vec<_>>())
}

/// Differences in `EqOd` over the seeds that both sides have.
fn paired(cell: &[&Record], other: &[&Record]) -> Option<Mean> {
    let other: BTreeMap<u64, f64> = other.iter().map(|r| (r.seed, r.eqod)).collect();
    let pairs: Vec<f64> =
        cell.iter().filter_map(|r| other.get(&r.seed).map(|o| r.eqod - o)).collect();
    Mean::of(&pairs)
}

/// The records as CSV, with a header.
///
/// # Panics
/// Never: a record is flat, and memory does not refuse to be written.
pub fn csv_text(records: &[Record]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.serialize(record).expect("a record is flat");
    }
    writer.into_inner().expect("memory takes any write")
}

/// The summaries as CSV, with a header.
///
/// # Panics
/// Never: memory does not refuse to be written.
pub fn summary_text(summaries: &[Summary]) -> Vec<u8> {
    let mut text = b"firm,method,alpha,choice,asked,seeds,flips,error,error_half_width,eqod,eqod_half_width,parity,parity_half_width,eqod_against_none,eqod_against_none_half_width,eqod_against_random,eqod_against_random_half_width,success\n".to_vec();
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.6}"));
    let pair = |mean: Option<Mean>| {
        format!("{},{}", number(mean.map(|m| m.mean)), number(mean.and_then(|m| m.half_width)))
    };
    for s in summaries {
        let choice = match s.choice {
            Choice::Flips => "flips",
            Choice::Share => "share",
            Choice::Strength => "strength",
            Choice::Validation => "validation",
        };
        let line = format!(
            "{},{},{},{choice},{},{},{:.1},{},{},{},{},{},{}\n",
            s.firm,
            s.method,
            s.alpha,
            s.asked,
            s.eqod.count,
            s.flips.mean,
            pair(Some(s.error)),
            pair(Some(s.eqod)),
            pair(Some(s.parity)),
            pair(s.eqod_against_none),
            pair(s.eqod_against_random),
            number(s.success.map(|m| m.mean)),
        );
        text.write_all(line.as_bytes()).expect("memory takes any write");
    }
    text
}
