//! What may be wrong with a figure's data or with the place it is written to.

use std::io;
use std::path::PathBuf;

/// Why a figure was not drawn. Nothing was written, unless it is [`FigureError::Write`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("the figure has no series, panel or category to draw")]
    Nothing,
    /// A series has no points.
    #[error("series {series:?} has no points")]
    EmptySeries {
        /// Its name.
        series: String,
    },
    /// Two series share a name, hence a colour and a line in the legend.
    #[error("two series are called {series:?}")]
    RepeatedSeries {
        /// The name.
        series: String,
    },
    /// A coordinate is NaN, infinite or beyond 1e100.
    #[error("series {series:?}, point {index}: a coordinate is not a finite number")]
    NotFinite {
        /// The series' name.
        series: String,
        /// The point's place in it, from 0.
        index: usize,
    },
    /// An interval's lower end is above its upper end.
    #[error("series {series:?}, point {index}: the interval {low} to {high} is upside down")]
    Inverted {
        /// The series' name.
        series: String,
        /// The point's place in it, from 0.
        index: usize,
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
    },
    /// A fixed extent is empty or not finite.
    #[error("axis {label:?} cannot cover {low} to {high}")]
    AxisExtent {
        /// The axis' label.
        label: String,
        /// Where it should begin.
        low: f64,
        /// Where it should end.
        high: f64,
    },
    /// A series of bars has another number of values than there are categories.
    #[error("series {series:?} has {got} values for {expected} categories")]
    ValueCount {
        /// The series' name.
        series: String,
        /// The number of categories.
        expected: usize,
        /// The number of values.
        got: usize,
    },
    /// A grid of probabilities is smaller than 2 x 2.
    #[error("side {side:?}: a grid of {rows} x {columns} is too small, 2 x 2 is the least")]
    GridSize {
        /// The side's name.
        side: String,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// A grid holds something that is no probability.
    #[error("side {side:?}, row {row}, column {column}: {value} is not a probability")]
    Probability {
        /// The side's name.
        side: String,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// A figure's name is not a plain file name.
    #[error("{name:?} cannot name a file")]
    Name {
        /// The name.
        name: String,
    },
    /// The folder or a file in it could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
