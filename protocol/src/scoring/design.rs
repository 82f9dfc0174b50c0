//! Records as numbers: the design matrix, stored as compactly as the records allow.
//!
//! A categorical feature of thirty levels is thirty 0/1 columns to a model, of which one is 1. Only
//! the position of that one is stored, and the fits below use it: ten to forty times less memory
//! and arithmetic than dense columns, with the same result.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, Slice};
use serde::{Deserialize, Serialize};

use super::schema::{Feature, FeatureKind, Schema, Value};

/// How a column of a [`Design`] is scaled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// A number or an ordinal's position.
    Number,
    /// A count-like number with a long tail.
    Count,
    /// 0 or 1.
    Indicator,
}

/// One column of a [`Design`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    /// The feature's name, followed by `=level` for the column of a level.
    pub name: String,
    /// How it is scaled.
    pub kind: ColumnKind,
}

/// Records × columns: first the numbers, then blocks of indicators of which at most one is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    columns: Vec<Column>,
    /// Columns of each block of indicators.
    blocks: Vec<Range<usize>>,
    /// Records × number columns.
    numbers: Array2<f64>,
    /// Records × blocks: the column that is 1, or [`Design::ABSENT`].
    active: Array2<u32>,
}

impl Design {
    /// Marks a block in which every indicator is 0.
    pub const ABSENT: u32 = u32::MAX;

    /// The number of records.
    pub fn rows(&self) -> usize {
        self.numbers.nrows()
    }

    /// The columns: numbers first, then indicators.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Records × number columns.
    pub fn numbers(&self) -> ArrayView2<'_, f64> {
        self.numbers.view()
    }

    /// Records × blocks: the column that is 1, or [`Design::ABSENT`].
    pub fn active(&self) -> ArrayView2<'_, u32> {
        self.active.view()
    }

    /// The columns of each block of indicators; a flag is a block of one.
    pub fn blocks(&self) -> &[Range<usize>] {
        &self.blocks
    }

    /// The records of `rows`, in that order.
    ///
    /// # Panics
    /// If a row number is not below [`Design::rows`].
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            columns: self.columns.clone(),
            blocks: self.blocks.clone(),
            numbers: self.numbers.select(Axis(0), rows),
            active: self.active.select(Axis(0), rows),
        }
    }

    /// The same records with one more indicator column at the end, such as the group.
    ///
    /// # Panics
    /// If `flags` does not hold one value per record.
    #[must_use]
    pub fn with_flag(&self, name: &str, flags: &[bool]) -> Self {
        assert_eq!(flags.len(), self.rows(), "one flag per record");
        let column = self.columns.len();
        let mut columns = self.columns.clone();
        columns.push(Column { name: name.to_owned(), kind: ColumnKind::Indicator });
        let mut blocks = self.blocks.clone();
        blocks.push(column..column + 1);
        let mut active = Array2::from_elem((self.rows(), blocks.len()), Self::ABSENT);
        active.slice_axis_mut(Axis(1), Slice::from(..blocks.len() - 1)).assign(&self.active);
        let on = position(column);
        for (mut row, &flag) in active.outer_iter_mut().zip(flags) {
            if flag {
                row[blocks.len() - 1] = on;
            }
        }
        Self { columns, blocks, numbers: self.numbers.clone(), active }
    }

    /// The value of one column for every record.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, column: usize) -> Vec<f64> {
        if column < self.numbers.ncols() {
            return self.numbers.column(column).to_vec();
        }
        let block = self
            .blocks
            .iter()
            .position(|block| block.contains(&column))
            .expect("blocks cover all columns behind the numbers");
        let on = position(column);
        self.active.column(block).iter().map(|&c| f64::from(u8::from(c == on))).collect()
    }
}

impl Schema {
    /// The blocks of indicators of this schema's records, as a [`Design`] has them; a flag is a block of its own.
    pub fn blocks(&self) -> Vec<Range<usize>> {
        DesignBuilder::new(self).finish().blocks
    }

    /// The columns of this schema's records, as a [`Design`] has them: numbers, then indicators.
    pub fn columns(&self) -> Vec<Column> {
        DesignBuilder::new(self).columns
    }

    /// The values of every record of a design, one per feature: what [`DesignBuilder`] was given.
    ///
    /// # Panics
    /// If the design is not of this schema.
    pub fn values(&self, design: &Design) -> Vec<Vec<Value>> {
        let builder = DesignBuilder::new(self);
        assert_eq!(builder.columns, design.columns, "records of another schema");
        (0..design.rows())
            .map(|row| {
                self.features()
                    .iter()
                    .zip(&builder.places)
                    .map(|(feature, &place)| design.value(row, feature, place))
                    .collect()
            })
            .collect()
    }
}

impl Design {
    fn value(&self, row: usize, feature: &Feature, place: Place) -> Value {
        match place {
            Place::Number { column } => {
                let number = self.numbers[(row, column)];
                let FeatureKind::Ordinal { levels } = &feature.kind else {
                    return Value::Number(number);
                };
                let mut positions = (0..levels.len()).map(|level| f64::from(position(level)));
                let level = positions.position(|level| level.total_cmp(&number).is_eq());
                Value::Level(level.expect("an ordinal is stored as its level's position"))
            }
            Place::Block { block, first } => {
                let active = self.active[(row, block)];
                if feature.kind == FeatureKind::Flag {
                    return Value::Flag(active != Self::ABSENT);
                }
                let on = usize::try_from(active).expect("a column number fits usize");
                Value::Level(on - first)
            }
        }
    }
}

/// Builds a [`Design`] record by record.
#[derive(Debug)]
pub struct DesignBuilder {
    columns: Vec<Column>,
    blocks: Vec<Range<usize>>,
    places: Vec<Place>,
    number_columns: usize,
    numbers: Vec<f64>,
    active: Vec<u32>,
    rows: usize,
}

/// Where a feature's value goes.
#[derive(Clone, Copy, Debug)]
enum Place {
    Number { column: usize },
    Block { block: usize, first: usize },
}

impl DesignBuilder {
    /// Starts an empty design with the schema's columns.
    pub fn new(schema: &Schema) -> Self {
        let is_number = |f: &&Feature| {
            matches!(
                f.kind,
                FeatureKind::Numeric { .. }
                    | FeatureKind::Count { .. }
                    | FeatureKind::Ordinal { .. }
            )
        };
        let mut columns: Vec<Column> =
            schema.features().iter().filter(is_number).flat_map(columns_of).collect();
        let number_columns = columns.len();
        let (mut blocks, mut places, mut numbers_seen) = (Vec::new(), Vec::new(), 0);
        for feature in schema.features() {
            if is_number(&feature) {
                places.push(Place::Number { column: numbers_seen });
                numbers_seen += 1;
            } else {
                let first = columns.len();
                columns.extend(columns_of(feature));
                places.push(Place::Block { block: blocks.len(), first });
                blocks.push(first..columns.len());
            }
        }
        Self {
            columns,
            blocks,
            places,
            number_columns,
            numbers: Vec::new(),
            active: Vec::new(),
            rows: 0,
        }
    }

    /// Adds one record: one checked value per feature of the schema, in its order.
    ///
    /// # Panics
    /// If the values are not those of the schema's features.
    pub fn push(&mut self, record: &[Value]) {
        assert_eq!(record.len(), self.places.len(), "one value per feature");
        let (numbers, active) = (self.numbers.len(), self.active.len());
        self.numbers.resize(numbers + self.number_columns, 0.0);
        self.active.resize(active + self.blocks.len(), Design::ABSENT);
        for (&value, &place) in record.iter().zip(&self.places) {
            match (place, value) {
                (Place::Number { column }, Value::Number(number)) => {
                    self.numbers[numbers + column] = number;
                }
                (Place::Number { column }, Value::Level(level)) => {
                    self.numbers[numbers + column] = f64::from(position(level));
                }
                (Place::Block { block, first }, Value::Level(level)) => {
                    self.active[active + block] = position(first + level);
                }
                (Place::Block { block, first }, Value::Flag(flag)) => {
                    if flag {
                        self.active[active + block] = position(first);
                    }
                }
                (Place::Number { .. }, Value::Flag(_))
                | (Place::Block { .. }, Value::Number(_)) => {
                    panic!("a value of another feature: {value:?}")
                }
            }
        }
        self.rows += 1;
    }

    /// Ends the design.
    ///
    /// # Panics
    /// Never: one push adds one row of each part.
    pub fn finish(self) -> Design {
        let shaped = "one push adds one row of each part";
        Design {
            numbers: Array2::from_shape_vec((self.rows, self.number_columns), self.numbers)
                .expect(shaped),
            active: Array2::from_shape_vec((self.rows, self.blocks.len()), self.active)
                .expect(shaped),
            columns: self.columns,
            blocks: self.blocks,
        }
    }
}

fn columns_of(feature: &Feature) -> Vec<Column> {
    let one = |kind| vec![Column { name: feature.name.clone(), kind }];
    match &feature.kind {
        FeatureKind::Numeric { .. } | FeatureKind::Ordinal { .. } => one(ColumnKind::Number),
        FeatureKind::Count { .. } => one(ColumnKind::Count),
        FeatureKind::Flag => one(ColumnKind::Indicator),
        FeatureKind::Categorical { levels } => levels
            .iter()
            .map(|level| Column {
                name: format!("{}={level}", feature.name),
                kind: ColumnKind::Indicator,
            })
            .collect(),
    }
}

fn position(column: usize) -> u32 {
    u32::try_from(column).expect("the schema's limits keep columns below 2^32")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn schema() -> Schema {
        let feature = |name: &str, kind| Feature { name: name.into(), unit: None, kind };
        Schema::new(vec![
            feature("colour", FeatureKind::Categorical { levels: vec!["r".into(), "g".into()] }),
            feature("age", FeatureKind::Numeric { min: 0.0, max: 100.0 }),
            feature("member", FeatureKind::Flag),
            feature("priors", FeatureKind::Count { max: 50.0 }),
        ])
        .unwrap()
    }

    pub(crate) fn design(records: &[(usize, f64, bool, f64)]) -> Design {
        let mut builder = DesignBuilder::new(&schema());
        for &(colour, age, member, priors) in records {
            builder.push(&[
                Value::Level(colour),
                Value::Number(age),
                Value::Flag(member),
                Value::Number(priors),
            ]);
        }
        builder.finish()
    }

    #[test]
    fn puts_numbers_first_and_one_column_per_level() {
        let design = design(&[(0, 30.0, true, 2.0), (1, 40.0, false, 0.0)]);
        let names: Vec<_> = design.columns().iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["age", "priors", "colour=r", "colour=g", "member"]);
        assert_eq!(design.column(0), [30.0, 40.0]);
        assert_eq!(design.column(2), [1.0, 0.0]);
        assert_eq!(design.column(3), [0.0, 1.0]);
        assert_eq!(design.column(4), [1.0, 0.0]);
    }

    #[test]
    fn the_values_of_a_design_build_it_again() {
        let design = design(&[(0, 30.0, true, 2.0), (1, 40.0, false, 0.0)]);
        let mut builder = DesignBuilder::new(&schema());
        for record in schema().values(&design) {
            builder.push(&record);
        }
        assert_eq!(builder.finish(), design);
        assert_eq!(schema().values(&design)[1][2], Value::Flag(false));
    }

    #[test]
    fn a_flag_comes_last() {
        let design = design(&[(0, 30.0, true, 2.0), (1, 40.0, false, 0.0)]);
        let with = design.with_flag("a", &[false, true]);
        assert_eq!(with.column(5), [0.0, 1.0]);
        assert_eq!(with.column(4), design.column(4));
        assert_eq!(with.select(&[1]).column(5), [1.0]);
    }
}
