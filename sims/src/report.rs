//! A report of figures and tables: one HTML file that opens offline, or Markdown for a document.
//!
//! Nothing is computed here: sections come in, text goes out, and the same sections give the same bytes.

use std::fmt::Write;

/// Everything one command made.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What stands above it.
    pub title: String,
    /// What a stranger must know first, paragraph by paragraph.
    pub opening: Vec<String>,
    /// In the order in which they are read.
    pub sections: Vec<Section>,
    /// What could not be made, and why.
    pub left_out: Vec<String>,
}

/// One subject with its figures and tables.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// How to read it, paragraph by paragraph.
    pub says: Vec<String>,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Its tables, each with its own heading.
    pub tables: Vec<Table>,
}

/// One drawn figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The name of its files, without ending.
    pub name: String,
    /// An SVG document.
    pub svg: String,
}

/// Rows under a header.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// How to read it; may be empty.
    pub says: String,
    /// The names of the columns.
    pub header: Vec<String>,
    /// One cell per column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    fn markdown(&self, text: &mut String) {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        text.push_str(&line(&self.header));
        let _ = writeln!(text, "|{}", "---|".repeat(self.header.len()));
        for row in &self.rows {
            text.push_str(&line(row));
        }
        text.push('\n');
    }

    fn html(&self, text: &mut String) {
        let line = |cells: &[String], tag: &str| {
            let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)));
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        text.push_str("<div class=\"wide\"><table>\n<thead>");
        text.push_str(&line(&self.header, "th"));
        text.push_str("</thead>\n<tbody>\n");
        for row in &self.rows {
            text.push_str(&line(row, "td"));
        }
        text.push_str("</tbody>\n</table></div>\n");
    }
}

impl Report {
    /// The sections' words and tables as Markdown, with headings from the second level on; no figures.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for section in &self.sections {
            let _ = writeln!(text, "## {}\n", section.title);
            for says in &section.says {
                let _ = writeln!(text, "{says}\n");
            }
            for table in &section.tables {
                let _ = writeln!(text, "### {}\n", table.title);
                if !table.says.is_empty() {
                    let _ = writeln!(text, "{}\n", table.says);
                }
                table.markdown(&mut text);
            }
        }
        text
    }

    /// One HTML file: styles and figures within, no script, nothing to fetch.
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let mut text = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        paragraphs(&mut text, &self.opening);
        if !self.left_out.is_empty() {
            text.push_str("<div class=\"left-out\"><p>Left out:</p>\n<ul>\n");
            for line in &self.left_out {
                let _ = writeln!(text, "<li>{}</li>", escape(line));
            }
            text.push_str("</ul></div>\n");
        }
        text.push_str("<nav><ol>\n");
        for (place, section) in self.sections.iter().enumerate() {
            let _ = writeln!(text, "<li><a href=\"#s{place}\">{}</a></li>", escape(&section.title));
        }
        text.push_str("</ol></nav>\n");
        for (place, section) in self.sections.iter().enumerate() {
            let _ =
                writeln!(text, "<section id=\"s{place}\">\n<h2>{}</h2>", escape(&section.title));
            paragraphs(&mut text, &section.says);
            for figure in &section.figures {
                let _ = writeln!(
                    text,
                    "<figure>{}<figcaption>{name}.svg, {name}.png</figcaption></figure>",
                    flexible(&figure.svg),
                    name = escape(&figure.name)
                );
            }
            for table in &section.tables {
                let _ = writeln!(text, "<h3>{}</h3>", escape(&table.title));
                if !table.says.is_empty() {
                    paragraphs(&mut text, std::slice::from_ref(&table.says));
                }
                table.html(&mut text);
            }
            text.push_str("</section>\n");
        }
        text.push_str("</body>\n</html>\n");
        text
    }
}

fn paragraphs(text: &mut String, paragraphs: &[String]) {
    for paragraph in paragraphs {
        let _ = writeln!(text, "<p>{}</p>", escape(paragraph));
    }
}

/// The `<svg>` element alone, without a size of its own: it takes the page's width.
fn flexible(svg: &str) -> String {
    let start = svg.find("<svg").unwrap_or(0);
    let (head, rest) = svg[start..].split_at(svg[start..].find('>').unwrap_or(0));
    let head: Vec<&str> = head
        .split_inclusive(' ')
        .filter(|part| !part.starts_with("width=") && !part.starts_with("height="))
        .collect();
    format!("{} role=\"img\"{}", head.concat(), rest.trim_end())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:1100px;margin:0 auto;padding:1.5rem}\
h1{font-size:1.7rem}h2{margin-top:3rem;border-bottom:1px solid #ccc;padding-bottom:.3rem}\
h3{margin-top:2rem}figure{margin:1.5rem 0}figure svg{width:100%;height:auto;display:block}\
figcaption{color:#666;font-size:.85rem;text-align:right}.wide{overflow-x:auto}\
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}\
th,td{padding:.2rem .7rem;border-bottom:1px solid #e4e4e4;text-align:left;white-space:nowrap}\
th{border-bottom:2px solid #888}.left-out{background:#fff6e5;border-left:4px solid #e69f00;padding:.5rem 1rem}";

/// Replaces what stands between the lines `<!-- begin NAME -->` and `<!-- end NAME -->`.
///
/// `None` if `document` has not both, in this order.
pub fn replace_between(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let start = document.find(&begin)? + begin.len();
    let stop = start + document[start..].find(&end)?;
    Some(format!("{}\n{}\n\n{}", &document[..start], text.trim(), &document[stop..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            title: "A & B".to_owned(),
            sections: vec![Section {
                title: "One".to_owned(),
                figures: vec![Figure {
                    name: "f".to_owned(),
                    svg: "<svg width=\"14\" height=\"9\" viewBox=\"0 0 14 9\" xmlns=\"x\">\n<g/></svg>\n"
                        .to_owned(),
                }],
                tables: vec![Table {
                    title: "T".to_owned(),
                    header: vec!["a".to_owned(), "b|c".to_owned()],
                    rows: vec![vec!["<1".to_owned(), "2".to_owned()]],
                    ..Table::default()
                }],
                ..Section::default()
            }],
            left_out: vec!["adult".to_owned()],
            ..Report::default()
        }
    }

    #[test]
    fn a_page_holds_everything_and_fetches_nothing() {
        let html = report().html();
        assert!(html.contains("<h1>A &amp; B</h1>"), "{html}");
        assert!(html.contains("<svg viewBox=\"0 0 14 9\" xmlns=\"x\" role=\"img\">\n<g/></svg>"));
        assert!(html.contains("<td>&lt;1</td><td>2</td>") && html.contains("<li>adult</li>"));
        for word in ["<script", "src=", "@import", "href=\"http"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn markdown_has_the_tables() {
        assert_eq!(
            report().markdown(),
            "## One\n\n### T\n\n| a | b\\|c |\n|---|---|\n| <1 | 2 |\n\n"
        );
    }

    #[test]
    fn replaces_between_its_own_marks_alone() {
        let document = "x\n<!-- begin t -->\nold\n<!-- end t -->\ny\n";
        let new = replace_between(document, "t", "new\n").unwrap();
        assert_eq!(new, "x\n<!-- begin t -->\n\nnew\n\n<!-- end t -->\ny\n");
        assert_eq!(replace_between(&new, "t", "new"), Some(new.clone()));
        assert_eq!(replace_between(document, "u", "new"), None);
    }
}
