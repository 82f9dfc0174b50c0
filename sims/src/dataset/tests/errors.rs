//! One made-up file or description per error.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::dataset::{Dataset, DatasetError, Description, DescriptionError};

/// Every kind of feature on a small table.
const DESCRIPTION: &str = r#"
name = "loans"
file = "loans.csv"
test-share = 0.3
group = { column = "sex", minority = "f", majority = "m" }
label = { column = ["paid", "repaid"], positive = "yes", negative = "no" }

[[feature]]
name = "age"
unit = "years"
kind = { numeric = { min = 18, max = 100 } }

[[feature]]
name = "debts"
kind = { count = { max = 50 } }

[[feature]]
name = "grade"
kind = { ordinal = { levels = ["C", "B", "A"] } }

[[feature]]
name = "owner"
column = "home"
recode = { flat = "own" }
kind = { flag = { when = "own", otherwise = ["rent", "family"] } }

[[feature]]
name = "adult"
column = "age"
kind = { flag = { at-least = 21, min = 0, max = 120 } }

[[feature]]
name = "city"
kind = { categorical = { levels = "observed" } }

[[feature]]
name = "income"
kind = { bins = { edges = [0, 10, 20, 100] } }
"#;

const TABLE: &str = "\
sex,age,debts,grade,home,city,income,paid
f,20,0,A,own,10,9.99,yes
m,21,3,C,rent,9,10,no
m,50,50,B,flat,10,100,yes
";

#[test]
fn reads_every_kind_of_feature() {
    let people = load(DESCRIPTION, TABLE).unwrap();
    let columns: Vec<_> = people.records.columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        columns,
        [
            "age",
            "debts",
            "grade",
            "owner",
            "adult",
            "city=9",
            "city=10",
            "income=0..10",
            "income=10..20",
            "income=20..100"
        ]
    );
    let column = |name: &str| {
        people.records.column(columns.iter().position(|&column| column == name).unwrap())
    };
    assert_eq!(column("grade"), [2.0, 0.0, 1.0]);
    assert_eq!(column("owner"), [1.0, 0.0, 1.0]);
    assert_eq!(column("adult"), [0.0, 1.0, 1.0]);
    assert_eq!(column("city=10"), [1.0, 0.0, 1.0]);
    assert_eq!(column("income=0..10"), [1.0, 0.0, 0.0]);
    assert_eq!(column("income=10..20"), [0.0, 1.0, 0.0]);
    assert_eq!(column("income=20..100"), [0.0, 0.0, 1.0]);
    assert_eq!(people.minority, [true, false, false]);
    assert_eq!(people.positive, [true, false, true]);
    assert_eq!(people.fingerprint.len(), 64);
}

#[test]
fn names_the_nearest_column() {
    let error = load(DESCRIPTION, &TABLE.replace("grade", "Grades")).unwrap_err();
    assert!(matches!(&error, DatasetError::MissingColumn { columns, closest, .. }
        if columns == &["grade"] && closest.as_deref() == Some("Grades")));
    assert!(error.to_string().ends_with("no column \"grade\"; did you mean \"Grades\"?"));
    let error = load(DESCRIPTION, &TABLE.replace("paid", "x")).unwrap_err();
    assert!(error.to_string().ends_with("no column \"paid\" or \"repaid\""), "{error}");
}

#[test]
fn refuses_two_columns_of_one_name() {
    let error = load(DESCRIPTION, &TABLE.replace("debts", "age")).unwrap_err();
    assert!(matches!(error, DatasetError::RepeatedColumn { column, .. } if column == "age"));
}

#[test]
fn tells_line_column_value_and_what_is_allowed() {
    for (from, to, message) in [
        ("m,21,3", "m,17,3", "column \"age\": 17 is out of range; allowed: 18 to 100 years"),
        ("m,21,3", "m,NaN,3", "column \"age\": \"NaN\" is not finite; allowed: 18 to 100 years"),
        ("m,21,3", "m,21,inf", "column \"debts\": \"inf\" is not finite; allowed: 0 to 50"),
        ("m,21,3", "m,old,3", "column \"age\": \"old\" is not a number; allowed: 18 to 100 years"),
        ("m,21,3", "m,,3", "column \"age\": is missing; allowed: 18 to 100 years"),
        ("3,C,", "3,D,", "column \"grade\": \"D\" is not a level; allowed: \"C\", \"B\", \"A\""),
        (
            "C,rent",
            "C,Rent",
            "column \"home\": \"Rent\" is not a level; allowed: \"own\", \"rent\", \"family\"",
        ),
        ("C,rent,9", "C,rent,", "column \"city\": is missing; allowed: \"any text\""),
        ("C,rent", "C,", "column \"home\": is missing; allowed: \"own\", \"rent\", \"family\""),
        ("9,10,no", "9,101,no", "column \"income\": 101 is out of range; allowed: 0 to 100"),
        ("m,21", "d,21", "group column \"sex\": \"d\" is not a level; allowed: \"f\", \"m\""),
        (
            "10,no",
            "10,maybe",
            "label column \"paid\": \"maybe\" is not a level; allowed: \"yes\", \"no\"",
        ),
    ] {
        let error = load(DESCRIPTION, &TABLE.replace(from, to)).unwrap_err().to_string();
        assert!(error.ends_with(&format!("table.csv, line 3, {message}")), "{error}");
    }
}

#[test]
fn refuses_rows_of_another_length_and_other_bytes() {
    let error = load(DESCRIPTION, &TABLE.replace("9,10,no", "9,10")).unwrap_err();
    assert!(matches!(error, DatasetError::RowLength { line: 3, expected: 8, got: 7, .. }));
    let mut bytes = TABLE.as_bytes().to_vec();
    let end = bytes.len() - 2;
    bytes[end] = 0xff;
    let error = load_bytes(DESCRIPTION, &bytes).unwrap_err();
    assert!(matches!(error, DatasetError::NotText { line: 4, .. }), "{error}");
}

#[test]
fn refuses_an_empty_table_and_an_empty_group() {
    let header = TABLE.lines().next().unwrap();
    for empty in [header, ""] {
        let error = load(DESCRIPTION, empty).unwrap_err();
        assert!(
            matches!(error, DatasetError::NoRows { .. } | DatasetError::MissingColumn { .. }),
            "{error}"
        );
    }
    for (from, to, missing) in [("\nf,", "\nm,", "minority"), ("\nm,", "\nf,", "majority")] {
        let error = load(DESCRIPTION, &TABLE.replace(from, to)).unwrap_err();
        assert!(
            matches!(error, DatasetError::EmptyGroup { group, .. } if group == missing),
            "{error}"
        );
    }
}

#[test]
fn refuses_a_file_that_cannot_be_read() {
    let description = Description::parse(DESCRIPTION).unwrap();
    let error = description.load("no/such/file.csv".as_ref()).unwrap_err();
    let file = PathBuf::from("no/such/file.csv");
    assert_eq!(error, DatasetError::Unreadable { file, problem: ErrorKind::NotFound });
    let folder = tempfile::tempdir().unwrap();
    let error = description.load(folder.path()).unwrap_err();
    assert!(matches!(error, DatasetError::Unreadable { .. }), "{error}");
}

#[test]
fn filters_recodes_and_drops_by_the_description() {
    let filter = "[[filter]]\ncolumn = \"age\"\nmin = 20\nmax = 49\n";
    let error = load(&format!("{DESCRIPTION}{filter}"), &TABLE.replace("21", "60")).unwrap_err();
    assert!(matches!(error, DatasetError::EmptyGroup { group: "majority", .. }), "{error}");
    let people = load(&format!("{DESCRIPTION}{filter}"), TABLE).unwrap();
    assert_eq!(people.minority, [true, false]);
    let drop = DESCRIPTION.replace("majority = \"m\"", "majority = \"m\", others = \"drop\"");
    let people = load(&drop, &TABLE.replace("m,21", "d,nonsense")).unwrap();
    assert_eq!(people.minority, [true, false]);
}

#[test]
fn does_with_missing_values_what_the_description_says() {
    let table = TABLE.replace("rent,9,", "rent,?,");
    let with = |policy: &str| {
        load(&format!("{DESCRIPTION}[missing]\ntexts = \"?\"\npolicy = \"{policy}\"\n"), &table)
    };
    let error = with("refuse").unwrap_err();
    assert!(
        matches!(&error, DatasetError::BadValue { line: 3, column, .. } if column == "city"),
        "{error}"
    );
    assert_eq!(with("drop").unwrap().minority, [true, false]);
    let columns: Vec<_> =
        with("level").unwrap().records.columns().iter().map(|c| c.name.clone()).collect();
    assert_eq!(columns[5..7], ["city=10", "city=?"]);
}

#[test]
fn refuses_unknown_keys_by_name_and_line() {
    let error = Description::parse(&DESCRIPTION.replace("test-share", "test_share")).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, DescriptionError::Toml(_)));
    assert!(text.contains("line 4") && text.contains("unknown field `test_share`"), "{text}");
    for (from, to) in [("max = 50", "max = 50, mean = 1"), ("unit =", "units ="), ("count", "cnt")]
    {
        let error = Description::parse(&DESCRIPTION.replace(from, to)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("unknown") || text.contains("unexpected keys"), "{text}");
    }
}

#[test]
fn refuses_descriptions_that_mean_nothing() {
    for (from, to, message) in [
        ("0.3", "1.0", "test-share = 1: it must lie above 0 and below 1"),
        ("minority = \"f\"", "minority = []", "[group]: the list \"minority\" is empty"),
        ("minority = \"f\"", "minority = \"m\"", "group: feature \"group\": its levels"),
        ("name = \"debts\"", "name = \"age\"", "features: two features are called \"age\""),
        ("name = \"debts\"", "columns = \"e{9..0}\"", "columns = \"e{9..0}\": write it as"),
        ("name = \"debts\"", "", "feature 2: give either"),
        ("at-least = 21, ", "", "feature \"adult\": a flag has either"),
        ("\"observed\"", "\"observd\"", "levels are a list or \"observed\""),
        ("[0, 10, 20, 100]", "[0, 0]", "feature \"income\": at least two edges"),
        ("min = 18, max = 100", "min = 1, max = 1", "features: feature \"age\": its range"),
    ] {
        let error = Description::parse(&DESCRIPTION.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let filter = format!("{DESCRIPTION}[[filter]]\ncolumn = \"age\"\nkeep = 1\nmin = 1\n");
    assert!(matches!(Description::parse(&filter), Err(DescriptionError::FilterRule { .. })));
}

#[test]
fn reads_a_description_of_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loans.toml");
    assert!(matches!(Description::read(&path), Err(DatasetError::Unreadable { .. })));
    std::fs::write(&path, DESCRIPTION).unwrap();
    assert_eq!(Description::read(&path).unwrap().name(), "loans");
    std::fs::write(&path, "name = 1").unwrap();
    assert!(matches!(Description::read(&path), Err(DatasetError::Description { .. })));
}

fn load(description: &str, table: &str) -> Result<Dataset, DatasetError> {
    load_bytes(description, table.as_bytes())
}

fn load_bytes(description: &str, table: &[u8]) -> Result<Dataset, DatasetError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, table).unwrap();
    Description::parse(description).unwrap().load(&path)
}
