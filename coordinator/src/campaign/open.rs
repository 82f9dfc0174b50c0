//! What a campaign lays open: records that it publishes, and scores.

use super::{CampaignFile, STATEMENT_CHARS_MIN, file, wrong};
use host::Problem;
use protocol::{
    campaign::{PUBLISHED_NOTICE, SelectionMode},
    scoring::{
        method::Method,
        schema::{Schema, Value},
    },
    selection::open_scores,
};

impl CampaignFile {
    /// What everybody will be able to see, in the words that all programs use.
    pub fn in_the_open(&self) -> Vec<&'static str> {
        let scores = self.selection.mode == file::Mode::OpenScores;
        let notices = [(scores, open_scores::NOTICE), (self.published.is_some(), PUBLISHED_NOTICE)];
        notices.into_iter().filter(|(is, _)| *is).map(|(_, notice)| notice).collect()
    }

    /// How it comes to be known whom to ask.
    ///
    /// # Errors
    /// Visits that fewer than 12 members cannot make.
    pub(super) fn mode(&self) -> Result<SelectionMode, Problem> {
        let visits = self.visits;
        let unfit = [
            ("confirmation", visits.confirmation, "there is no sum over so few members"),
            ("refinement", visits.refinement, "there is no histogram to refine"),
            ("top_up", visits.top_up, "nothing counts who has flipped"),
        ];
        match (self.selection.mode, unfit.into_iter().find(|(_, wanted, _)| *wanted)) {
            (file::Mode::Histogram, _) => Ok(SelectionMode::PrivateHistogram),
            (file::Mode::OpenScores, None) => Ok(SelectionMode::OpenScores),
            (file::Mode::OpenScores, Some((visit, _, why))) => Err(wrong(format!(
                "visits.{visit} does not go with selection.mode = \"open-scores\": {why}. Write {visit} = false."
            ))),
        }
    }

    /// The published sample, in the order of the file.
    ///
    /// # Errors
    /// The person and what is wrong with its record.
    pub(super) fn published(
        &self,
        schema: &Schema,
        method: Method,
    ) -> Result<Vec<(Vec<Value>, bool)>, Problem> {
        let Some(published) = &self.published else { return Ok(Vec::new()) };
        if published.agreed.trim().chars().count() < STATEMENT_CHARS_MIN {
            return Err(wrong(format!(
                "published.agreed has fewer than {STATEMENT_CHARS_MIN} characters: how these people have agreed to be \
                 published must be written down. Everybody reads it."
            )));
        }
        if method == Method::Random {
            return Err(wrong(
                "published: selection.method = \"random\" scores nobody by records.",
            ));
        }
        let numbered = (1..).zip(&published.person);
        numbered.map(|(number, person)| read(schema, number, person)).collect()
    }
}

/// One person's record against the schema.
fn read(
    schema: &Schema,
    number: usize,
    person: &file::PublishedPerson,
) -> Result<(Vec<Value>, bool), Problem> {
    let fault = |what: String| wrong(format!("published.person, number {number}: {what}."));
    let known = |name: &String| schema.features().iter().any(|of| of.name == *name);
    if let Some(name) = person.record.keys().find(|name| !known(name)) {
        return Err(fault(format!("there is no feature \"{name}\"")));
    }
    let value = |feature: &protocol::scoring::schema::Feature| {
        let text = match person.record.get(&feature.name) {
            None => String::new(),
            Some(toml::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        feature.parse(&text).map_err(|error| fault(format!("\"{}\" {error}", feature.name)))
    };
    let values: Result<Vec<_>, _> = schema.features().iter().map(value).collect();
    Ok((values?, person.positive))
}

#[cfg(test)]
mod tests {
    use super::super::{EXAMPLE, parse, tests::plan};
    use protocol::{
        campaign::{CheckedPlan, Kind, SelectionMode},
        scoring::schema::Value,
    };

    const AGREED: &str =
        "agreed = \"Each has signed that record and label may stand in public for ever.\"";

    /// The example with `--` of people published, or with other lines at its end.
    fn published(method: &str, people: &[(bool, &str)]) -> String {
        let text = EXAMPLE.replacen("method = \"rb-prob\"", &format!("method = \"{method}\""), 1);
        let people = people.iter().map(|(positive, age)| {
            let record =
                format!("age = {age}, applications = 3, employed = true, household = \"couple\"");
            format!("[[published.person]]\npositive = {positive}\nrecord = {{ {record} }}\n")
        });
        [text, format!("\n[published]\n{AGREED}\n"), people.collect::<Vec<_>>().concat()].concat()
    }

    fn open(text: &str) -> String {
        let text = text.replacen("mode = \"histogram\"", "mode = \"open-scores\"", 1);
        text.replacen("confirmation = true", "confirmation = false", 1)
    }

    fn kinds(plan: &CheckedPlan) -> Vec<Kind> {
        plan.aggregations.iter().map(|of| of.kind).collect()
    }

    #[test]
    fn a_published_sample_takes_the_place_of_what_donors_lend() {
        let text = published("rb-prob", &[(true, "40"), (false, "51.5"), (true, "33")]);
        let plan = plan(&text).unwrap();
        let expected = [Kind::AuditBefore, Kind::Selection, Kind::Confirmation, Kind::AuditAfter];
        assert_eq!(kinds(&plan), expected);
        let (record, positive) = &plan.scoring.published[1];
        let expected =
            [Value::Number(51.5), Value::Number(3.0), Value::Flag(true), Value::Level(1)];
        assert_eq!((&record[..], *positive), (&expected[..], false));
        assert!(plan.texts.purpose.contains("Each has signed"), "everybody reads how they agreed");
        let [notice] = parse(&text).unwrap().in_the_open()[..] else { panic!("one notice") };
        assert!(notice.starts_with("This campaign publishes records"));
        assert!(parse(EXAMPLE).unwrap().in_the_open().is_empty());
    }

    #[test]
    fn scores_can_be_open_for_a_few_members() {
        for text in [open(EXAMPLE), open(&published("rb-prob", &[(true, "40"), (false, "51")]))] {
            let plan = plan(&text).unwrap();
            assert_eq!(plan.selection.mode, SelectionMode::OpenScores);
            let id = plan.of_kind(Kind::Selection).unwrap();
            let selection = plan.aggregation(id).unwrap();
            assert_eq!((selection.noise, selection.reporters_max), (None, 11));
            assert!(plan.has_open_scores(id) && plan.of_kind(Kind::Confirmation).is_none());
            assert!(parse(&text).unwrap().in_the_open()[0].starts_with("Scores are open"));
        }
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let two = [(true, "40"), (false, "51")];
        let sample = published("rb-prob", &two);
        for (text, says) in [
            (
                EXAMPLE.replacen("mode = \"histogram\"", "mode = \"open-scores\"", 1),
                "visits.confirmation",
            ),
            (
                open(EXAMPLE).replacen("refinement = false", "refinement = true", 1),
                "visits.refinement",
            ),
            (open(EXAMPLE).replacen("top_up = false", "top_up = true", 1), "visits.top_up"),
            (EXAMPLE.replacen("mode = \"histogram\"", "mode = \"secret\"", 1), "line "),
            (sample.replacen(AGREED, "agreed = \"Yes.\"", 1), "published.agreed"),
            (sample.replacen("age = 51", "age = 112", 1), "number 2: \"age\" 112 is out of range"),
            (sample.replacen("age = 51, ", "", 1), "number 2: \"age\" is missing"),
            (sample.replacen("age = 51", "agee = 51", 1), "number 2: there is no feature \"agee\""),
            (sample.replacen("\"couple\"", "\"alone.\"", 1), "number 1: \"household\""),
            (published("random", &two), "scores nobody by records"),
            (published("rb-label", &two), "rb-label needs k = 10 records in the published sample"),
            (published("rb-prob", &two[..1]), "rb-prob needs a record of each label"),
        ] {
            let problem = plan(&text).unwrap_err();
            assert!(problem.what.contains(says), "{says}: {}", problem.what);
        }
    }
}
