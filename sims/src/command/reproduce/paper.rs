//! `sims reproduce paper`: flips, sizes, Pareto fronts, ten majority records, before and after.

use std::io::Write;
use std::num::NonZeroU32;

use super::{Work, keep, opening, tables};
use crate::command::demo::before_and_after;
use crate::command::pictures::{PAPER_ALPHA, Subject, estimate};
use crate::command::progress::Bar;
use crate::command::{REVISION, people};
use crate::dataset::Dataset;
use crate::error::CommandError;
use crate::experiment::Experiment;
use crate::experiment::record::Choice;
use crate::experiment::summary::{Summary, summarise};
use crate::experiment::sweep::into_folder;
use crate::figure::{Axis, Panels, Pareto, Point, Series, YAxes};
use crate::paper::{PaperFigure, PaperPoints};
use crate::report::{Report, Section, Table};

/// One data set of the paper.
struct Chapter {
    word: &'static str,
    title: &'static str,
    /// What a reader of its figures must know.
    says: &'static str,
    flips: &'static str,
    size: &'static str,
    pareto: &'static str,
    ten: &'static str,
}

macro_rules! chapter {
    ($word:literal, $title:literal, $says:literal) => {
        Chapter {
            word: $word,
            title: $title,
            says: $says,
            flips: include_str!(concat!("../../../experiments/", $word, "-flips.toml")),
            size: include_str!(concat!("../../../experiments/", $word, "-size.toml")),
            pareto: include_str!(concat!("../../../experiments/", $word, "-pareto.toml")),
            ten: include_str!(concat!("../../../experiments/", $word, "-ten.toml")),
        }
    };
}

const CHAPTERS: [Chapter; 5] = [
    chapter!("compas", "COMPAS", "Group: race. Boosted trees that see the group."),
    chapter!(
        "acs",
        "ACS-Income (Alabama)",
        "Group: race. Boosted trees that see the group. The paper does not name its state, so that levels may differ."
    ),
    chapter!("adult", "Adult", "Group: sex. Boosted trees that see the group."),
    chapter!(
        "hsls",
        "HSLS",
        "Group: race. Boosted trees that see the group. Our table has other features and another imputation than the paper's."
    ),
    chapter!(
        "waterbirds-like",
        "Waterbirds-like (synthetic)",
        "Not the photographs: Gaussian clouds with Waterbirds' cell counts, calibrated to the paper's EqOd at no action and to nothing else. A logistic firm that sees the group. A file of real embeddings runs the same way (data set waterbirds)."
    ),
];

pub(super) fn report<W: Write>(work: &mut Work<'_, '_, W>) -> Result<Report, CommandError> {
    let words: Vec<&'static str> = CHAPTERS.iter().map(|chapter| chapter.word).collect();
    work.check_only(&words)?;
    let mut report = Report {
        title: "The paper's figures, and ours".to_owned(),
        opening: opening(work.options),
        ..Report::default()
    };
    report.opening.push(
        "The paper: Ben-Dov, Samadi, Sanyal, Tifrea, arXiv 2508.15374; its points were read off the poster. \
         Cells read: the paper's → ours ± half of our 95% interval (ours minus the paper's). Hollow markers are the \
         paper's."
            .to_owned(),
    );
    if work.options.paper.is_none() {
        report.left_out.push("the paper's points: name their file with --paper".to_owned());
    }
    report.sections.push(toy(work)?);
    let mut agreement = Vec::new();
    for chapter in &CHAPTERS {
        if !work.wants(chapter.word) {
            continue;
        }
        let data = match people(chapter.word, &work.data) {
            Ok(data) => data,
            Err(error @ CommandError::NoData { .. }) => {
                report.left_out.push(super::missing(&error));
                continue;
            }
            Err(error) => return Err(error),
        };
        let (section, rows) = chapter.section(&data, work)?;
        report.sections.push(section);
        agreement.extend(rows.into_iter().map(|row| {
            let title = chapter.title.to_owned();
            std::iter::once(title).chain(row).collect::<Vec<String>>()
        }));
    }
    if !agreement.is_empty() {
        report.sections.insert(0, summary(agreement));
    }
    Ok(report)
}

fn summary(rows: Vec<Vec<String>>) -> Section {
    let mut table = tables::agreements(rows);
    table.header.insert(0, "data".to_owned());
    Section {
        title: "Ours against the paper's".to_owned(),
        tables: vec![table],
        ..Section::default()
    }
}

fn toy<W: Write>(work: &mut Work<'_, '_, W>) -> Result<Section, CommandError> {
    work.say("toy: before and after")?;
    let files = before_and_after()?.draw(&work.out, "toy-before-after")?;
    Ok(Section {
        title: "Before and after, in two dimensions".to_owned(),
        says: vec![
            "Made-up people with two features. The firm does not see the group, but travel time stands in for it: \
             its boundary is tilted against the minority. After the flips it is steeper. How many flip was chosen on \
             validation rows."
                .to_owned(),
        ],
        figures: vec![keep("toy-before-after".to_owned(), &files)?],
        tables: Vec::new(),
    })
}

impl Chapter {
    /// Figures and tables, and how far they are from the paper's.
    fn section<W: Write>(
        &self,
        data: &Dataset,
        work: &mut Work<'_, '_, W>,
    ) -> Result<(Section, Vec<Vec<String>>), CommandError> {
        let (flips_of, flips) = sweep(self.flips, data, work)?;
        let (size_of, size) = sweep(self.size, data, work)?;
        let (_, pareto) = sweep(self.pareto, data, work)?;
        let (_, ten) = sweep(self.ten, data, work)?;
        let firm = flips_of.firms[0].word();
        let paper = match &work.options.paper {
            Some(file) => PaperPoints::read(file, self.word)?,
            None => PaperPoints::default(),
        };
        let subject = |summaries| {
            let mut subject = Subject::new(summaries, firm, &data.name);
            subject.paper = paper.clone();
            subject
        };
        let [flips, size, pareto, ten] = [&flips, &size, &pareto, &ten].map(|of| subject(of));
        let mut section = Section {
            title: self.title.to_owned(),
            says: vec![
                self.says.to_owned(),
                format!("{} seeds.", flips.none().map_or(0, |s| s.eqod.count)),
            ],
            ..Section::default()
        };
        let out = &work.out;
        let name = |what: &str| format!("{}-{what}", self.word);
        if let Some(figure) = flips.flips(PAPER_ALPHA) {
            section.figures.push(keep(name("flips"), &figure.draw(out, &name("flips"))?)?);
        }
        if let Some(figure) = size.sizes(&size_of.alphas) {
            section.figures.push(keep(name("size"), &figure.draw(out, &name("size"))?)?);
        }
        if let Some(figure) = pareto.pareto(PAPER_ALPHA) {
            section.figures.push(keep(name("pareto"), &figure.draw(out, &name("pareto"))?)?);
        }
        if let Some(figure) = ten_against_all(&flips, &ten) {
            section.figures.push(keep(name("ten"), &figure.draw(out, &name("ten"))?)?);
        }
        section.tables = vec![tables::flips(&flips)];
        section.tables.extend(tables::sizes(&size, &size_of.alphas));
        let rest = [
            tables::pareto(&pareto),
            tables::best(&pareto),
            tables::chosen(&pareto),
            tables::front(&pareto),
            ten_table(&flips, &ten),
        ];
        section.tables.extend(rest.into_iter().filter(|table| !table.rows.is_empty()));
        let mut rows = tables::agreement(&flips, PaperFigure::Flips);
        rows.extend(tables::agreement(&size, PaperFigure::Size));
        Ok((section, rows))
    }
}

/// Runs an experiment into its folder, or goes on with it.
fn sweep<W: Write>(
    text: &str,
    data: &Dataset,
    work: &mut Work<'_, '_, W>,
) -> Result<(Experiment, Vec<Summary>), CommandError> {
    let experiment = Experiment::parse(text)?;
    let experiment = if work.options.quick { experiment.quick() } else { experiment };
    work.say(&experiment.name)?;
    let bar = Bar::new();
    let folder = work.out.join(&experiment.name);
    let records = into_folder(&experiment, data, REVISION, &folder, &bar);
    bar.finish();
    let records = records?;
    work.say_kept(&folder, records.iter().map(|record| &*record.revision))?;
    Ok((experiment, summarise(&records)))
}

fn along<'a>(subject: &Subject<'a>, method: &str) -> Vec<&'a Summary> {
    let mut along: Vec<&Summary> =
        subject.of(method, PAPER_ALPHA).filter(|s| s.choice == Choice::Flips).collect();
    along.sort_by(|a, b| a.asked.total_cmp(&b.asked));
    along
}

const SCORES: [&str; 3] = ["rb-prob", "rb-label", "rb-dist"];

/// Pareto fronts with all majority records and with ten, score by score.
fn ten_against_all(all: &Subject<'_>, ten: &Subject<'_>) -> Option<Panels> {
    let series = |subject: &Subject<'_>, method: &str, name: &str| Series {
        name: name.to_owned(),
        points: along(subject, method)
            .into_iter()
            .map(|s| Point { x: estimate(s.error), y: estimate(s.eqod) })
            .collect(),
    };
    let panels: Vec<_> = SCORES
        .into_iter()
        .filter(|method| !along(ten, method).is_empty())
        .map(|method| {
            let panel = Pareto {
                title: method.to_owned(),
                caption: String::new(),
                x: Axis::new("error"),
                y: Axis::from_zero("equalized odds violation (EqOd)"),
                series: vec![
                    series(all, method, "all majority records, k = 20"),
                    series(ten, method, "ten of them, k = 3"),
                    series(all, "random", "random"),
                ],
                paper: Vec::new(),
            };
            panel.into()
        })
        .collect();
    (!panels.is_empty()).then(|| Panels {
        title: "Ten majority records against all of them, α = 0.3".to_owned(),
        caption: all.caption.replace("bands", "whiskers"),
        columns: NonZeroU32::MIN.saturating_add(2),
        y_axes: YAxes::Shared,
        panels,
    })
}

fn ten_table(all: &Subject<'_>, ten: &Subject<'_>) -> Table {
    let rows = along(ten, SCORES[0]).into_iter().map(|at| {
        let mut row = vec![at.asked.to_string()];
        for method in SCORES {
            let find = |subject: &Subject<'_>| {
                let same = |s: &&Summary| s.asked.total_cmp(&at.asked).is_eq();
                along(subject, method)
                    .into_iter()
                    .find(same)
                    .map_or_else(String::new, |s| crate::command::table::plus_minus(s.eqod))
            };
            row.push(format!("{} → {}", find(all), find(ten)));
        }
        row
    });
    Table {
        title: "Ten majority records: EqOd with all of them → with ten".to_owned(),
        says: "Ten: the first of a published order, at least three of each label; k = 3. The paper says that the effect \
               on its Pareto fronts is small; it publishes no such points."
            .to_owned(),
        header: std::iter::once("M").chain(SCORES).map(str::to_owned).collect(),
        rows: rows.collect(),
    }
}
