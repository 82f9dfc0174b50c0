//! `sims reproduce beyond`: one section for each question the paper could not ask.

use std::fmt::Write as _;
use std::io::Write;
use std::num::NonZeroU32;

use super::{Work, keep, opening};
use crate::beyond::finding::{Checked, Numbers, Support};
use crate::beyond::ground::{persons, real};
use crate::beyond::{Inquiry, InquiryError, Question, Summary, is_share, run, summarise};
use crate::command::pictures::estimate;
use crate::command::progress::Bar;
use crate::command::table::{change, plus_minus};
use crate::command::{REVISION, people};
use crate::error::CommandError;
use crate::figure::{
    Axis, BarSeries, Bars, Curves, Estimate, Files, Interval, Panels, Point, Series, YAxes,
};
use crate::report::{Report, Section, Table};
use crate::statistics::{Mean, Share};

macro_rules! inquiries {
    ($($word:literal),*) => {
        [$(($word, include_str!(concat!("../../../experiments/beyond/", $word, ".toml")))),*]
    };
}

const INQUIRIES: [(&str, &str); 11] = inquiries![
    "success",
    "visibility",
    "overshoot",
    "compliance",
    "participation",
    "gains",
    "intersections",
    "collectives",
    "retraining",
    "defences",
    "protocol"
];

pub(super) fn report<W: Write>(work: &mut Work<'_, '_, W>) -> Result<Report, CommandError> {
    work.check_only(&INQUIRIES.map(|(word, _)| word))?;
    let mut report = Report {
        title: "What the paper could not do".to_owned(),
        opening: opening(work.options),
        ..Report::default()
    };
    report.opening.push(
        "M_SP: the flips that would give both groups the same share of positive labels. Unless said otherwise: scores in \
         the paper's encoding, boosted trees that see the group. Bands and whiskers: 95% intervals."
            .to_owned(),
    );
    for (word, text) in INQUIRIES {
        if work.wants(word) {
            let section = section(text, work, &mut report.left_out)?;
            report.sections.extend(section);
        }
    }
    Ok(report)
}

/// One question on all of its data sets; `None` if there are none.
fn section<W: Write>(
    text: &str,
    work: &mut Work<'_, '_, W>,
    left_out: &mut Vec<String>,
) -> Result<Option<Section>, CommandError> {
    let inquiry = Inquiry::parse(text)?;
    let inquiry = if work.options.quick { inquiry.quick() } else { inquiry };
    let (mut seeds, mut summaries) = (Vec::new(), Vec::new());
    for word in &inquiry.datasets {
        let data = match people(word, &work.data) {
            Ok(data) => data,
            Err(error @ CommandError::NoData { .. }) => {
                left_out.push(format!("{}: {}", inquiry.name, super::missing(&error)));
                continue;
            }
            Err(error) => return Err(error),
        };
        work.say(&format!("{}: {word}", inquiry.name))?;
        let folder = work.out.join(format!("{}-{word}", inquiry.name));
        let bar = Bar::new();
        let rows = run(&inquiry, &data, REVISION, &folder, &bar);
        bar.finish();
        let rows = rows?;
        work.say_kept(&folder, rows.iter().map(|seed| &*seed.revision))?;
        summaries.extend(summarise(&rows));
        seeds.extend(rows);
    }
    if summaries.is_empty() {
        return Ok(None);
    }
    let shape = Shape::of(&inquiry.question);
    let mut section = Section {
        title: inquiry.title.clone(),
        says: vec![inquiry.asks.clone()],
        ..Section::default()
    };
    section.says.extend(inquiry.found.iter().map(|finding| told(&finding.check(&seeds))));
    let caption = format!("{} seeds; 95% intervals", inquiry.seeds);
    for picture in &shape.pictures {
        for (name, files) in picture.draw(&inquiry, &summaries, &caption, work)? {
            section.figures.push(keep(name, &files)?);
        }
    }
    match inquiry.question {
        Question::Participation(_) => section.tables.push(least_sizes(&summaries)),
        Question::Cells(_) => section.tables.push(no_harm(&summaries)),
        Question::Budgets(_)
        | Question::Compliance(_)
        | Question::Collectives(_)
        | Question::Gains(_)
        | Question::Success(_)
        | Question::Retraining(_)
        | Question::Defences(_)
        | Question::Protocol(_) => {}
    }
    section.tables.push(shape.table(&summaries));
    Ok(Some(section))
}

/// A finding with what this run says of it.
fn told(checked: &Checked) -> String {
    let support = match checked.support {
        Support::Supported => "Supported by this run",
        Support::NotSupported => "NOT SUPPORTED BY THIS RUN",
        Support::NotChecked => "Not checked by this run",
    };
    let numbers: Vec<String> = checked.numbers.iter().map(counted).collect();
    format!("{support}: {} ({}.)", checked.says, numbers.join("; "))
}

/// One expectation's numbers; one that does not hold is marked where others do.
fn counted(numbers: &Numbers) -> String {
    let Some(value) = numbers.value else { return format!("{}: not in this run", numbers.of) };
    let mut text =
        format!("{}: {} {}", numbers.of, shown(&numbers.name), number(&numbers.name, value));
    if let Some((other, difference)) = &numbers.against {
        let _ = write!(text, ", {} against {}", change(Some(*difference)), shown(other));
    }
    if numbers.support == Support::NotSupported {
        text.push_str(", not shown");
    }
    text
}

impl From<InquiryError> for CommandError {
    fn from(error: InquiryError) -> Self {
        Self::Inquiry(Box::new(error))
    }
}

/// What is drawn and listed of one question.
struct Shape {
    pictures: Vec<Picture>,
    /// The name of x; `None` where there is none.
    x: Option<&'static str>,
    /// Names of values, as columns.
    columns: Vec<String>,
}

enum Picture {
    /// One panel for each of the summaries', one line for each series.
    Curves { value: &'static str, y: &'static str, columns: u32, x_label: &'static str },
    /// One figure for each panel: bars by series.
    Bars { name: &'static str, values: Vec<String>, y: &'static str },
}

const EQOD: &str = "equalized odds violation (EqOd)";

impl Shape {
    fn of(question: &Question) -> Self {
        let curve = |value, y, columns, x_label| Picture::Curves { value, y, columns, x_label };
        let shape = |pictures, x, columns: &[&str]| Self {
            pictures,
            x,
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
        };
        match question {
            Question::Budgets(budgets) => {
                let units = "flips in units of M_SP";
                let columns = if budgets.group_visible.len() > 1 { 2 } else { 3 };
                let mut pictures = vec![curve("eqod", EQOD, columns, units)];
                if budgets.group_visible.len() == 1 {
                    pictures.push(curve("worse", "share of seeds made worse", columns, units));
                }
                shape(pictures, Some("M / M_SP"), &["eqod", "error", "tpr gap", "fpr gap", "worse"])
            }
            Question::Compliance(_) => shape(
                vec![curve("eqod", EQOD, 3, "share of those asked who flip")],
                Some("compliance"),
                &["eqod", "error", "flips"],
            ),
            Question::Participation(_) => shape(
                vec![
                    curve("halved", "share of seeds with EqOd halved", 1, SIZE),
                    curve("eqod", EQOD, 1, SIZE),
                ],
                Some("α"),
                &["halved", "eqod", "error", "flips"],
            ),
            Question::Collectives(_) => shape(
                vec![curve("eqod", EQOD, 3, "M of each, in units of M_SP")],
                Some("M / M_SP"),
                &["eqod", "error", "tpr gap", "fpr gap"],
            ),
            Question::Success(_) => shape(
                vec![curve("success", "success S(α)", 2, SIZE), curve("eqod", EQOD, 2, SIZE)],
                Some("α"),
                &["success", "whole counterfactual", "eqod", "error"],
            ),
            Question::Retraining(_) => shape(
                vec![curve("eqod", EQOD, 1, "round")],
                Some("round"),
                &["eqod", "error", "tpr gap", "fpr gap"],
            ),
            Question::Gains(_) | Question::Cells(_) | Question::Defences(_) => Self::bars(question),
            Question::Protocol(privacies) => Self::protocol(&privacies.epsilons),
        }
    }

    /// Questions whose answers have no x.
    fn bars(question: &Question) -> Self {
        let strings = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        let bars = |name, values: &[&str], y| Picture::Bars { name, values: strings(values), y };
        let shape =
            |pictures, columns: &[&str]| Self { pictures, x: None, columns: strings(columns) };
        match question {
            Question::Gains(_) => shape(
                vec![bars("gains", &["gained", "lost"], "share of these people")],
                &["before", "after", "gained", "lost"],
            ),
            Question::Cells(_) => shape(
                vec![bars("tpr", &["tpr before", "tpr after"], "true positive rate")],
                &["tpr before", "tpr after", "tpr change", "fpr change", "tpr people"],
            ),
            Question::Defences(_) => shape(
                vec![
                    bars("eqod", &["eqod before", "eqod"], EQOD),
                    bars("dropped", &["caught", "minority", "majority"], "share that is dropped"),
                ],
                &["eqod before", "eqod", "change", "error", "caught", "minority", "majority"],
            ),
            Question::Budgets(_)
            | Question::Compliance(_)
            | Question::Participation(_)
            | Question::Collectives(_)
            | Question::Success(_)
            | Question::Retraining(_)
            | Question::Protocol(_) => shape(Vec::new(), &[]),
        }
    }

    fn protocol(epsilons: &[f64]) -> Self {
        let noisy: Vec<String> = epsilons.iter().map(|e| format!("epsilon {e}")).collect();
        let mut values = ["none", "random", "exact", "private"].map(str::to_owned).to_vec();
        values.extend(noisy.iter().cloned());
        let mut columns = values.clone();
        for name in std::iter::once("private".to_owned()).chain(noisy) {
            columns.extend([format!("{name} overlap"), format!("{name} cost")]);
        }
        let pictures = vec![Picture::Bars { name: "eqod", values, y: EQOD }];
        Self { pictures, x: None, columns }
    }

    fn table(&self, summaries: &[Summary]) -> Table {
        let mut header = vec!["panel".to_owned(), "series".to_owned()];
        header.extend(self.x.map(str::to_owned));
        header.extend(self.columns.iter().map(|column| shown(column).to_owned()));
        let row = |summary: &Summary| {
            let mut row = vec![summary.panel.clone(), summary.series.clone()];
            if self.x.is_some() {
                row.push(summary.x.to_string());
            }
            row.extend(self.columns.iter().map(|column| {
                summary.values.get(column).map_or_else(String::new, |&mean| number(column, mean))
            }));
            row
        };
        let mut table = Table {
            title: "In numbers".to_owned(),
            says: String::new(),
            header,
            rows: summaries.iter().map(row).collect(),
        };
        if table.rows.iter().all(|row| row[0].is_empty()) {
            table.header.remove(0);
            for row in &mut table.rows {
                row.remove(0);
            }
        }
        table
    }
}

const SIZE: &str = "collective size α (share of the minority)";

/// Shares of the seeds as counts, persons without decimals, all else with three.
fn number(value: &str, mean: Mean) -> String {
    if is_share(value) {
        return format!("{} of {}", persons(mean.mean * real(mean.count)), mean.count);
    }
    if mean.mean.abs() < 2.0 { plus_minus(mean) } else { format!("{:.0}", mean.mean) }
}

/// Names of values as people read them.
fn shown(value: &str) -> &str {
    match value {
        "eqod" => "EqOd",
        "eqod before" => "EqOd, nobody flips",
        "tpr gap" => "TPR gap",
        "fpr gap" => "FPR gap",
        "worse" => "made worse",
        "halved" => "EqOd halved",
        "tpr before" => "TPR before",
        "tpr after" => "TPR after",
        "tpr change" => "change in TPR",
        "fpr change" => "change in FPR",
        "tpr people" => "test people with y = 1",
        "caught" => "flips caught",
        "minority" => "honest minority dropped",
        "majority" => "honest majority dropped",
        "none" => "no action",
        other => other,
    }
}

impl Picture {
    /// Draws one figure, or one for each panel.
    fn draw<W: Write>(
        &self,
        inquiry: &Inquiry,
        summaries: &[Summary],
        caption: &str,
        work: &Work<'_, '_, W>,
    ) -> Result<Vec<(String, Files)>, CommandError> {
        match self {
            Self::Curves { value, y, columns, x_label } => {
                let name = format!("{}-{value}", inquiry.name);
                let panels = curves(summaries, value, (x_label, y));
                let figure = Panels {
                    title: inquiry.title.clone(),
                    caption: caption.to_owned(),
                    columns: NonZeroU32::new(*columns).unwrap_or(NonZeroU32::MIN),
                    y_axes: YAxes::Shared,
                    panels: panels.into_iter().map(Into::into).collect(),
                };
                let files = figure.draw(&work.out, &name)?;
                Ok(vec![(name, files)])
            }
            Self::Bars { name, values, y } => {
                let mut drawn = Vec::new();
                for (place, panel) in panels(summaries).into_iter().enumerate() {
                    let name = format!("{}-{name}-{}", inquiry.name, place + 1);
                    let figure = Bars {
                        title: format!("{}: {panel}", inquiry.title),
                        caption: caption.to_owned(),
                        ..bars(summaries, panel, values, y)
                    };
                    drawn.push((name.clone(), figure.draw(&work.out, &name)?));
                }
                Ok(drawn)
            }
        }
    }
}

fn panels(summaries: &[Summary]) -> Vec<&str> {
    let mut panels: Vec<&str> = Vec::new();
    for summary in summaries {
        if !panels.contains(&summary.panel.as_str()) {
            panels.push(&summary.panel);
        }
    }
    panels
}

fn curves(summaries: &[Summary], value: &str, (x, y): (&str, &str)) -> Vec<Curves> {
    let of_panel = |panel: &str| {
        let mut series: Vec<Series> = Vec::new();
        for summary in summaries.iter().filter(|summary| summary.panel == panel) {
            let Some(&mean) = summary.values.get(value) else { continue };
            let point = Point::at(summary.x, shown_with_interval(value, mean));
            match series.iter_mut().find(|series| series.name == summary.series) {
                Some(series) => series.points.push(point),
                None => {
                    series.push(Series { name: summary.series.clone(), points: vec![point] });
                }
            }
        }
        Curves {
            title: panel.to_owned(),
            caption: String::new(),
            x: Axis::new(x),
            y: Axis::from_zero(y),
            series,
            level: None,
            paper: Vec::new(),
            hollow: "",
        }
    };
    panels(summaries).into_iter().map(of_panel).collect()
}

/// A share of seeds has Wilson's interval, as seeds that agree are not sure of it.
fn shown_with_interval(value: &str, mean: Mean) -> Estimate {
    let of_seeds = || Share::of(persons(mean.mean * real(mean.count)), mean.count);
    match of_seeds().filter(|_| is_share(value)) {
        Some(Share { low, high, .. }) => Estimate::within(mean.mean, Interval { low, high }),
        None => estimate(mean),
    }
}

fn bars(summaries: &[Summary], panel: &str, values: &[String], y: &str) -> Bars {
    // What never happens has no bar: six labels of zero hide each other.
    let something = |summary: &&Summary| {
        let mean = |value: &String| summary.values.get(value).map_or(0.0, |mean| mean.mean);
        summary.panel == panel && values.iter().any(|value| mean(value) > 0.0)
    };
    let of_panel: Vec<&Summary> = summaries.iter().filter(something).collect();
    let series = values.iter().map(|value| BarSeries {
        name: shown(value).to_owned(),
        values: of_panel
            .iter()
            .map(|summary| {
                summary
                    .values
                    .get(value)
                    .map_or_else(|| Estimate::exact(0.0), |&mean| estimate(mean))
            })
            .collect(),
    });
    Bars {
        title: String::new(),
        caption: String::new(),
        y: Axis::from_zero(y),
        categories: of_panel.iter().map(|summary| summary.series.clone()).collect(),
        series: series.collect(),
    }
}

/// Whether a cell loses: by the interval of its change in true positive rate.
fn no_harm(summaries: &[Summary]) -> Table {
    let row = |summary: &Summary| {
        let change = *summary.values.get("tpr change")?;
        let half = change.half_width?;
        let (low, high) = (change.mean - half, change.mean + half);
        let verdict = if high < 0.0 {
            "HARMED".to_owned()
        } else if low > 0.0 {
            "gains".to_owned()
        } else {
            format!("none shown; a loss of up to {:.3} is not excluded", -low)
        };
        let people = summary.values.get("tpr people").map(|mean| number("tpr people", *mean));
        Some(vec![
            summary.panel.clone(),
            summary.series.clone(),
            people.unwrap_or_default(),
            format!("{change:+.3} ({low:+.3} to {high:+.3})", change = change.mean),
            verdict,
        ])
    };
    let header = ["who acts", "cell", "test people with y = 1", "change in TPR (95%)", "harm"];
    Table {
        title: "No-harm check of every cell".to_owned(),
        says: "One interval for each cell, not widened for how many there are: among twenty cells that do not change one \
               may look harmed or helped by chance."
            .to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: summaries.iter().filter_map(row).collect(),
    }
}

/// The least sizes of the collective at which halving is as likely as that in our seeds.
fn least_sizes(summaries: &[Summary]) -> Table {
    let mut series: Vec<&str> = Vec::new();
    for summary in summaries {
        if !series.contains(&summary.series.as_str()) {
            series.push(&summary.series);
        }
    }
    let least = |name: &str, wanted: f64| {
        let reaches = |summary: &&Summary| {
            summary.series == name
                && summary.values.get("halved").is_some_and(|mean| mean.mean >= wanted)
        };
        let found = summaries.iter().filter(reaches).map(|summary| summary.x);
        found.min_by(f64::total_cmp).map_or_else(|| "none tried".to_owned(), |x| x.to_string())
    };
    Table {
        title: "The least sizes that halve unfairness".to_owned(),
        says: String::new(),
        header: ["data", "α50", "α90"].map(str::to_owned).to_vec(),
        rows: series
            .into_iter()
            .map(|name| vec![name.to_owned(), least(name, 0.5), least(name, 0.9)])
            .collect(),
    }
}
