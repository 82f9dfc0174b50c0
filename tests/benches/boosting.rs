//! Our side of `tests/peers/boosting.py`, which starts it and says when to measure.
//!
//! Arguments: `WORD TRAIN TEST ANSWER`: the learner (`boosted` or `mlp`) and two tables. A table's
//! header names each column, `number:` or `level:` before the name, then `label`; its rows hold the
//! values, levels as positions. For each line read, the learner is prepared and fitted once, and the
//! seconds that took are written. At the end of input, the probability of each test row is written
//! to `ANSWER`, as little-endian `f64`.

use std::io::{self, Write};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use protocol::scoring::design::{Design, DesignBuilder};
use protocol::scoring::schema::{Feature, FeatureKind, Schema, Value};
use sims::firm::Learner;

fn main() -> Result<()> {
    // `cargo bench` adds `--bench`, `cargo test --all-targets` nothing.
    let arguments: Vec<String> = env::args().skip(1).filter(|given| given != "--bench").collect();
    let [word, train, test, answer] = arguments.as_slice() else {
        if arguments.is_empty() {
            return Ok(writeln!(io::stdout(), "run it by tests/peers/run boosting")?);
        }
        bail!("expected WORD TRAIN TEST ANSWER");
    };
    let learners = [Learner::boosted(), Learner::mlp(1)];
    let learner = learners.iter().find(|l| l.word() == word).context("no such learner")?;
    let texts = [train, test].map(fs::read_to_string);
    let [train, test] = texts;
    let (train, test) = (Table::read(&train?)?, Table::read(&test?)?);
    let schema = Table::schema(&train, &test)?;
    let (labels, train) = (train.labels()?, train.design(&schema)?);
    let test = test.design(&schema)?;

    let mut classifier = None;
    for line in io::stdin().lines() {
        line?;
        let start = Instant::now();
        classifier = Some(learner.prepare(&train, &labels)?.fit(&labels)?);
        writeln!(io::stdout(), "{}", start.elapsed().as_secs_f64())?;
    }
    let probabilities = classifier.context("no round was asked for")?.probabilities(&test);
    let bytes: Vec<u8> = probabilities.into_iter().flat_map(f64::to_le_bytes).collect();
    fs::write(answer, bytes).with_context(|| format!("writing {answer}"))
}

/// Header and values, the label last.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Table {
    fn read(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let header = lines.next().context("an empty table")?.split(',').map(String::from);
        let row = |line: &str| line.split(',').map(str::parse).collect::<Result<_, _>>();
        Ok(Self { header: header.collect(), rows: lines.map(row).collect::<Result<_, _>>()? })
    }

    /// Every column with the limits or levels found in either table.
    fn schema(train: &Self, test: &Self) -> Result<Schema> {
        let mut features = Vec::new();
        for (i, name) in train.header[..train.header.len() - 1].iter().enumerate() {
            let values = train.rows.iter().chain(&test.rows).map(|row| row[i]);
            let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
            let (kind, name) = name.split_once(':').context("a column without a kind")?;
            let kind = match kind {
                "number" => FeatureKind::Numeric { min: values.fold(max, f64::min), max },
                "level" => {
                    let levels = (0..).take_while(|&level| f64::from(level) <= max);
                    FeatureKind::Categorical { levels: levels.map(|l| l.to_string()).collect() }
                }
                other => bail!("a column of kind {other}"),
            };
            features.push(Feature { name: name.to_owned(), unit: None, kind });
        }
        Ok(Schema::new(features)?)
    }

    fn labels(&self) -> Result<Vec<bool>> {
        self.rows.iter().map(|row| Ok(*row.last().context("an empty row")? > 0.5)).collect()
    }

    fn design(&self, schema: &Schema) -> Result<Design> {
        let mut builder = DesignBuilder::new(schema);
        for row in &self.rows {
            let value = |(feature, &value): (&Feature, &f64)| match &feature.kind {
                FeatureKind::Categorical { levels } => {
                    let text = value.to_string();
                    levels.iter().position(|level| *level == text).map(Value::Level)
                }
                _ => Some(Value::Number(value)),
            };
            let values: Option<Vec<_>> = schema.features().iter().zip(row).map(value).collect();
            builder.push(&values.context("a level is not a position")?);
        }
        Ok(builder.finish())
    }
}
