//! What is settled in one place: by the organiser's own keys, or in `[planned]` by `sims plan`.

use std::str::FromStr as _;

use host::Problem;
use protocol::{
    campaign::Draft,
    scoring::{
        marginals::{Marginal, Marginals},
        method::Method,
        schema::{Feature, FeatureKind, Schema},
    },
    selection::threshold::Rule,
};

use super::{
    CampaignFile,
    file::{FeatureText, KindWord},
    schema_of, wrong,
};

/// Neighbours, where nobody says.
const NEIGHBOURS: u32 = 10;
/// Score bins, where nobody says.
const BINS: u16 = 16;

impl CampaignFile {
    /// The score.
    pub(super) fn method(&self) -> Result<Method, Problem> {
        let read = |word: &String| {
            let method = Method::from_str(word);
            method.map_err(|error| self.at("selection.method", &format!(" = \"{word}\": {error}")))
        };
        let own = self.selection.method.as_ref().map(read).transpose()?;
        self.once("selection.method", own, |planned| planned.method)
    }

    /// k.
    pub(super) fn neighbours(&self) -> Result<u32, Problem> {
        match (self.selection.k, &self.planned) {
            (None, None) => Ok(NEIGHBOURS),
            (own, _) => self.once("selection.k", own, |planned| planned.k),
        }
    }

    /// How many score bins.
    pub(super) fn bins(&self) -> u16 {
        self.selection.bins.unwrap_or(BINS)
    }

    /// How many are asked.
    pub(super) fn rule(&self) -> Result<Rule, Problem> {
        let own = &self.selection;
        Ok(Rule {
            flip_budget: self
                .once("selection.flip_budget", own.flip_budget, |of| of.rule.flip_budget)?,
            safe_cap: self.once("selection.safe_cap", own.safe_cap, |of| of.rule.safe_cap)?,
            no_show_milli: self
                .once("selection.no_show_milli", own.no_show_milli, |of| of.rule.no_show_milli)?,
        })
    }

    fn once<T>(
        &self,
        key: &str,
        own: Option<T>,
        planned: impl Fn(&Draft) -> T,
    ) -> Result<T, Problem> {
        match (own, &self.planned) {
            (Some(own), None) => Ok(own),
            (None, Some(draft)) => Ok(planned(draft)),
            (Some(_), Some(_)) => Err(self.at(
                key,
                " stands in [planned] already, where its odds come from. Remove it here; for another value, run `sims plan` again",
            )),
            (None, None) => Err(self.at(key, " is missing; `sims plan` says what helps")),
        }
    }

    /// What a record holds.
    pub(super) fn schema(&self) -> Result<Schema, Problem> {
        let Some(planned) = &self.planned else {
            return schema_of(&self.feature);
        };
        for text in &self.feature {
            let needs = |what: &str| wrong(format!("feature \"{}\": {what}.", text.name));
            if !planned.schema.features().iter().any(|of| of.name == text.name) {
                return Err(needs("[planned] has no such feature"));
            }
            let FeatureText { unit, kind, min, max, levels, .. } = text;
            if (unit, kind, levels) != (&None, &None, &None) || min.or(*max).is_some() {
                return Err(needs(
                    "[planned] says what it holds; beside it only weights and values can be given",
                ));
            }
        }
        Ok(planned.schema.clone())
    }

    /// What is publicly known of each feature; its range, if nothing is said.
    pub(super) fn marginals(&self, schema: &Schema) -> Result<Marginals, Problem> {
        let mut marginals = Vec::from(Marginals::from_ranges(schema));
        for (marginal, feature) in marginals.iter_mut().zip(schema.features()) {
            let text = self.feature.iter().find(|text| text.name == feature.name);
            if let Some(known) = text.map_or(Ok(None), |text| marginal_of(text, &feature.kind))? {
                *marginal = known;
            }
        }
        let marginals = Marginals::new(schema, marginals);
        marginals.map_err(|error| wrong(format!("feature weights: {error}.")))
    }
}

/// One feature, as it is written.
pub(super) fn feature(text: &FeatureText) -> Result<Feature, Problem> {
    let name = &text.name;
    let needs = |what: &str| wrong(format!("feature \"{name}\": {what}."));
    let kind = text.kind.ok_or_else(|| {
        needs("kind is missing; allowed: numeric, count, ordinal, flag or categorical")
    })?;
    let kind = match (kind, text.min, text.max, &text.levels) {
        (KindWord::Numeric, Some(min), Some(max), None) => FeatureKind::Numeric { min, max },
        (KindWord::Count, None, Some(max), None) => FeatureKind::Count { max },
        (KindWord::Flag, None, None, None) => FeatureKind::Flag,
        (KindWord::Ordinal, None, None, Some(levels)) => {
            FeatureKind::Ordinal { levels: levels.clone() }
        }
        (KindWord::Categorical, None, None, Some(levels)) => {
            FeatureKind::Categorical { levels: levels.clone() }
        }
        (KindWord::Numeric, ..) => return Err(needs("numeric needs min and max, and no levels")),
        (KindWord::Count, ..) => return Err(needs("count needs max, and neither min nor levels")),
        (KindWord::Flag, ..) => return Err(needs("flag has neither min, max nor levels")),
        (KindWord::Ordinal | KindWord::Categorical, ..) => {
            return Err(needs("ordinal and categorical need levels, and neither min nor max"));
        }
    };
    Ok(Feature { name: name.clone(), unit: text.unit.clone(), kind })
}

/// What is publicly known of a feature, if the file says it.
fn marginal_of(text: &FeatureText, kind: &FeatureKind) -> Result<Option<Marginal>, Problem> {
    let needs = |what: &str| wrong(format!("feature \"{}\": {what}.", text.name));
    let Some(weights) = text.weights.clone() else {
        return match text.values {
            None => Ok(None),
            Some(_) => Err(needs("values need weights")),
        };
    };
    let number = matches!(kind, FeatureKind::Numeric { .. } | FeatureKind::Count { .. });
    Ok(Some(match (&text.values, kind) {
        (Some(values), _) if number => Marginal::Numbers { values: values.clone(), weights },
        (Some(_), _) => return Err(needs("only numbers have values")),
        (None, _) if number => return Err(needs("weights need values")),
        (None, FeatureKind::Flag) => match weights[..] {
            [no, yes] => Marginal::Flag { no, yes },
            _ => return Err(needs("weights of a flag are [no, yes]")),
        },
        (None, _) => Marginal::Levels { weights },
    }))
}
