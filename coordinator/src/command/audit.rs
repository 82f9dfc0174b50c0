//! `audit`: the firm's decisions before and after, from two tables of people whom the organiser asked.

use std::path::Path;

use host::{Problem, files, screen::Screen};
use protocol::{
    audit::{
        Audit, Case, Changes, Verdict,
        power::{Question, decisions_needed},
    },
    exit::Exit,
};
use serde::{Deserialize, Serialize};

use crate::{cli, report::withheld_words};

const TABLE_BYTES_MAX: usize = 256 << 20;
/// The change that the statement about power is made for, in thousandths.
const CHANGE_MILLI: u16 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    minority: u8,
    positive: u8,
    accepted: u8,
}

#[derive(Serialize)]
struct Compared {
    before: protocol::audit::Estimates,
    after: protocol::audit::Estimates,
    changes: Changes,
    decisions_needed: Option<u64>,
}

pub(super) fn audit(options: &cli::Audit, screen: &mut Screen) -> Result<Exit, Problem> {
    let [before, after] = [read(&options.before)?.estimates(), read(&options.after)?.estimates()];
    let changes = Changes::between(&before, &after);
    let needed = decisions_needed(Question::Change, CHANGE_MILLI, 0);
    let mut lines = Vec::new();
    for (name, change) in [
        ("equalized odds violation", changes.eqod),
        ("statistical parity difference", changes.parity),
        ("error", changes.error),
    ] {
        lines.push(match change {
            None => format!("{name}: withheld, too few people"),
            Some(of) => {
                let verdict = match of.verdict {
                    Verdict::Improved => "improved",
                    Verdict::NoEvidence => "no evidence",
                    Verdict::Worse => "worse",
                };
                format!(
                    "{name}: {:+.3} (95 % interval {:+.3} to {:+.3}): {verdict}",
                    of.difference, of.low, of.high
                )
            }
        });
    }
    if let Some(needed) = needed {
        lines.push(format!(
            "To see a change of 0.10 in one rate, {needed} decisions are needed in each group with each true label, before and \
             after: with fewer, \"no evidence\" says little."
        ));
    }
    lines.push(withheld_words());
    let compared = Compared { before, after, changes, decisions_needed: needed };
    screen.event("audit", &compared, lines.join("\n"));
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Audit, Problem> {
    let bytes = files::read(path, TABLE_BYTES_MAX)?;
    let mut cells = [0_i64; 9];
    let mut table = csv::Reader::from_reader(bytes.as_slice());
    let wrong = |what: String| {
        Problem::new(Exit::Data, "TABLE", format!("{}: {what}.", path.display()))
            .safe("Nothing was counted.")
            .next(
                "The columns are minority, positive and accepted, each 0 or 1, one person a line.",
            )
    };
    for (row, line) in table.deserialize::<Row>().zip(2_u64..) {
        let Row { minority, positive, accepted } = row.map_err(|error| wrong(error.to_string()))?;
        let flag = |name: &str, value: u8| match value {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(wrong(format!("line {line}: {name} = {other}; allowed: 0 or 1"))),
        };
        let case = Case::Decided {
            minority: flag("minority", minority)?,
            positive: flag("positive", positive)?,
            accepted: flag("accepted", accepted)?,
        };
        if let Some(cell) = cells.get_mut(usize::from(case.cell())) {
            *cell += 1;
        }
    }
    Ok(Audit::new(cells, 0))
}
