//! `sims` as it is typed: how it ends, what it says, what it leaves behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::programs::Program;

const DESCRIPTION: &str = r#"
name = "loans"
file = "loans.csv"
test-share = 0.3
group = { column = "sex", minority = "f", majority = "m" }
label = { column = "paid", positive = "yes", negative = "no" }

[[feature]]
name = "age"
unit = "years"
kind = { numeric = { min = 18, max = 100 } }

[[feature]]
name = "grade"
kind = { ordinal = { levels = ["C", "B", "A"] } }
"#;

const EXPERIMENT: &str = r#"
name = "small"
dataset = "DATASET"
seeds = 4
methods = ["rb-prob", "rb-label", "rb-dist", "random"]
alphas = [0.3, 0.6]
flips = [5, 10]
shares = [0.2, 0.5]
validate = true
firm_side = ["massaging", "withhold"]
k = 5
firms = [
    { learner = "logistic", penalty = 1.0 },
    { learner = "boosted", trees = 10, depth = 3, rate = 0.1, bins = 32 },
]
"#;

#[test]
fn a_campaign_and_its_transcript() {
    let place = Place::new();
    let run = ["run", "--protocol", "clear", "--people", "150", "--alpha", "0.2", "--seeds", "1"];
    let run = |more: &[&str]| place.sims(&[&run[..], more].concat());
    let small = ["--flips", "5", "--cohort", "12", "--epsilon", "none", "--transcript", "t"];
    let done = run(&small);
    done.succeeds();
    assert!(done.printed.contains("follow it: sims replay t"), "{}", done.printed);
    let again = run(&small);
    assert_eq!(done.printed, again.printed, "the same configuration and seed");
    let followed = place.sims(&["replay", "t"]);
    followed.succeeds();
    for part in
        ["plan: 5 keyholders", "neighbours", "regressor: open for reports", "every rule kept"]
    {
        let there = followed.printed.contains(part);
        assert_eq!(there, part != "neighbours", "{part}: {}", followed.printed);
    }
    run(&["--flips", "5"])
        .fails(5, &["only", "reports; nothing was opened", "hint: let more people"]);
    run(&["--flips", "5", "--cohort", "3"]).fails(78, &["the smallest cohort is 3; at least 12"]);
    run(&["--flips", "5", "--keyholders", "2"]).fails(78, &["2 keyholders; 3 to 15 are possible"]);
    let mut bytes = fs::read(place.path("t")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("t"), bytes).unwrap();
    place.sims(&["replay", "t"]).fails(6, &["t: entry "]);
    place.sims(&["replay", "loans.csv"]).fails(6, &["this is no transcript"]);
}

#[test]
fn a_column_that_is_missing() {
    let place = Place::new();
    place.edit("loans.csv", "sex,age,", "sex,agee,");
    place.loans(&[]).fails(65, &["loans.csv: no column \"age\"; did you mean \"agee\"?"]);
}

#[test]
fn values_that_are_not_allowed() {
    for (value, says) in [
        ("f,20,D,no\n", "line 2, column \"grade\": \"D\" is not a level; allowed: \"C\", \"B\""),
        ("f,NaN,C,no\n", "line 2, column \"age\": \"NaN\" is not finite; allowed: 18 to 100"),
        ("f,17,C,no\n", "line 2, column \"age\": 17 is out of range; allowed: 18 to 100 years"),
        ("d,20,C,no\n", "line 2, group column \"sex\": \"d\" is not a level"),
        ("f,20,C,maybe\n", "line 2, label column \"paid\": \"maybe\" is not a level"),
    ] {
        let place = Place::new();
        place.edit("loans.csv", "paid\n", &format!("paid\n{value}"));
        place.loans(&[]).fails(65, &["loans.csv, ", says]);
    }
}

#[test]
fn a_group_of_nobody() {
    let place = Place::new();
    place.edit("loans.csv", "\nf,", "\nm,");
    place.loans(&[]).fails(65, &["loans.csv: no row is of the minority (sex = f)"]);
}

#[test]
fn nobody_to_ask() {
    let says = ["no candidates: none of the 0 members has a negative label (alpha 0)"];
    Place::new().loans(&["--alpha", "0"]).fails(65, &says);
}

#[test]
fn more_flips_than_candidates() {
    let place = Place::new();
    let ended = place.loans(&["--flips", "100000"]);
    ended.fails(65, &["M = 100000, but there are ", "allowed: 0 to ", "--beyond flip-all"]);
    let (_, count) = ended.says.split_once("there are ").unwrap();
    let count: usize = count.split(' ').next().unwrap().parse().unwrap();
    assert!(count > 0);
    let ended = place.loans(&["--flips", "100000", "--beyond", "flip-all", "--json"]);
    ended.succeeds();
    let records: Vec<serde_json::Value> =
        ended.printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3, "{}", ended.printed);
    for record in records.iter().filter(|record| record["method"] != "none") {
        assert_eq!(record["flips"], count, "{record}");
        assert_eq!(record["candidates"], count, "{record}");
    }
}

#[test]
fn a_share_that_is_no_share() {
    let place = Place::new();
    for (given, shown) in [("1.5", "1.5"), ("NaN", "NaN"), ("inf", "inf")] {
        let says = format!("alpha is {shown}; allowed: 0 to 1");
        place.loans(&["--alpha", given]).fails(65, &[&says]);
    }
    place.loans(&["--alpha=-0.1"]).fails(65, &["alpha is -0.1; allowed: 0 to 1"]);
    place.loans(&["--alpha", "third"]).fails(2, &["invalid value 'third'", "--alpha"]);
}

#[test]
fn more_neighbours_than_people() {
    let place = Place::new();
    let says = ["rb-label: k = 100000, but its majority reference has ", "rows; allowed: 1 to "];
    place.loans(&["--method", "rb-label", "--k", "100000"]).fails(65, &says);
    place.loans(&["--method", "rb-dist", "--k", "0"]).fails(65, &["rb-dist: k must be at least 1"]);
}

#[test]
fn files_that_are_not_there() {
    let place = Place::new();
    fs::remove_file(place.path("loans.csv")).unwrap();
    place.loans(&[]).fails(74, &["loans.toml\" is not at ", "loans.csv", "--data"]);
    fs::remove_file(place.path("loans.toml")).unwrap();
    place.loans(&[]).fails(74, &["loans.toml: entity not found"]);
    place.sims(&["sweep", "none.toml"]).fails(74, &["cannot read none.toml: "]);
    place.sims(&["reference", "none.csv"]).fails(74, &["none.csv: "]);
}

#[test]
fn comparisons_that_cannot_be_made() {
    let place = Place::new();
    let compare = |more: &[&str]| {
        let typed = ["compare", "--dataset", "compas", "--flips", "9", "--data", "."];
        place.sims(&[&typed[..], more].concat())
    };
    compare(&[]).fails(2, &["--methods"]);
    compare(&["--methods", "random"]).fails(2, &["allowed: rb-prob, rb-label, rb-dist"]);
    let one = ["--methods", "rb-prob"];
    compare(&[&one[..], &["--noise", "central"]].concat()).fails(2, &["--epsilon"]);
    compare(&[&one[..], &["--epsilon", "0"]].concat()).fails(2, &["allowed: above 0"]);
    compare(&[&one[..], &["--alpha", "2"]].concat()).fails(65, &["alpha is 2; allowed: 0 to 1"]);
    compare(&one).fails(74, &["the data of \"compas\" is not at "]);
}

#[test]
fn words_that_are_not_known() {
    let place = Place::new();
    let says = ["\"rb-luck\" is not a method; allowed: rb-prob, rb-label, rb-dist, random"];
    place.loans(&["--method", "rb-luck"]).fails(2, &says);
    place.edit("small.toml", "seeds = 4", "seeds = 4\nflipz = 3");
    place.sweep("out").fails(78, &["small.toml: ", "unknown field `flipz`", "sims sweep --help"]);
    assert!(!place.path("out").exists());
}

#[test]
fn a_folder_of_other_results() {
    let place = Place::new();
    place.sweep("out").succeeds();
    let before = place.results("out");
    place.edit("small.toml", "k = 5", "k = 6");
    let says = ["results.jsonl holds results of another experiment or data", "--out"];
    place.sweep("out").fails(78, &says);
    same(&place.results("out"), &before);
}

/// No file may grow above a few blocks, as on a full disk: writing fails half-way through a line.
#[cfg(unix)]
#[test]
fn no_room_for_results() {
    let place = Place::new();
    let program = program();
    let limited = "trap '' XFSZ; ulimit -f 4; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh"]).arg(program).args(["sweep", "small.toml", "--out", "out"]);
    let says = ["cannot write out/results.jsonl: ", "run the same command again to go on", "hint:"];
    place.ended(&mut command).fails(74, &says);
    let kept = fs::read(place.path("out/results.jsonl")).unwrap();
    assert!(kept.contains(&b'\n'), "nothing was kept");
    assert!(!place.path("out/results.csv").exists());
    place.sweep("out").succeeds();
    place.sweep("other").succeeds();
    same(&place.results("out"), &place.results("other"));
}

#[test]
fn an_interrupted_experiment_goes_on() {
    let place = Place::new();
    place.sweep("whole").succeeds();
    let whole = place.results("whole");
    let cut = whole.0.len() / 2;
    let cut = if whole.0.as_bytes()[cut - 1] == b'\n' { cut + 1 } else { cut };
    fs::create_dir(place.path("part")).unwrap();
    fs::write(place.path("part/results.jsonl"), &whole.0.as_bytes()[..cut]).unwrap();
    place.sweep("part").succeeds();
    same(&place.results("part"), &whole);
}

/// Two firm-side methods, two firms, four seeds: a line for each strength, and one by validation.
#[test]
fn firm_side_methods_stand_beside_collective_ones() {
    let place = Place::new();
    place.edit("small.toml", "k = 5", "strengths = { massaging = [0.5, 1.0, 2.0] }\nk = 5");
    place.sweep("out").succeeds();
    let (lines, _) = place.results("out");
    for (method, strengths) in [("massaging", 3), ("withhold", 10)] {
        let of = |choice: &str| {
            let wanted = format!("\"method\":\"{method}\",\"alpha\":0.0,\"choice\":\"{choice}\"");
            lines.lines().filter(|line| line.contains(&wanted)).count()
        };
        assert_eq!((of("strength"), of("validation")), (strengths * 2 * 4, 2 * 4), "{method}");
    }
    let figure = fs::read_to_string(place.path("out/pareto-logistic-alpha-0.3.svg")).unwrap();
    for name in ["random", "massaging", "withhold", "no action"] {
        assert!(figure.lines().any(|line| line == name), "{name} is not drawn");
    }
    let from = "[\"massaging\", \"withhold\"]";
    place.edit("small.toml", from, "[\"massaging\", \"withold\"]");
    place.sweep("other").fails(78, &["unknown variant `withold`", "`withhold`", "hint:"]);
    place.edit("small.toml", "[\"massaging\", \"withold\"]", from);
    place.edit("small.toml", "2.0] }", "-2.0] }");
    let says = ["the strength of massaging is -2; allowed: 0 to 16"];
    place.sweep("other").fails(78, &says);
}

#[test]
fn a_line_that_is_no_result() {
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/results.jsonl"), "{}\n").unwrap();
    place.sweep("out").fails(65, &["results.jsonl line 1 is not a result: "]);
}

#[test]
fn threads_change_nothing() {
    let place = Place::new();
    let with = |threads: &str| {
        let mut command = Command::new(program());
        command.args(["sweep", "small.toml", "--out", threads]).env("RAYON_NUM_THREADS", threads);
        place.ended(&mut command).succeeds();
        place.results(threads)
    };
    same(&with("1"), &with("2"));
}

#[test]
fn cases_that_cannot_be_computed() {
    const HEADER: &str = "dataset,file,seed,method,alpha,k,M\n";
    let place = Place::new();
    fs::write(place.path("compas.csv"), compas()).unwrap();
    let good = "compas,compas.csv,0,rb-label,0.3,5,3\n";
    for (bad, says) in [
        ("compas,compas.csv,0,rb-label,0.3,100000,3\n", "k = 100000, but its majority reference"),
        ("compas,compas.csv,0,rb-label,0.3,0,3\n", "k 0, M 3): rb-label: k must be at least 1"),
        ("compas,compas.csv,0,rb-label,0.3,,3\n", "rb-label needs k; the field is empty"),
        ("compas,compas.csv,0,rb-label,1.5,5,3\n", "alpha is 1.5; allowed: 0 to 1"),
        ("compas,compas.csv,0,rb-luck,0.3,5,3\n", "\"rb-luck\" is not a method"),
        ("iris,compas.csv,0,rb-label,0.3,5,3\n", "dataset \"iris\"; allowed: compas, acs, adult"),
        ("compas,none.csv,0,rb-label,0.3,5,3\n", "none.csv: "),
        (
            "compas,compas.csv,0,rb-label,0.3,many,3\n",
            "k is \"many\"; allowed: a whole number from 1",
        ),
        ("compas,compas.csv,-1,rb-label,0.3,5,3\n", "seed is \"-1\"; allowed: a whole number"),
    ] {
        fs::write(place.path("cases.csv"), format!("{HEADER}{good}{bad}")).unwrap();
        let ended = place.sims(&["reference", "cases.csv", "--data", "."]);
        ended.fails(65, &["cases.csv line 3: ", says]);
    }
    fs::write(place.path("cases.csv"), format!("{HEADER}{good}")).unwrap();
    let ended = place.sims(&["reference", "cases.csv", "--data", "."]);
    ended.succeeds();
    assert!(ended.printed.contains("\ncompas,compas.csv,0,rb-label,0.3,5,3,"), "{}", ended.printed);
}

#[test]
fn the_demo_draws_three_pictures() {
    let place = Place::new();
    let ended = place.sims(&["demo", "--out", "pictures"]);
    ended.succeeds();
    let mut endings: Vec<(String, bool)> = fs::read_dir(place.path("pictures"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let ending = path.extension().unwrap().to_str().unwrap().to_owned();
            let whole = match &*ending {
                "png" => bytes.starts_with(b"\x89PNG") && bytes.ends_with(b"IEND\xaeB`\x82"),
                _ => String::from_utf8(bytes).unwrap().trim_end().ends_with("</svg>"),
            };
            (ending, whole)
        })
        .collect();
    endings.sort();
    let expected = ["png", "png", "png", "svg", "svg", "svg"].map(|e| (e.to_owned(), true));
    assert_eq!(endings, expected);
    assert!(ended.printed.contains("nobody (no action)"), "{}", ended.printed);
}

/// The toy needs no data; a data set that is not there is said, and no failure.
#[test]
fn the_papers_figures_without_any_data() {
    let place = Place::new();
    fs::write(
        place.path("doc.md"),
        "<!-- begin sims reproduce paper -->\n<!-- end sims reproduce paper -->\n",
    )
    .unwrap();
    let run = ["reproduce", "paper", "--quick", "--only", "compas,adult", "--data", "nowhere"];
    let ended = place.sims(&[&run[..], &["--out", "out", "--document", "doc.md"]].concat());
    ended.succeeds();
    for word in ["compas", "adult"] {
        let says = format!("left out: the data of \"{word}\" is not at nowhere");
        assert!(ended.printed.contains(&says), "{}", ended.printed);
    }
    let page = fs::read_to_string(place.path("out/report.html")).unwrap();
    assert!(page.contains("<svg ") && page.contains("Left out:"), "{page}");
    assert!(fs::read_to_string(place.path("doc.md")).unwrap().contains("## Before and after"));
    let wrong = place.sims(&["reproduce", "paper", "--only", "iris"]);
    wrong.fails(2, &["--only iris", "compas", "waterbirds-like"]);
}

/// Interrupted after two seeds; what is kept is not played again.
#[test]
fn a_question_on_made_up_people_goes_on() {
    let place = Place::new();
    let run =
        || place.sims(&["reproduce", "beyond", "--quick", "--only", "retraining", "--out", "out"]);
    run().succeeds();
    let results = place.path("out/retraining-synthetic/results.jsonl");
    let all = fs::read_to_string(&results).unwrap();
    let page = fs::read_to_string(place.path("out/report.html")).unwrap();
    assert_eq!(all.lines().count(), 3);
    let lines: Vec<&str> = all.lines().collect();
    fs::write(&results, format!("{}\n{}\n{{\"torn", lines[0], lines[1])).unwrap();
    run().succeeds();
    let mut again: Vec<String> =
        fs::read_to_string(&results).unwrap().lines().map(str::to_owned).collect();
    let mut before: Vec<String> = all.lines().map(str::to_owned).collect();
    again.sort();
    before.sort();
    assert_eq!(again, before);
    assert!(fs::read_to_string(place.path("out/report.html")).unwrap() == page);

    let line: serde_json::Value = serde_json::from_str(&again[0]).unwrap();
    let own = line["revision"].as_str().unwrap();
    fs::write(&results, again.join("\n").replacen(own, "another", 1) + "\n").unwrap();
    let told = run();
    told.succeeds();
    assert!(told.printed.contains("kept results of revision another"), "{}", told.printed);
}

#[test]
fn a_collective_beside_what_the_firm_could_do_itself() {
    let place = Place::new();
    let run = |methods: &str| place.loans(&["--flips", "5", "--firm-side", methods]);
    let some = run("reweighing,withhold");
    some.succeeds();
    let named = |ended: &Ended, word: &str| ended.printed.contains(&format!("the firm: {word}, "));
    assert!(named(&some, "reweighing") && named(&some, "withhold") && !named(&some, "fare"));
    assert!(some.printed.contains("strength by validation"));
    let place_of = |word: &str| some.printed.find(word).unwrap();
    assert!(place_of("nobody") < place_of("rb-prob"), "{}", some.printed);
    assert!(place_of("\nrandom") < place_of("the firm: "), "{}", some.printed);
    let all = place.loans(&["--flips", "5", "--firm-side", "all", "--json"]);
    all.succeeds();
    for word in ["reweighing", "massaging", "equalized-odds", "calibrated-fnr", "calibrated-fpr"]
        .into_iter()
        .chain(["calibrated-weighted", "withhold", "fare", "reductions-equalized-odds"])
    {
        assert!(all.printed.contains(&format!("\"method\":\"{word}\"")), "{word}");
    }
    run("fairness").fails(2, &["allowed: reweighing, massaging", "reductions-parity, all"]);
    let both = ["--flips", "5", "--firm-side", "fare", "--protocol", "clear"];
    place.loans(&both).fails(2, &["--firm-side", "--protocol"]);
}

/// Fails on the first line that differs, rather than on two whole files.
fn same(left: &(String, String), right: &(String, String)) {
    for (left, right) in [(&left.0, &right.0), (&left.1, &right.1)] {
        for (number, (left, right)) in left.lines().zip(right.lines()).enumerate() {
            assert_eq!(left, right, "line {}", number + 1);
        }
        assert!(left == right, "{} bytes and {} bytes", left.len(), right.len());
    }
}

/// A plan of the small table, in few replicates; later arguments win over these.
const PLAN: [&str; 10] = [
    "plan",
    "--reference",
    "loans.csv",
    "--group",
    "sex=f",
    "--label",
    "paid=yes",
    "--replicates",
    "24",
    "--alpha",
];

#[test]
fn a_plan_is_kept_and_made_again() {
    let place = Place::new();
    let planned = place.sims(
        &[&PLAN[..], &["0.6", "--group-use", "used", "--confidence", "0", "--harm", "0.9"]]
            .concat(),
    );
    planned.succeeds();
    for part in [
        "loans: 400 people; the firm is taken to train on 280 like these",
        "M_SP, as many flips as would level the labels:",
        "logistic, group used: EqOd",
        "reference people of each group",
        "Theory, as a hint",
        "Recommended: M = ",
        "Recruit at least ",
        "Scores side by side for M = ",
        "EqOd by rb-label   EqOd at random",
        "What matters most for M = ",
        "what the firm knows of the group",
        "noisy-descent",
        "0.100                  377",
    ] {
        assert!(planned.printed.contains(part), "{part:?} is not in {}", planned.printed);
    }
    let figure = fs::read_to_string(place.path("plan.svg")).unwrap();
    assert!(figure.contains("boosted, group used"));
    let figure = fs::read_to_string(place.path("sensitivity.svg")).unwrap();
    assert!(figure.contains("group unused") && figure.contains("P(target)"));
    let campaign = fs::read_to_string(place.path("campaign.toml")).unwrap();
    assert!(campaign.contains("[planned]"), "{campaign}");
    let verified = place.sims(&["plan", "--verify", "plan.json"]);
    verified.succeeds();
    assert!(verified.printed.contains("every digit is the same"), "{}", verified.printed);
    place.edit("plan.json", "\"budget\": ", "\"budget\": 1");
    let differs = ["plan.json says 1", "/outlooks/0/levels/0/budget", "made again it is"];
    place.sims(&["plan", "--verify", "plan.json"]).fails(6, &differs);
    place.sims(&["plan", "--verify", "loans.csv"]).fails(65, &["loans.csv: not a plan"]);
}

#[test]
fn a_plan_is_made_of_sums_alone() {
    let place = Place::new();
    let columns = ["--reference", "loans.csv", "--group", "sex=f", "--label", "paid=yes"];
    let sums = place.sims(&[&["plan", "--write-aggregates", "sums.toml"], &columns[..]].concat());
    sums.succeeds();
    assert!(sums.printed.contains("Exact sums, without noise"), "{}", sums.printed);
    let plan = ["plan", "--aggregates", "sums.toml", "--replicates", "24", "--alpha", "0.6"];
    let few = ["--firms", "logistic", "--group-use", "used", "--confidence", "0", "--harm", "0.9"];
    let planned = place.sims(&[&plan[..], &few].concat());
    planned.succeeds();
    for part in [
        "loans (drawn from aggregates): 400 people",
        "There is no sample: these people are made up.",
        "majority: correlations differ from the given ones by ",
        "Recommended: M = ",
    ] {
        assert!(planned.printed.contains(part), "{part:?} is not in {}", planned.printed);
    }
    place.sims(&["plan", "--verify", "plan.json"]).succeeds();
    place.edit("sums.toml", "positive = 0.", "positive = 40.");
    let said =
        ["sums.toml: line ", "majority.positive is 40.", "allowed: a share above 0", "hint:"];
    place.sims(&plan).fails(78, &said);
}

#[test]
fn a_finished_campaign_gives_the_sums_of_the_next_plan() {
    let place = Place::new();
    let run = ["run", "--protocol", "clear", "--method", "rb-prob", "--network", "calm"];
    let more = ["--people", "600", "--alpha", "1", "--seeds", "1", "--flips", "20"];
    let kept = ["--transcript", "campaign.transcript"];
    place.sims(&[&run[..], &more, &kept].concat()).succeeds();
    let from = ["plan", "--write-aggregates", "sums.toml", "--transcript", "campaign.transcript"];
    let sums = place.sims(&from);
    sums.succeeds();
    for part in ["Published with noise", "Of the minority only size and rate", "people: those who"]
    {
        assert!(sums.printed.contains(part), "{part:?} is not in {}", sums.printed);
    }
    let few = ["--firms", "logistic", "--group-use", "used", "--replicates", "24"];
    let planned =
        place.sims(&[&["plan", "--aggregates", "sums.toml", "--alpha", "1"], &few[..]].concat());
    let printed = &planned.printed;
    assert!(
        printed.contains("assumed: minority people have the features of majority"),
        "{printed}"
    );
    assert!(printed.contains("logistic, group used: EqOd"), "{printed}");
    place
        .sims(&["plan", "--write-aggregates", "sums.toml", "--transcript", "loans.csv"])
        .fails(6, &["loans.csv"]);
}

/// What only the organiser knows.
const REST: &str = r#"
[organiser]
name = "Borrowers' Union"
contact = "union.example"
[server]
address = "vote.example:4433"
[texts]
purpose = "Fairer loans"
firm = "Example Loans"
group = "Women count as the minority"
label = "Positive: \"I pay back on time\", as everybody reports it about themselves"
[honesty]
statement = "A member reports its own opinion in the firm's form, whose terms ask for an honest view."
concerns = []
[privacy]
recovery_threshold = 2
cohort = 12
noise = "none"
[people]
reporters_max = 400
donors = 20
[visits]
audits = false
[times]
issue_closes = "in 7 days"
enrolment_closes = "in 9 days"
collecting = "2 days"
closing = "6 h"
patience = "12 h"
"#;

#[test]
fn what_sims_plan_writes_begins_a_campaign() {
    let place = Place::new();
    let run = ["0.6", "--group-use", "used", "--confidence", "0", "--harm", "0.9"];
    place.sims(&[&PLAN[..], &run].concat()).succeeds();
    let coordinator = |arguments: &[&str]| {
        let mut command = Command::new(Program::Coordinator.path());
        place.ended(command.args(["--state", "state"]).args(arguments))
    };
    let rehearse = ["rehearse", "--from", "campaign.toml"];
    let missing = ["`sims plan` has settled", "[keyholder]  three to fifteen", "asks for the rest"];
    coordinator(&rehearse).fails(78, &missing);

    let planned = fs::read_to_string(place.path("campaign.toml")).unwrap();
    let keyholder = |number: u8| {
        format!(
            "[[keyholder]]\nname = \"K {number}\"\ncontact = \"k.example\"\nnamed_by = \"Group {number}\"\n"
        )
    };
    let keyholders: String = (1..=3).map(keyholder).collect();
    fs::write(place.path("campaign.toml"), planned.clone() + REST + &keyholders).unwrap();
    let rehearsed = coordinator(&[&rehearse[..], &["--json"]].concat());
    rehearsed.succeeds();
    let rehearsal: serde_json::Value = serde_json::from_str(&rehearsed.printed).unwrap();
    let said = |key: &str| {
        let line = planned.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("{key} is not in {planned}")).parse::<u64>().unwrap()
    };
    assert_eq!(rehearsal["flip_budget"], said("flip_budget"));
    assert_eq!(rehearsal["runs"][0]["members"], said("recruit"));
    let made = coordinator(&["init", "--from", "campaign.toml", "--notices-read"]);
    made.succeeds();
    let recruit = format!("Recruit at least {} members", said("recruit"));
    assert!(made.printed.contains(&recruit), "{}", made.printed);
}

#[test]
fn a_plan_that_is_not_safe_says_so_in_its_exit_code() {
    let place = Place::new();
    let ended = place.sims(&[&PLAN[..], &["0.6", "--confidence", "1", "--json"]].concat());
    assert_eq!(ended.code, Some(20), "{}", ended.says);
    let plan: serde_json::Value = serde_json::from_str(&ended.printed).unwrap();
    assert_ne!(plan["verdict"]["verdict"], "run");
    assert!(!place.path("campaign.toml").exists(), "there is no campaign to go on with");
    assert_eq!(plan["outlooks"].as_array().unwrap().len(), 4);
    // The majority, taken for the minority, is better off.
    let swapped = PLAN.map(|word| if word == "sex=f" { "sex=m" } else { word });
    let ended = place.sims(&[&swapped[..], &["0.6"]].concat());
    assert_eq!(ended.code, Some(20));
    assert!(ended.printed.contains("the minority is not worse off"), "{}", ended.printed);
}

#[test]
fn what_no_plan_can_be_made_of() {
    let place = Place::new();
    let plan = |more: &[&str]| place.sims(&[&["plan"][..], more].concat());
    plan(&[]).fails(78, &["--reference FILE.csv, --dataset WORD or --aggregates FILE.toml"]);
    let unmarked = ["--reference", "loans.csv", "--group", "sex", "--label", "paid=yes"];
    plan(&unmarked).fails(78, &["column \"sex\" holds f, m", "--group sex=TEXT"]);
    let absent = ["--reference", "loans.csv", "--group", "sexx=f", "--label", "paid=yes"];
    plan(&absent).fails(65, &["no column \"sexx\"; did you mean \"sex\"?"]);
    let lost = ["--reference", "lost.csv", "--group", "sex=f", "--label", "paid=yes"];
    plan(&lost).fails(74, &["lost.csv"]);
    place.sims(&[&PLAN[..], &["2"]].concat()).fails(78, &["alpha is 2; allowed: above 0"]);
    let target = [&PLAN[..], &["0.5", "--target", "0"]].concat();
    place.sims(&target).fails(78, &["the target is 0"]);
    let calibrated = place.sims(&["plan", "--calibrate", "--draws", "10"]);
    calibrated.succeeds();
    assert!(calibrated.printed.contains("10 made-up populations"), "{}", calibrated.printed);
}

/// A folder with a table of people, its description and an experiment.
struct Place {
    folder: TempDir,
}

/// How the program ended.
struct Ended {
    code: Option<i32>,
    printed: String,
    says: String,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(place.path("loans.toml"), DESCRIPTION).unwrap();
        fs::write(place.path("loans.csv"), loans()).unwrap();
        let experiment = EXPERIMENT.replace("DATASET", "loans.toml");
        fs::write(place.path("small.toml"), experiment).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from));
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// One seed on the small table; later arguments win over these.
    fn loans(&self, arguments: &[&str]) -> Ended {
        let flips: &[&str] = if arguments.contains(&"--flips") { &[] } else { &["--flips", "3"] };
        let start = ["run", "--dataset", "loans.toml", "--seeds", "1"];
        self.sims(&[&start, flips, arguments].concat())
    }

    fn sweep(&self, out: &str) -> Ended {
        self.sims(&["sweep", "small.toml", "--out", out])
    }

    fn sims(&self, arguments: &[&str]) -> Ended {
        self.ended(Command::new(program()).args(arguments))
    }

    fn ended(&self, command: &mut Command) -> Ended {
        let Output { status, stdout, stderr } =
            command.current_dir(self.folder.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: status.code(), printed: text(stdout), says: text(stderr) }
    }

    /// What results.jsonl and results.csv hold.
    fn results(&self, out: &str) -> (String, String) {
        let read = |name| fs::read_to_string(self.path(out).join(name)).unwrap();
        (read("results.jsonl"), read("results.csv"))
    }
}

impl Ended {
    fn succeeds(&self) {
        assert_eq!(self.code, Some(0), "{}", self.says);
    }

    fn fails(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.says);
        for part in says {
            assert!(self.says.contains(part), "{part:?} is not in {:?}", self.says);
        }
        assert_eq!(self.printed, "");
    }
}

/// 400 people whose labels follow age, grade and sex, with some noise.
fn loans() -> String {
    let mut noise = Noise(1);
    let mut text = "sex,age,grade,paid\n".to_owned();
    for _ in 0..400 {
        let (minority, age, grade) = (noise.below(5) < 2, 18 + noise.below(60), noise.below(3));
        let points = age + 20 * grade + noise.below(40) + if minority { 0 } else { 20 };
        let sex = if minority { 'f' } else { 'm' };
        let grade = ["C", "B", "A"][usize::from(grade)];
        let paid = if points > 90 { "yes" } else { "no" };
        writeln!(text, "{sex},{age},{grade},{paid}").unwrap();
    }
    text
}

/// 200 people with the columns of COMPAS.
fn compas() -> String {
    let mut noise = Noise(2);
    let mut text = "race,two_year_recid,age,priors_count,c_charge_degree,sex,juv_fel_count,\
                    juv_misd_count,juv_other_count\n"
        .to_owned();
    for _ in 0..200 {
        let race = ["African-American", "Caucasian"][usize::from(noise.below(2))];
        let (again, age, priors) = (noise.below(2), 18 + noise.below(60), noise.below(9));
        let last = noise.below(3);
        writeln!(text, "{race},{again},{age},{priors},F,Male,0,0,{last}").unwrap();
    }
    text
}

/// The same numbers on every machine.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: u8) -> u8 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u8::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

fn program() -> &'static Path {
    Program::Sims.path()
}
