//! The columns of a schema: in which order they are drawn, and how what was drawn becomes a record.

use std::ops::Range;

use protocol::scoring::design::{ColumnKind, DesignBuilder};
use protocol::scoring::schema::{FeatureKind, Schema, Value};

/// The columns of a schema, and the order in which they are drawn.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) kinds: Vec<ColumnKind>,
    /// Least and greatest number; only of number columns.
    pub(super) ranges: Vec<(f64, f64)>,
    /// Which of those are positions of levels.
    pub(super) ordinal: Vec<bool>,
    /// Blocks of indicators, by column.
    pub(super) blocks: Vec<Range<usize>>,
}

impl Columns {
    pub(super) fn of(schema: &Schema) -> Self {
        let design = DesignBuilder::new(schema).finish();
        let numbers: Vec<((f64, f64), bool)> = schema
            .features()
            .iter()
            .filter_map(|feature| match &feature.kind {
                FeatureKind::Ordinal { levels } => {
                    Some(((0.0, f64::from(position(levels.len() - 1))), true))
                }
                _ => feature.range().map(|range| (range, false)),
            })
            .collect();
        Self {
            kinds: design.columns().iter().map(|column| column.kind).collect(),
            ranges: numbers.iter().map(|number| number.0).collect(),
            ordinal: numbers.iter().map(|number| number.1).collect(),
            blocks: design.blocks().to_vec(),
        }
    }

    pub(super) fn numbers(&self) -> usize {
        self.ranges.len()
    }

    /// The label, then indicators, then numbers; the label's number is that of columns.
    pub(super) fn order(&self) -> Vec<usize> {
        let (numbers, all) = (self.numbers(), self.kinds.len());
        std::iter::once(all).chain(numbers..all).chain(0..numbers).collect()
    }

    /// One person's values, column by column, as a record.
    pub(super) fn record(&self, schema: &Schema, values: &[f64]) -> Vec<Value> {
        let on = |column: usize| values[column] > 0.5;
        let (mut number, mut block) = (0, 0);
        let features = schema.features().iter().map(|feature| match feature.kind {
            FeatureKind::Flag => {
                block += 1;
                Value::Flag(on(self.blocks[block - 1].start))
            }
            FeatureKind::Categorical { .. } => {
                block += 1;
                let mut levels = self.blocks[block - 1].clone();
                Value::Level(levels.position(on).expect("one level is drawn"))
            }
            FeatureKind::Ordinal { ref levels } => {
                number += 1;
                let place = values[number - 1];
                let near = |&level: &usize| (f64::from(position(level)) - place).abs() < 0.5;
                Value::Level((0..levels.len()).find(near).expect("ordinals are drawn as positions"))
            }
            _ => {
                number += 1;
                Value::Number(values[number - 1])
            }
        });
        features.collect()
    }
}

pub(super) fn position(level: usize) -> u32 {
    u32::try_from(level).expect("the schema's limits keep levels below 2^32")
}
