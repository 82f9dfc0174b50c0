use super::*;
use protocol::{
    campaign::Kind,
    keys::{sign::SigningKey, token::IssuerKey},
};

const NOW: Time = Time::from_millis(1_000_000_000_000);
const DAY: u64 = 86_400_000;

fn keys() -> Keys {
    Keys {
        organiser: SigningKey::from_bytes(&[1; 32]).public(),
        issuer: IssuerKey::from_seed([2; 32]).public(),
    }
}

pub(super) fn plan(text: &str) -> Result<CheckedPlan, Problem> {
    parse(text)?.plan(keys(), NOW)
}

fn changed(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "{from}");
    EXAMPLE.replacen(from, to, 1)
}

#[test]
fn the_example_is_a_campaign() {
    let plan = plan(EXAMPLE).unwrap();
    let kinds: Vec<_> = plan.aggregations.iter().map(|of| of.kind).collect();
    let expected =
        [Kind::AuditBefore, Kind::Regressor, Kind::Selection, Kind::Confirmation, Kind::AuditAfter];
    assert_eq!(kinds, expected);
    assert_eq!(plan.issue.unwrap().closes, NOW.after_millis(7 * DAY));
    assert_eq!(plan.enrolment_opens, NOW.after_millis(7 * DAY));
    assert_eq!(plan.enrolment_closes, NOW.after_millis(9 * DAY));
    assert_eq!(plan.aggregations[4].opens, NOW.after_millis(90 * DAY));
    assert_eq!(
        (plan.seats(), plan.lost_max(), plan.corrupt_max(), plan.honest_seats),
        (5, 1, 2, 2)
    );
    assert!(plan.texts.label.contains("satisfaction form"), "members read the statement");
    // The same file at the same time with the same keys is the same plan.
    assert_eq!(plan.id(), self::plan(EXAMPLE).unwrap().id());
}

#[test]
fn a_person_is_charged_no_more_than_the_file_says() {
    use protocol::aggregation::noise::{Role, epsilon};
    let plan = plan(EXAMPLE).unwrap();
    for role in [Role::Member, Role::Donor] {
        let concerned = plan.aggregations.iter().filter(|of| of.kind.concerns(role));
        let charges = concerned.map(|of| {
            let charge = of.noise.unwrap().charge(&of.circuit, of.kind.purpose());
            charge.unwrap().as_planned
        });
        let total = charges.reduce(|a, b| a + b).unwrap();
        let epsilon = epsilon(total, DELTA);
        assert!(epsilon > 3.5 && epsilon <= 4.0, "{role:?}: {epsilon}");
    }
}

#[test]
fn unknown_keys_and_wrong_values_name_their_line() {
    let problem = plan(&changed("firm = ", "frim = ")).unwrap_err();
    let line = 1 + EXAMPLE.lines().position(|line| line.starts_with("firm = ")).unwrap();
    assert!(problem.what.contains(&format!("line {line}")), "{}", problem.what);
    assert!(problem.what.contains("frim"), "{}", problem.what);
    assert_eq!((problem.exit, problem.code), (Exit::Configuration, "CAMPAIGN_FILE"));
    for (from, to, says) in [
        ("cohort = 50", "cohort = \"fifty\"", "line "),
        ("cohort = 50", "cohort = 5", "at least 12"),
        ("\"in 7 days\"", "\"next week\"", "times.issue_closes"),
        ("\"in 9 days\"", "\"in 6 days\"", "out of order"),
        ("\"2 days\"", "\"2 months\"", "times.collecting"),
        ("rb-prob\"", "rb-best\"", "selection.method"),
        ("vote.example:4433", "vote.example", "server.address"),
        ("epsilon = 4.0", "epsilon = -1.0", "privacy.epsilon"),
        ("epsilon = 4.0", "", "privacy.epsilon is missing"),
        (
            "patience = \"12 h\"",
            "patience = \"2 days\"",
            "times.patience = \"2 days\"; allowed: less than 1 day 3 h.",
        ),
        ("donors = 200", "donors = 49", "people.donors = 49; allowed: at least 50"),
        ("kind = \"count\"", "kind = \"flag\"", "\"applications\""),
        ("weights = [4, 6]", "weights = [4, 6, 7]", "[no, yes]"),
        ("recovery_threshold = 4", "recovery_threshold = 9", "recover"),
        ("reporters_max = 600", "reporters_max = 20", "below the cohort"),
    ] {
        let file = parse(&changed(from, to));
        let problem =
            file.and_then(|file| file.address().and_then(|_| file.plan(keys(), NOW))).unwrap_err();
        assert!(problem.what.contains(says), "{to}: {}", problem.what);
        assert!(problem.what.starts_with("line ") || !says.contains('.'), "{}", problem.what);
        assert_eq!(problem.exit, Exit::Configuration);
    }
}

#[test]
fn attested_and_high_stakes_labels_are_refused_without_a_written_statement() {
    let refused = |text: &str| plan(text).unwrap_err().code;
    let credit = changed("concerns = []", "concerns = [\"credit\"]");
    assert_eq!(refused(&credit), "LABEL_REFUSED");
    let short =
        credit.replace("# concerns_statement = \"Who", "concerns_statement = \"No.\" # \"Who");
    assert_eq!(refused(&short), "LABEL_REFUSED");
    let written = credit.replace("# concerns_statement", "concerns_statement");
    assert!(plan(&written).unwrap().texts.label.contains("Who has advised"));
    let silent = changed("statement = \"A member", "statement = \"\" # \"A member");
    assert_eq!(refused(&silent), "LABEL_REFUSED");
}

#[test]
fn sums_without_noise_must_be_asked_for() {
    let plan = plan(&changed("epsilon = 4.0", "noise = \"none\"")).unwrap();
    assert!(plan.aggregations.iter().all(|of| of.noise.is_none()));
}

#[test]
fn patience_is_free_where_nobody_can_be_lost() {
    let text = changed("patience = \"12 h\"", "patience = \"2 days\"");
    let text = text.replacen("recovery_threshold = 4", "recovery_threshold = 0", 1);
    assert!(plan(&text).unwrap().lost_max() == 0);
}

#[test]
fn what_a_schedule_allows_is_what_its_plans_are_checked_by() {
    use protocol::campaign::outline::Schedule;
    for (collecting, closing) in [(48, 6), (10, 30), (7, 2)] {
        let text = changed("collecting = \"2 days\"", &format!("collecting = \"{collecting} h\""));
        let text = text.replacen("closing = \"6 h\"", &format!("closing = \"{closing} h\""), 1);
        let text = text.replacen("patience = \"12 h\"", "patience = \"1 h\"", 1);
        let hour = 3_600_000;
        let schedule = Schedule {
            enrolment_closes: NOW,
            collecting_millis: collecting * hour,
            closing_millis: closing * hour,
            audit_after: None,
        };
        let of_plan = plan(&text).unwrap().patience_below_millis();
        assert_eq!(of_plan, Some(schedule.patience_below_millis()), "{collecting} {closing}");
    }
}

const PLANNED: &str = r#"
[planned]
simulated = "0123456789abcdef"
recruit = 180
method = "rb-label"
k = 7
[planned.rule]
flip_budget = 30
no_show_milli = 200
safe_cap = 90
"#;

#[derive(serde::Serialize)]
struct Planned {
    planned: Holds,
}

#[derive(serde::Serialize)]
struct Holds {
    schema: Schema,
}

fn planned() -> String {
    let schema = plan(EXAMPLE).unwrap().scoring.schema.clone();
    let schema = toml::to_string(&Planned { planned: Holds { schema } }).unwrap();
    PLANNED.to_owned() + schema.trim_start().trim_start_matches("[planned]\n")
}

/// The example without what a simulation settles.
fn rest() -> String {
    let (before, from) = EXAMPLE.split_once("[selection]").unwrap();
    let (_, from) = from.split_once("[visits]").unwrap();
    let (from, _) = from.split_once("# What a record holds.").unwrap();
    format!("{before}[visits]{from}")
}

#[test]
fn what_sims_plan_has_settled_stands() {
    let file = rest() + &planned();
    let plan = plan(&file).unwrap();
    let rule = plan.selection.rule;
    assert_eq!((rule.flip_budget, rule.safe_cap, rule.no_show_milli), (30, 90, 200));
    assert_eq!((plan.scoring.method.to_string(), plan.scoring.k), ("rb-label".to_owned(), 7));
    assert_eq!(plan.scoring.schema, self::plan(EXAMPLE).unwrap().scoring.schema);
    // Public counts can be added, and nothing else.
    let more = |text: &str| self::plan(&format!("{file}\n{text}"));
    let known = more("[[feature]]\nname = \"employed\"\nweights = [4, 6]").unwrap();
    assert_ne!(known.scoring.centres, plan.scoring.centres);
    for (text, says) in [
        ("[selection]\nflip_budget = 31", "line "),
        ("[selection]\nflip_budget = 31", "stands in [planned] already"),
        ("[[feature]]\nname = \"employed\"\nkind = \"flag\"", "only weights and values"),
        ("[[feature]]\nname = \"wealth\"\nweights = [4, 6]", "no such feature"),
    ] {
        let problem = more(text).unwrap_err();
        assert!(problem.what.contains(says), "{}", problem.what);
    }
}

#[test]
fn what_is_missing_is_listed_with_what_it_is_for() {
    let problem = parse(&planned()).unwrap_err();
    assert!(problem.what.starts_with("`sims plan` has settled"), "{}", problem.what);
    for table in
        ["organiser", "server", "texts", "honesty", "keyholder", "privacy", "people", "times"]
    {
        assert!(problem.what.contains(&format!("[{table}]  ")), "{}", problem.what);
    }
    assert!(!problem.what.contains("[selection]"), "{}", problem.what);
    let problem = parse("[people]\nreporters_max = 1\ndonors = 1").unwrap_err();
    assert!(problem.what.contains("[selection]") && !problem.what.contains("[people]"));
}
