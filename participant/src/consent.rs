//! Consent: asked for in words that have to be typed, or given in a file that names the campaign.

use crate::{screens::preview::Preview, store::Consent};
use host::{Problem, files, screen::Screen};
use protocol::{exit::Exit, ids::CampaignId, roles::Time};
use std::path::Path;

/// What has to be typed.
pub const AGREE: &str = "I agree";
/// What has to be typed besides if a sum is published without noise.
pub const UNNOISED: &str = "A count of one may be me";

/// What a member has to type besides if scores are in the open.
pub const OPEN_SCORES: &str = "Others may see my score";

/// The longest file of consent, in bytes.
const FILE_BYTES_MAX: usize = 4_096;

/// How consent is given.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// Typed now.
    Person,
    /// Written down before, in a file that names this very campaign.
    File(&'a Path),
}

/// Asks for consent to what `preview` has shown.
///
/// # Errors
/// [`Exit::Declined`] if it is not given.
pub fn ask(
    screen: &mut Screen,
    campaign: CampaignId,
    preview: &Preview,
    by: By<'_>,
    now: Time,
) -> Result<Consent, Problem> {
    let accepted =
        Accepted { unnoised: preview.is_unnoised(), open_scores: preview.has_open_scores() };
    match by {
        By::File(file) => read(file, campaign, accepted)?,
        By::Person => {
            for (words, why) in accepted.words() {
                let question = format!("{why} Type \"{words}\" to accept that, or Enter to leave.");
                if !screen.agrees(question, words)? {
                    return Err(left());
                }
            }
            let question = format!("Type \"{AGREE}\" to send, or Enter to leave.");
            if !screen.agrees(question, AGREE)? {
                return Err(left());
            }
        }
    }
    Ok(Consent::new(campaign, now.as_millis(), accepted))
}

/// What is accepted in words of its own, beside the campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Sums without noise.
    pub unnoised: bool,
    /// The own score in the open.
    pub open_scores: bool,
}

impl Accepted {
    /// What has to be typed, each with its reason.
    fn words(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let noise = "Some sums are published without noise.";
        let open = "Scores are in the open: with a negative label, others see that, your score and whether you are asked.";
        let all = [(self.unnoised, UNNOISED, noise), (self.open_scores, OPEN_SCORES, open)];
        all.into_iter().filter(|(is, ..)| *is).map(|(_, words, why)| (words, why))
    }
}

fn left() -> Problem {
    Problem::new(Exit::Declined, "NO_CONSENT", "You have not agreed.")
        .heading("Left")
        .safe("Nothing about you was sent or kept. Your code stays good.")
}

/// Whether a file consents to this campaign: a line with its id, and the words.
fn read(file: &Path, campaign: CampaignId, accepted: Accepted) -> Result<(), Problem> {
    let bytes = files::read(file, FILE_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let has = |line: &str| text.lines().any(|written| written.trim() == line);
    let refuse = |what: String| {
        let needed = accepted
            .words()
            .fold(String::new(), |needed, (words, _)| format!("{needed}\n  {words}"));
        Err(Problem::new(Exit::Declined, "CONSENT_FILE", what).safe("Nothing was sent.").next(
            format!("Once you agree, write these lines into it:\n  {campaign}\n  {AGREE}{needed}"),
        ))
    };
    if !has(&campaign.to_string()) {
        return refuse(format!("{} does not name this campaign.", file.display()));
    }
    if !has(AGREE) {
        return refuse(format!("{} does not say \"{AGREE}\".", file.display()));
    }
    match accepted.words().find(|(words, _)| !has(words)) {
        Some((words, _)) => refuse(format!("{} does not say \"{words}\".", file.display())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        seen::{pinned, scripted},
        words::Calendar,
        world::{self, World},
    };
    use protocol::{
        aggregation::noise::{Rho, Role},
        campaign::Plan,
    };

    fn preview(plan: Plan) -> Preview {
        let zone = jiff::tz::TimeZone::UTC;
        let calendar = Calendar { now: Time::from_millis(40_000), zone };
        Preview::new(&World::new(plan).manifest, Role::Member, Rho::ZERO, &calendar)
    }

    const CAMPAIGN: CampaignId = CampaignId([0xab; 32]);

    fn typed(plan: Plan, answers: &str) -> Result<Consent, Problem> {
        let (mut screen, _) = scripted(answers);
        ask(&mut screen, CAMPAIGN, &preview(plan), By::Person, Time::from_millis(9))
    }

    #[test]
    fn consent_is_the_very_words() {
        let given = typed(world::plan(), "I agree\n").unwrap();
        assert!(given.is_for(CAMPAIGN) && !given.is_for(CampaignId([0; 32])) && !given.unnoised);
        for answer in ["\n", "yes\n", "y\n", "i agree\n", "I agree to it\n"] {
            let refused = typed(world::plan(), answer).unwrap_err();
            assert_eq!((refused.exit, refused.code), (Exit::Declined, "NO_CONSENT"), "{answer}");
        }
        assert_eq!(typed(world::plan(), "").unwrap_err().code, "NO_ANSWER");
        pinned("error-no-consent", &typed(world::plan(), "\n").unwrap_err().to_string());
    }

    #[test]
    fn sums_without_noise_need_words_of_their_own() {
        assert_eq!(typed(world::unnoised(), "I agree\n").unwrap_err().code, "NO_CONSENT");
        let given = typed(world::unnoised(), "A count of one may be me\nI agree\n").unwrap();
        assert!(given.unnoised);
    }

    #[test]
    fn open_scores_need_words_of_their_own() {
        assert_eq!(typed(world::open(), "I agree\n").unwrap_err().code, "NO_CONSENT");
        let given = typed(world::open(), "Others may see my score\nI agree\n").unwrap();
        assert!(given.open_scores && !given.unnoised);
        assert!(!typed(world::plan(), "I agree\n").unwrap().open_scores);
    }

    #[test]
    fn a_file_consents_to_the_campaign_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("consent");
        let by_file = |text: String, plan| {
            std::fs::write(&file, text).unwrap();
            let (mut screen, _) = scripted("I agree\n");
            ask(&mut screen, CAMPAIGN, &preview(plan), By::File(&file), Time::from_millis(9))
        };
        assert!(by_file(format!("{CAMPAIGN}\nI agree\n"), world::plan()).is_ok());
        let other = CampaignId([1; 32]);
        let code = |given: Result<Consent, Problem>| given.unwrap_err().code;
        assert_eq!(code(by_file(format!("{other}\nI agree\n"), world::plan())), "CONSENT_FILE");
        assert_eq!(code(by_file(format!("{CAMPAIGN}\n"), world::plan())), "CONSENT_FILE");
        assert_eq!(
            code(by_file(format!("{CAMPAIGN}\nI agree\n"), world::unnoised())),
            "CONSENT_FILE"
        );
        let short = format!("{CAMPAIGN}\nI agree\n");
        assert_eq!(code(by_file(short.clone(), world::open())), "CONSENT_FILE");
        let open = by_file(format!("{short}Others may see my score\n"), world::open());
        assert!(open.unwrap().open_scores);
        let all = format!("{CAMPAIGN}\nI agree\nA count of one may be me\n");
        assert!(by_file(all, world::unnoised()).unwrap().unnoised);
    }
}
