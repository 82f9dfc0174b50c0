//! What everybody is told before they consent, in plain words.

use protocol::{
    campaign::{PUBLISHED_NOTICE, Plan, SelectionMode},
    selection::open_scores,
};

/// What taking part means and costs.
pub const NOTICES: [&str; 7] = [
    "You may break the firm's terms: your account, a contract or your work may suffer. Some places protect people who act together, others do not. Get advice first.",
    "The firm may notice coordinated changes. Nothing here hides what you report to the firm itself.",
    "That you belong to a group is sensitive. The coordinator sees your IP address, when you are there, and whether you are a member or a donor. A relay such as Tor hides the address. No name, telephone number or e-mail address is asked for.",
    "Nobody promises an effect on the firm. With too many or too few reports things can become worse, also for other people.",
    "You are free: refuse, take back or leave at any time. Nobody is told, nothing follows. Nobody is paid for what they report.",
    "Less risky ways come first: a complaint, an audit, a request for your data, a union or an association, a regulator.",
    "Not for children without somebody who looks after them.",
];

/// What a plan lays open, for everybody to see, in the words that all programs use.
pub fn in_the_open(plan: &Plan) -> Vec<&'static str> {
    let scores = plan.selection.mode == SelectionMode::OpenScores;
    let records = !plan.scoring.published.is_empty();
    let notices = [(scores, open_scores::NOTICE), (records, PUBLISHED_NOTICE)];
    notices.into_iter().filter(|(is, _)| *is).map(|(_, notice)| notice).collect()
}

/// Where this must not be used.
pub const WHEN_NOT: &str = "Not for reports that are made under oath or signed, or that others attest. Not for credit, insurance, tax, benefits, \
immigration, courts, health or safety records, employment eligibility, examinations or elections. Not for labels of other people. \
False statements there can be crimes and can hurt others. Use it only for your own opinions, ratings and descriptions of yourself.";
