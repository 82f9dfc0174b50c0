//! The paper's figures as numbers, to lay ours beside them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Why the paper's points cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", .file.display())]
pub struct PaperError {
    /// The file of points.
    pub file: PathBuf,
    /// Which line, and why.
    pub source: csv::Error,
}

/// Which of the paper's figures a point is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaperFigure {
    /// Best `EqOd` against the size of the collective.
    Size,
    /// `EqOd` against label flips at alpha = 0.3.
    Flips,
    /// Error against `EqOd`.
    Pareto,
}

#[derive(Clone, Debug, Deserialize)]
struct Line {
    figure: PaperFigure,
    dataset: String,
    series: String,
    x: Option<f64>,
    eqod: f64,
}

/// The points of one data set.
#[derive(Clone, Debug, Default)]
pub struct PaperPoints(Vec<Line>);

impl PaperPoints {
    /// Reads the points of `dataset` (our word for it) from a CSV file with the columns
    /// `figure,dataset,series,x_name,x,eqod`.
    ///
    /// # Errors
    /// [`PaperError`].
    pub fn read(file: &Path, dataset: &str) -> Result<Self, PaperError> {
        let fail = |source| PaperError { file: file.to_owned(), source };
        let wanted = match dataset {
            "acs" => "acs-income",
            "waterbirds-like" => "waterbirds",
            word => word,
        };
        let mut reader = csv::Reader::from_path(file).map_err(fail)?;
        let mut lines = Vec::new();
        for line in reader.deserialize() {
            let line: Line = line.map_err(fail)?;
            if line.dataset == wanted {
                lines.push(line);
            }
        }
        Ok(Self(lines))
    }

    /// The points `(x, EqOd)` of one series, in the file's order.
    pub fn series(&self, figure: PaperFigure, series: &str) -> Vec<(f64, f64)> {
        let wanted = |line: &&Line| line.figure == figure && line.series == series;
        self.0.iter().filter(wanted).filter_map(|line| Some((line.x?, line.eqod))).collect()
    }

    /// The height of the "no action" line.
    pub fn base(&self, figure: PaperFigure) -> Option<f64> {
        let base = |line: &&Line| line.figure == figure && line.series == "base";
        self.0.iter().find(base).map(|line| line.eqod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "figure,dataset,series,x_name,x,eqod\n\
        flips,acs-income,rb-prob,label_flips,5,0.1743\n\
        flips,acs-income,base,label_flips,,0.1824\n\
        flips,compas,rb-prob,label_flips,5,0.2206\n";

    #[test]
    fn reads_one_data_sets_points() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), TEXT).unwrap();
        let points = PaperPoints::read(file.path(), "acs").unwrap();
        assert_eq!(points.series(PaperFigure::Flips, "rb-prob"), [(5.0, 0.1743)]);
        assert_eq!(points.base(PaperFigure::Flips), Some(0.1824));
        assert_eq!(points.base(PaperFigure::Size), None);
    }

    #[test]
    fn names_the_file_and_line_that_is_wrong() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{TEXT}flips,compas,rb-prob,label_flips,x,1\n"))
            .unwrap();
        let error = PaperError::to_string(&PaperPoints::read(file.path(), "acs").unwrap_err());
        assert!(error.contains("line: 5"), "{error}");
    }
}
