//! What `join` shows of a campaign before it asks anything.

use crate::{
    notices::{self, NOTICES, WHEN_NOT},
    words::{self, Calendar},
};
use protocol::{
    aggregation::noise::Role,
    campaign::{CheckedManifest, Kind},
};
use serde::Serialize;
use std::fmt;

/// Where the invite leads.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Host and port.
    pub address: String,
    /// Of its certificate, as the code names it.
    pub fingerprint: String,
}

/// A keyholder, as the plan names it.
#[derive(Clone, Debug, Serialize)]
pub struct Keyholder {
    /// Counted from 1, as people do.
    pub number: u8,
    /// A person or an organisation.
    pub name: String,
    /// A public contact.
    pub contact: String,
    /// The group that named it.
    pub named_by: String,
    /// Of its key: what it reads aloud.
    pub fingerprint: String,
}

/// One time at which people are asked to come.
#[derive(Clone, Debug, Serialize)]
pub struct Visit {
    /// The aggregation's place in the plan.
    pub aggregation: u16,
    /// What for.
    pub what: &'static str,
    /// Whether members come.
    pub members: bool,
    /// Whether donors come.
    pub donors: bool,
    /// In milliseconds since 1970.
    pub opens: u64,
    /// In milliseconds since 1970.
    pub closes: u64,
    #[serde(skip)]
    between: String,
}

/// A campaign as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Campaign {
    /// The manifest's hash, in hexadecimal.
    pub campaign: String,
    /// Who organises.
    pub organiser: String,
    /// How to reach them.
    pub contact: String,
    /// Why.
    pub purpose: String,
    /// Whose classifier.
    pub firm: String,
    /// Who counts as minority.
    pub group_rule: String,
    /// What the label is.
    pub label: String,
    /// Where the invite leads.
    pub server: Server,
    /// Who holds keys.
    pub keyholders: Vec<Keyholder>,
    /// When the last token is given for a code: join before, in milliseconds since 1970.
    pub joining_closes: u64,
    /// When keys are enrolled, from then on, in milliseconds since 1970.
    pub enrolment_opens: u64,
    /// Until then, in milliseconds since 1970.
    pub enrolment_closes: u64,
    #[serde(skip)]
    joining_closes_words: String,
    #[serde(skip)]
    enrolment_words: String,
    /// When people are asked to come.
    pub visits: Vec<Visit>,
    /// What everybody can see, in whole sentences.
    pub in_the_open: Vec<&'static str>,
    /// How many records are published with the plan.
    pub published: usize,
}

impl Campaign {
    /// A verified campaign.
    pub fn new(manifest: &CheckedManifest, server: Server, calendar: &Calendar) -> Self {
        let keyholders = manifest.all_seats().iter().zip(&manifest.keyholders);
        let keyholders = keyholders.map(|(seat, named)| Keyholder {
            number: seat.index() + 1,
            name: named.name.clone(),
            contact: named.contact.clone(),
            named_by: named.named_by.clone(),
            fingerprint: manifest
                .seat(seat)
                .map(|entry| words::fingerprint(entry.keys.identity.as_bytes()))
                .unwrap_or_default(),
        });
        let visits = manifest.enumerated().map(|(id, planned)| Visit {
            aggregation: id.0,
            what: words::aggregation(manifest, id),
            members: planned.kind.concerns(Role::Member),
            donors: planned.kind.concerns(Role::Donor),
            opens: planned.opens.as_millis(),
            closes: planned.closes.as_millis(),
            between: format!(
                "{} to {}",
                calendar.date(planned.opens),
                calendar.date(planned.closes)
            ),
        });
        let closes = manifest.issue.map_or(manifest.enrolment_closes, |issue| issue.closes);
        Self {
            campaign: manifest.campaign().to_string(),
            organiser: manifest.organiser.name.clone(),
            contact: manifest.organiser.contact.clone(),
            purpose: manifest.texts.purpose.clone(),
            firm: manifest.texts.firm.clone(),
            group_rule: manifest.texts.group_rule.clone(),
            label: manifest.texts.label.clone(),
            server,
            keyholders: keyholders.collect(),
            joining_closes: closes.as_millis(),
            enrolment_opens: manifest.enrolment_opens.as_millis(),
            enrolment_closes: manifest.enrolment_closes.as_millis(),
            joining_closes_words: calendar.moment(closes),
            enrolment_words: format!(
                "{} to {}",
                calendar.date(manifest.enrolment_opens),
                calendar.date(manifest.enrolment_closes)
            ),
            visits: visits.collect(),
            in_the_open: notices::in_the_open(manifest),
            published: manifest.scoring.published.len(),
        }
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "THE CAMPAIGN")?;
        for (what, text) in [
            ("Organiser", format!("{} ({})", self.organiser, self.contact)),
            ("Purpose", self.purpose.clone()),
            ("Firm", self.firm.clone()),
            ("Minority", self.group_rule.clone()),
            ("Label", self.label.clone()),
            ("Server", format!("{}, certificate {}", self.server.address, self.server.fingerprint)),
            ("", "(from your code: no other server is talked to)".to_owned()),
            ("Campaign", self.campaign.clone()),
            ("Join until", self.joining_closes_words.clone()),
        ] {
            writeln!(f, "  {what:<11} {}", words::beside(&text, 14))?;
        }
        writeln!(f, "\nWHEN YOU WOULD BE ASKED")?;
        writeln!(f, "  all      your key, at a random time: {}", self.enrolment_words)?;
        for visit in &self.visits {
            let who = match (visit.members, visit.donors) {
                (true, true) => "all",
                (true, false) => "members",
                (false, _) => "donors",
            };
            writeln!(f, "  {who:<8} {}: {}", visit.what, visit.between)?;
        }
        writeln!(f, "\nTHE KEYHOLDERS, without whom no sum is opened")?;
        for keyholder in &self.keyholders {
            let Keyholder { number, name, contact, named_by, fingerprint } = keyholder;
            let named = format!("{name}, {contact}, named by {named_by}");
            writeln!(f, "  {number}  {}", words::beside(&named, 5))?;
            writeln!(f, "     key {fingerprint}")?;
        }
        if !self.in_the_open.is_empty() {
            writeln!(f, "\nIN THE OPEN")?;
        }
        for notice in &self.in_the_open {
            writeln!(f, "  {notice}")?;
        }
        if self.published > 0 {
            writeln!(f, "  Published here: {} records.", self.published)?;
        }
        writeln!(f, "\nWHAT YOU SHOULD KNOW")?;
        for notice in NOTICES {
            writeln!(f, "  - {notice}")?;
        }
        write!(f, "\nWHEN NOT TO USE THIS\n  {WHEN_NOT}\n")
    }
}

/// When members who are asked have to have reported: what was done is counted from then on.
pub fn report_until(manifest: &CheckedManifest) -> Option<protocol::roles::Time> {
    let opens = |kind| Some(manifest.aggregation(manifest.of_kind(kind)?)?.opens);
    opens(Kind::Confirmation).or_else(|| opens(Kind::AuditAfter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seen::pinned, world};
    use jiff::tz::TimeZone;
    use protocol::roles::Time;

    #[test]
    fn a_campaign_is_shown_with_everything_that_it_says_of_itself() {
        let world = world::World::new(world::plan());
        let calendar = Calendar { now: Time::from_millis(40_000), zone: TimeZone::UTC };
        let server = Server {
            address: "vote.example:4433".into(),
            fingerprint: words::fingerprint(&[7; 32]),
        };
        let shown = Campaign::new(&world.manifest, server, &calendar);
        pinned("campaign", &shown.to_string());
        let open = world::World::new(world::open());
        let open = Campaign::new(&open.manifest, shown.server.clone(), &calendar);
        pinned("campaign-with-open-scores", &open.to_string());
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["keyholders"][1]["name"], "Ben Berg");
        assert_eq!(json["visits"][3]["donors"], false);
        assert_eq!(json["joining_closes"], world::ISSUE_CLOSES);
        assert_eq!(json["enrolment_closes"], world::OPENS);
    }
}
