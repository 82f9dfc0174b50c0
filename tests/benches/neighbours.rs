//! Our side of `tests/peers/neighbours.py`, which starts it and says when to measure.
//!
//! Arguments: `DATA ROWS QUERIES COLUMNS K ANSWER`. `DATA` holds the reference, then the queries, as
//! little-endian `f64`, row by row. For each line read, the index is built and every query answered
//! once, and the seconds that took are written. At the end of input, each neighbour is written to
//! `ANSWER` as row number and squared distance, both little-endian `f64`.

use anyhow::{Context, Result, bail};
use ndarray::Array2;
use protocol::scoring::neighbours::{Neighbour, NeighbourIndex};
use std::io::{self, Write};
use std::time::Instant;
use std::{env, fs};

fn main() -> Result<()> {
    // `cargo bench` adds `--bench`, `cargo test --all-targets` nothing.
    let arguments: Vec<String> = env::args().skip(1).filter(|given| given != "--bench").collect();
    let [data, rows, queries, columns, k, answer] = arguments.as_slice() else {
        if arguments.is_empty() {
            return Ok(writeln!(io::stdout(), "run it by tests/peers/run neighbours")?);
        }
        bail!("expected DATA ROWS QUERIES COLUMNS K ANSWER");
    };
    let (rows, queries, columns) = (rows.parse()?, queries.parse()?, columns.parse()?);
    let k = k.parse()?;
    let (reference, queries) = read(data, (rows, columns), (queries, columns))?;

    let mut nearest = None;
    for line in io::stdin().lines() {
        line?;
        let start = Instant::now();
        let found = NeighbourIndex::new(&reference)?.nearest(&queries, k)?;
        writeln!(io::stdout(), "{}", start.elapsed().as_secs_f64())?;
        nearest = Some(found);
    }
    write(answer, &nearest.context("no round was asked for")?)
}

fn read(
    path: &str,
    reference: (usize, usize),
    queries: (usize, usize),
) -> Result<(Array2<f64>, Array2<f64>)> {
    let bytes = fs::read(path).with_context(|| format!("reading {path}"))?;
    let (values, rest) = bytes.as_chunks::<8>();
    let mut values = values.iter().copied().map(f64::from_le_bytes);
    let mut matrix = |shape: (usize, usize)| {
        let values = values.by_ref().take(shape.0 * shape.1).collect();
        Array2::from_shape_vec(shape, values).context("the file is too short")
    };
    let matrices = (matrix(reference)?, matrix(queries)?);
    if values.next().is_some() || !rest.is_empty() {
        bail!("the file is too long");
    }
    Ok(matrices)
}

fn write(path: &str, nearest: &Array2<Neighbour>) -> Result<()> {
    let mut bytes = Vec::new();
    for neighbour in nearest {
        let row = f64::from(u32::try_from(neighbour.row)?);
        bytes.extend(row.to_le_bytes());
        bytes.extend(neighbour.squared_distance.to_le_bytes());
    }
    fs::write(path, bytes).with_context(|| format!("writing {path}"))
}
