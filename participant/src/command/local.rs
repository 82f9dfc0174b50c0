//! What asks nobody: `check`, `preview`, `status`, `confirm`, `decline`, `decision`, `erase`.

use super::{Desk, Drive};
use crate::{
    attendance::{Attendance, Line, Statement, until_prepared},
    cli, problems,
    record::{self, Checked},
    screens::preview::{Exact, Preview},
    store::Folder,
    words,
};
use host::Problem;
use protocol::{
    aggregation::noise::{Role, epsilon_milli},
    campaign::{Kind, SelectionMode},
    exit::Exit,
    ids::AggregationId,
};
use serde::Serialize;

/// One field, for `--json`: its value is not repeated.
#[derive(Serialize)]
struct FieldJson<'a> {
    name: &'a str,
    allowed: &'a str,
    fits: bool,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    fields: Vec<FieldJson<'a>>,
    unused: &'a [String],
}

#[derive(Serialize)]
struct Nothing {}

impl<D: Drive> Desk<'_, D> {
    /// `participant check`: nothing is sent.
    ///
    /// # Errors
    /// [`Exit::Data`] with every fault.
    pub fn check(&mut self, options: &cli::Check) -> Result<(), Problem> {
        let (manifest, ..) = self.known()?;
        let checked = Checked::new(&manifest.scoring.schema, &record::read(&options.file)?);
        let fields = checked.rows.iter().map(|row| FieldJson {
            name: &row.name,
            allowed: &row.allowed,
            fits: row.verdict.is_ok(),
        });
        let json = CheckJson { fields: fields.collect(), unused: &checked.unused };
        self.screen.event("check", &json, table(&checked));
        match checked.problems() {
            problems if problems.is_empty() => {
                self.screen.note("It fits. Nothing was sent.");
                Ok(())
            }
            problems => Err(problems::record(&problems)),
        }
    }

    /// `participant preview`.
    ///
    /// # Errors
    /// [`Problem`] if nothing is known of the campaign.
    pub fn preview(&mut self, options: &cli::Preview) -> Result<(), Problem> {
        let (manifest, invite, settings) = self.known()?;
        let record = self.folder.record()?;
        let role = match (&record, options.role) {
            (Some(record), _) => record.role,
            (None, Some(cli::RoleWord::Donor)) => Role::Donor,
            (None, Some(cli::RoleWord::Member) | None) => Role::Member,
        };
        let preview = Preview::new(&manifest, role, settings.spent, &self.calendar());
        if !options.bytes {
            self.screen.event("preview", &preview, &preview);
            return Ok(());
        }
        let lines = self.folder.lines()?;
        for leaving in &preview.reports {
            let id = AggregationId(leaving.aggregation);
            match until_prepared(lines.clone(), id) {
                Some(then) => {
                    let mut then = self.attendance(&invite, &settings, then)?;
                    let exact = exact(&mut then, id, leaving.what)?;
                    self.screen.event("report", &exact, &exact);
                }
                None => self.screen.event("sizes", leaving, sizes(leaving)),
            }
        }
        Ok(())
    }

    /// `participant status`.
    ///
    /// # Errors
    /// [`Exit::Verification`] after an alarm.
    pub fn status(&mut self) -> Result<(), Problem> {
        let (attendance, _, settings) = self.seen()?;
        if settings.left {
            self.screen.say("You have left this campaign. Nothing is sent any more.");
        } else if self.folder.consent()?.is_none() {
            self.screen
                .say("You have not agreed yet. Nothing about you was sent. Next: participant run");
        }
        self.show_standing(&attendance)?;
        problems::of_phase(&attendance.machine().phase()).map_or(Ok(()), Err)
    }

    /// `participant confirm`.
    ///
    /// # Errors
    /// [`Problem`] if it is too late to say so.
    pub fn confirm(&mut self) -> Result<(), Problem> {
        self.state(Kind::Confirmation, |said| Statement { complies: true, ..said })
    }

    /// `participant decline`.
    ///
    /// # Errors
    /// [`Problem`] if it is too late to say so.
    pub fn decline(&mut self) -> Result<(), Problem> {
        self.state(Kind::Confirmation, |said| Statement { complies: false, ..said })
    }

    /// `participant decision`.
    ///
    /// # Errors
    /// [`Problem`] if it is too late to say so.
    pub fn decision(&mut self) -> Result<(), Problem> {
        let (manifest, ..) = self.known()?;
        let firm = &manifest.texts.firm;
        let question = format!(
            "What has {firm} decided about you now, positive or negative? Enter if you do not know:"
        );
        let accepted_after = record::decision(&question, self.screen)?;
        self.state(Kind::AuditAfter, |said| Statement { accepted_after, ..said })
    }

    /// Notes what the next report of a kind is to say.
    fn state(
        &mut self,
        kind: Kind,
        change: impl FnOnce(Statement) -> Statement,
    ) -> Result<(), Problem> {
        if self.folder.consent()?.is_none() {
            return Err(problems::no_consent());
        }
        let (manifest, ..) = self.known()?;
        let role = self.folder.record()?.map_or(Role::Member, |record| record.role);
        let Some(id) = manifest.of_kind(kind).filter(|_| kind.concerns(role)) else {
            return Err(Problem::new(
                Exit::Usage,
                "NOT_ASKED",
                "This campaign does not ask you that.",
            )
            .safe("Nothing was changed."));
        };
        let before = self.folder.statement()?.unwrap_or_default();
        let after = change(before);
        let lines = self.folder.lines()?;
        if until_prepared(lines.clone(), id).is_some() {
            let sent = lines.iter().rev().find_map(|line| match line {
                Line::Said(of, said) if *of == id => Some(*said),
                Line::Said(..) | Line::Machine(_) | Line::Evidence(_) => None,
            });
            let problem = if sent == Some(after) {
                Problem::new(Exit::Already, "SAID_ALREADY", "Your machine has said so already.")
            } else {
                Problem::new(
                    Exit::Deadline,
                    "SAID_OTHERWISE",
                    "Your machine has said otherwise already.",
                )
            };
            return Err(problem.safe("It counts once, in a sum; nobody sees whose it was."));
        }
        self.folder.keep_statement(after)?;
        let calendar = self.calendar();
        let when = manifest.aggregation(id).map_or_else(String::new, |planned| {
            format!(
                "between {} and {}",
                calendar.moment(planned.opens),
                calendar.date(planned.closes)
            )
        });
        self.screen.event(
            "noted",
            &Nothing {},
            format!("Noted. Your machine says it {when}, like everybody's: participant run. Until then you can say otherwise."),
        );
        Ok(())
    }

    /// `participant erase`.
    ///
    /// # Errors
    /// [`Problem`] if another program is using the folder.
    pub fn erase(&mut self, options: &cli::Erase) -> Result<(), Problem> {
        let known = self.known().ok();
        if !options.yes {
            let question = format!(
                "This wipes your key, record and journal in {}. Reports that are in cannot be taken back without them. Type \"erase\", or Enter to leave.",
                self.folder.path().display()
            );
            if !self.screen.agrees(question, "erase")? {
                return Err(Problem::new(Exit::Declined, "NOT_ERASED", "Nothing was erased."));
            }
        }
        let spent =
            self.seen().ok().map(|(attendance, ..)| attendance.machine().ledger().as_planned());
        let gone = self.folder.erase()?;
        self.screen.event("erased", &Nothing {}, format!("Erased: {}.", gone.join(", ")));
        if let Some((manifest, ..)) = known {
            let open = manifest.selection.mode == SelectionMode::OpenScores;
            let open = if open {
                ", your score, if you have sent one, and whether it is asked"
            } else {
                ""
            };
            self.screen.note(format!(
                "What others still have: your pseudonym, your role{open}, and the sums that you are in, in the public transcript; shares \
                 at the coordinator and the keyholders until the campaign ends; your IP address where the coordinator has noted it.",
            ));
        }
        if let Some(epsilon) = spent.map(epsilon_milli).filter(|milli| *milli > 0) {
            self.screen.note(format!(
                "This record has cost you an epsilon of {0} so far. If it takes part again: participant join --spent {0}",
                words::epsilon(epsilon)
            ));
        }
        Ok(())
    }
}

/// A record beside the schema, in columns.
fn table(checked: &Checked) -> String {
    let widest = |of: fn(&record::Row) -> &str| {
        checked.rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0).min(40)
    };
    let (names, texts) = (widest(|row| &row.name), widest(|row| &row.text));
    let rows = checked.rows.iter().map(|row| {
        let verdict = if row.verdict.is_ok() { "fits" } else { "DOES NOT FIT" };
        let text = if row.text.is_empty() { "-" } else { &**row.text };
        format!("  {:<names$}  {text:<texts$}  {verdict}; allowed: {}\n", row.name, row.allowed)
    });
    let table: Vec<String> = rows.collect();
    let unused = if checked.unused.is_empty() {
        String::new()
    } else {
        format!("  not used: {}\n", checked.unused.join(", "))
    };
    table.concat() + &unused
}

fn sizes(leaving: &crate::screens::preview::Leaving) -> String {
    let parts = leaving.parts;
    format!(
        "{}: {} bytes, not made yet\n  {} signed envelope, {} shown to all, {} share of the coordinator, {} sealed to each keyholder\n",
        leaving.what,
        words::thousands(leaving.bytes),
        words::thousands(parts.envelope),
        words::thousands(parts.public_share),
        words::thousands(parts.coordinator_share),
        words::thousands(parts.sealed_share),
    )
}

fn exact(
    then: &mut Attendance<Folder>,
    id: AggregationId,
    what: &'static str,
) -> Result<Exact, Problem> {
    let opening = then.machine().opening(id).cloned();
    let opening =
        opening.ok_or_else(|| Problem::bug("a report was prepared without an opening"))?;
    match then.preview(&opening) {
        Ok(Some(bytes)) => Ok(Exact::new(id, what, &bytes)),
        Ok(None) => Err(Problem::bug("a report was prepared though there is nothing to report")),
        Err(fault) => Err(Problem::new(
            Exit::Io,
            "REPORT_CHANGED",
            format!("The report cannot be made again: {fault}."),
        )
        .next("Restore record and key from a backup.")),
    }
}
