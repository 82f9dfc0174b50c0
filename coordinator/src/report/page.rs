//! The page: HTML with its pictures within it. It loads nothing from anywhere.

use std::fmt::Write as _;

use protocol::audit::{Change, Estimate, Estimates, Verdict};

use super::{Count, Report, SumReport, withheld_words};

const STYLE: &str = "body { font: 16px/1.5 sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #222 }\n\
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }\n\
table { border-collapse: collapse; margin: 0.5rem 0 } td, th { border: 1px solid #bbb; padding: 0.2rem 0.6rem; text-align: left }\n\
td.number { text-align: right } code { overflow-wrap: anywhere } svg { max-width: 100%; height: auto }\n\
svg text { font: 12px sans-serif; fill: #222 }";

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>Report of a campaign</title>\n<style>\n{STYLE}\n</style>\n\
         <h1>{} on {}</h1>\n<p>{}</p>\n",
        text(&report.organiser),
        text(&report.firm),
        text(&report.purpose),
    );
    facts(&mut page, report);
    audits(&mut page, report);
    for sum in &report.sums {
        section(&mut page, sum);
    }
    let cohort = report.cohort;
    let what = if report.sums.iter().any(|sum| sum.open_scores) {
        format!(
            "Scores were open in this campaign: the transcript, not this page, lists for each pseudonym that has sent one its \
             score and whether it was asked. Every sum is over at least {cohort} people, with the noise that is said beside it."
        )
    } else {
        format!(
            "Every number is a sum over at least {cohort} people, with the noise that is said beside it. Nothing here is about \
             one person, and no list of people exists."
        )
    };
    let _ = write!(
        page,
        "<h2>What this shows and what it does not</h2>\n<p>{what} {}</p>\n</html>\n",
        withheld_words(),
    );
    page
}

fn facts(page: &mut String, report: &Report) {
    let campaign = report.campaign.as_deref().unwrap_or("not yet");
    let enrolled = report.enrolled.map_or_else(|| "not yet".to_owned(), |count| count.to_string());
    let _ = write!(
        page,
        "<table>\n<tr><th>plan<td><code>{}</code>\n<tr><th>campaign<td><code>{campaign}</code>\n\
         <tr><th>last entry<td><code>{}</code>\n<tr><th>enrolled<td>{enrolled}\n</table>\n\
         <p>Anybody can check all of it: <code>coordinator verify transcript</code></p>\n\
         <h2>Keyholders</h2>\n<table>\n<tr><th>name<th>named by<th>lost in\n",
        report.plan, report.head,
    );
    for keyholder in &report.keyholders {
        let lost = match keyholder.lost {
            0 => "no sum".to_owned(),
            count => format!("{count} sums"),
        };
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{lost}",
            text(&keyholder.name),
            text(&keyholder.named_by)
        );
    }
    page.push_str("</table>\n");
}

fn audits(page: &mut String, report: &Report) {
    let (Some(before), after) = (report.audits.before, report.audits.after) else { return };
    page.push_str(
        "<h2>The firm's decisions</h2>\n<p>Shares with 95 % intervals; smaller is fairer.</p>\n",
    );
    let rows = |of: Estimates| [of.eqod, of.parity, of.error];
    let names = ["equalized odds violation", "statistical parity difference", "error"];
    intervals(page, names, rows(before), after.map(rows));
    let Some(changes) = report.audits.changes else { return };
    page.push_str("<table>\n<tr><th>measure<th>after minus before<th>95 % interval<th>verdict\n");
    for (name, change) in names.into_iter().zip([changes.eqod, changes.parity, changes.error]) {
        let row = change
            .map_or_else(|| "<td colspan=3>withheld: too few people".to_owned(), |of| cells(&of));
        let _ = writeln!(page, "<tr><td>{name}{row}");
    }
    page.push_str("</table>\n");
}

fn cells(change: &Change) -> String {
    let Change { difference, low, high, verdict } = change;
    let words = match verdict {
        Verdict::Improved => "improved",
        Verdict::NoEvidence => "no evidence",
        Verdict::Worse => "worse",
    };
    format!("<td class=number>{difference:+.3}<td>{low:+.3} to {high:+.3}<td>{words}")
}

/// A row for each measure, a line for each audit.
fn intervals(
    page: &mut String,
    names: [&str; 3],
    before: [Option<Estimate>; 3],
    after: Option<[Option<Estimate>; 3]>,
) {
    let x = |share: f64| 220.0 + share.clamp(0.0, 1.0) * 480.0;
    page.push_str(
        "<svg viewBox=\"0 0 720 190\" role=\"img\" aria-label=\"Measures before and after\">\n",
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = x(tick);
        let _ = writeln!(
            page,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"8\" y2=\"160\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"178\" text-anchor=\"middle\">{tick}</text>"
        );
    }
    let pairs = names.into_iter().zip(before).zip(after.unwrap_or_default());
    for (row, ((name, before), after)) in pairs.enumerate() {
        let top = 30 + 50 * row;
        let _ = writeln!(page, "<text x=\"8\" y=\"{}\">{name}</text>", top + 4);
        let each = [("before", "#8a8a8a", before, 0), ("after", "#1b6ca8", after, 16)];
        for (label, colour, estimate, down) in each {
            let Some(Estimate { value, low, high, .. }) = estimate else { continue };
            let y = top + down;
            // Beside the interval, where there is room.
            let (beside, anchor) =
                if high < 0.75 { (x(high) + 8.0, "start") } else { (x(low) - 8.0, "end") };
            let _ = writeln!(
                page,
                "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
                 <circle cx=\"{:.1}\" cy=\"{y}\" r=\"5\" fill=\"{colour}\"><title>{label}: {value:.3}, {low:.3} to \
                 {high:.3}</title></circle><text x=\"{beside:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{label} {value:.3}</text>",
                x(low),
                x(high),
                x(value),
                y + 4,
            );
        }
    }
    page.push_str("</svg>\n");
}

fn section(page: &mut String, sum: &SumReport) {
    let _ = writeln!(page, "<h2>{}</h2>", text(&sum.kind));
    match (&sum.aborted, sum.accepted, sum.frozen) {
        (Some(why), ..) => {
            let _ = writeln!(page, "<p>No result: {}.</p>", text(why));
            return;
        }
        (None, Some(accepted), _) if sum.open_scores => {
            let _ = writeln!(page, "<p>{accepted} scores, in the open; nothing was added up.</p>");
        }
        (None, Some(accepted), Some(frozen)) => {
            let sigma = f64::from(sum.sigma_milli) / 1_000.0;
            let noise = match sum.sigma_milli {
                0 => "no noise was added".to_owned(),
                _ => format!("each count has noise of standard deviation {sigma:.1}"),
            };
            let _ = writeln!(
                page,
                "<p>{accepted} reports of {frozen} that were sent in time; {} were not well formed; {noise}.</p>",
                frozen.saturating_sub(accepted)
            );
        }
        (None, ..) => page.push_str("<p>Not yet.</p>\n"),
    }
    if let Some(decision) = &sum.decision {
        let _ = writeln!(page, "<p>{}</p>", text(decision));
    }
    if !sum.counts.is_empty() {
        bars(page, &sum.counts);
    }
}

/// A bar for each count.
fn bars(page: &mut String, counts: &[Count]) {
    let greatest = counts.iter().filter_map(|of| of.count).max().unwrap_or(0).max(1);
    let height = 22 * counts.len() + 8;
    let _ = writeln!(page, "<svg viewBox=\"0 0 720 {height}\" role=\"img\" aria-label=\"Counts\">");
    for (row, Count { what, count }) in counts.iter().enumerate() {
        let y = 22 * row + 4;
        // The width of a picture needs no more than the bits of a float.
        let width = count.map_or(0.0, |count| wide(count.max(0)) / wide(greatest) * 380.0);
        let words = count.map_or_else(|| "withheld".to_owned(), |count| count.to_string());
        let _ = writeln!(
            page,
            "<text x=\"8\" y=\"{}\">{}</text><rect x=\"260\" y=\"{y}\" width=\"{width:.1}\" height=\"16\" \
             fill=\"#1b6ca8\"/><text x=\"{:.1}\" y=\"{}\">{words}</text>",
            y + 13,
            text(what),
            266.0 + width,
            y + 13,
        );
    }
    page.push_str("</svg>\n");
}

#[expect(clippy::cast_precision_loss, reason = "of a picture")]
const fn wide(count: i64) -> f64 {
    count as f64
}

/// What others have written is text, never markup.
fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for letter in raw.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Audits, KeyholderReport};
    use protocol::audit::{Audit, Changes};

    fn report() -> Report {
        let audits = [
            Audit::new([50, 10, 40, 60, 70, 10, 60, 20, 3], 0),
            Audit::new([50, 10, 40, 60, 50, 30, 40, 40, 30], 0),
        ];
        let [before, after] = audits.map(|audit| audit.estimates());
        let count = |what: &str, count| Count { what: what.to_owned(), count };
        Report {
            plan: "ab".repeat(32),
            campaign: None,
            head: "cd".repeat(32),
            organiser: "<script>alert(1)</script>".to_owned(),
            firm: "Example & Sons".to_owned(),
            purpose: "fairness".to_owned(),
            keyholders: vec![KeyholderReport { name: "A".into(), named_by: "B".into(), lost: 1 }],
            enrolled: Some(300),
            cohort: 50,
            sums: vec![SumReport {
                kind: "audit-before".to_owned(),
                open_scores: false,
                frozen: Some(320),
                accepted: Some(318),
                sigma_milli: 2_500,
                aborted: None,
                decision: None,
                counts: vec![count("one", Some(70)), count("two", None), count("three", Some(-4))],
            }],
            audits: Audits {
                before: Some(before),
                after: Some(after),
                changes: Some(Changes::between(&before, &after)),
            },
        }
    }

    #[test]
    fn a_page_loads_nothing_and_shows_others_words_as_text() {
        let page = page(&report());
        for foreign in ["<script", "src=", "href=", "http", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("&lt;script&gt;") && page.contains("Example &amp; Sons"));
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(page.contains("318 reports of 320") && page.contains("standard deviation 2.5"));
        assert!(page.contains(">withheld<") && page.contains("improved"));
    }

    #[test]
    fn a_page_with_open_scores_does_not_say_that_nothing_is_known_of_anybody() {
        let mut open = report();
        let nobody = "no list of people exists";
        assert!(page(&open).contains(nobody));
        open.sums[0] = SumReport { open_scores: true, counts: vec![], ..open.sums[0].clone() };
        let page = page(&open);
        assert!(!page.contains(nobody) && page.contains("lists for each pseudonym"), "{page}");
        assert!(page.contains("318 scores, in the open; nothing was added up"), "{page}");
    }

    #[test]
    fn json_and_csv_have_the_same_counts_as_the_page() {
        let report = report();
        let csv = String::from_utf8(report.to_csv()).unwrap();
        assert_eq!(
            csv,
            "sum,what,count\naudit-before,one,70\naudit-before,two,\naudit-before,three,-4\n"
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["sums"][0]["counts"][1]["count"], serde_json::Value::Null);
        assert_eq!(json["sums"][0]["accepted"], 318);
    }
}
