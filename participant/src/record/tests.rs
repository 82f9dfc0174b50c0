use super::*;
use crate::seen::scripted;
use protocol::scoring::schema::FeatureKind;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

fn schema() -> Schema {
    let feature = |name: &str, unit: Option<&str>, kind| Feature {
        name: name.into(),
        unit: unit.map(Into::into),
        kind,
    };
    Schema::new(vec![
        feature("age", Some("years"), FeatureKind::Numeric { min: 18.0, max: 100.0 }),
        feature("income", Some("EUR per month"), FeatureKind::Count { max: 20_000.0 }),
        feature("employed", None, FeatureKind::Flag),
        feature(
            "grade",
            None,
            FeatureKind::Ordinal { levels: vec!["C".into(), "B".into(), "A".into()] },
        ),
    ])
    .unwrap()
}

fn values() -> Vec<Value> {
    vec![Value::Number(34.0), Value::Number(2_100.5), Value::Flag(true), Value::Level(2)]
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn check(&self, name: &str, text: &str) -> Checked {
        Checked::new(&schema(), &read(&self.file(name, text)).unwrap())
    }
}

const CSV: &str =
    "age,income,employed,grade,label,role,decision\n34,2100.5,1,A,no,member,unknown\n";

#[test]
fn a_record_is_the_same_in_every_form() {
    let folder = Folder::new();
    let toml = "age = 34\nincome = 2100.5\nemployed = true\ngrade = \"A\"\nlabel = \"no\"\nrole = \"member\"\ndecision = \"unknown\"\n";
    let json = r#"{"age":34,"income":2100.5,"employed":true,"grade":"A","label":"no","role":"member","decision":"unknown"}"#;
    let bom = format!("\u{feff}{}", CSV.replace('\n', "\r\n"));
    for (name, text) in [("a.csv", CSV), ("b.toml", toml), ("c.JSON", json), ("d.csv", &bom)] {
        let checked = folder.check(name, text);
        assert_eq!(checked.values(), Some(values()), "{name}: {:?}", checked.problems());
        assert_eq!(checked.positive, Some(false));
        assert_eq!(checked.role, Some(Role::Member));
        assert_eq!(checked.accepted, Some(None));
        assert!(checked.unused.is_empty());
    }
}

fn problems(checked: &Checked) -> Vec<String> {
    checked.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_told_at_once_with_line_value_and_what_is_allowed() {
    let text = "name,age,income_k,employed,grade,label\nsomebody,212,2.1,maybe,A,perhaps\n";
    let checked = Folder::new().check("a.csv", text);
    assert_eq!(
        problems(&checked),
        [
            "\"age\" on line 2: 212 is out of range; allowed: 18 to 100 years",
            "the campaign expects \"income\" (0 to 20000 EUR per month), and it is missing; closest: \"income_k\"",
            "\"employed\" on line 2: \"maybe\" is not a level; allowed: 0 or 1",
            "\"label\" on line 2: \"perhaps\" is none of: positive, negative, yes, no, 1, 0",
        ]
    );
    assert_eq!(checked.unused, ["name", "income_k"]);
    assert_eq!(checked.values(), None);
}

#[test]
fn a_toml_file_names_the_line_of_its_fault() {
    let text = "grade = \"A\"\nemployed = false\n\nage = 17\nincome = 0\n";
    let checked = Folder::new().check("a.toml", text);
    assert_eq!(
        problems(&checked),
        ["\"age\" on line 4: 17 is out of range; allowed: 18 to 100 years"]
    );
}

#[test]
fn values_are_refused_and_never_clipped() {
    let folder = Folder::new();
    for (column, value) in
        [("34", "NaN"), ("34", "1e999"), ("34", "-0.1"), ("A", "D"), ("A", ""), ("34", "34 years")]
    {
        let checked =
            folder.check("a.csv", &CSV.replace(&format!("{column},"), &format!("{value},")));
        assert_eq!(checked.problems().len(), 1, "{column} -> {value}");
        assert_eq!(checked.values(), None);
    }
    let nothing = folder.check("a.json", r#"{"age":null,"income":1,"employed":1,"grade":"A"}"#);
    assert_eq!(problems(&nothing), ["\"age\": is missing; allowed: 18 to 100 years"]);
}

#[test]
fn a_file_that_is_no_record_is_refused_without_a_word_of_what_it_holds() {
    let folder = Folder::new();
    for (name, text, says) in [
        ("a.csv", "age,income\n", "holds 0 records"),
        ("b.csv", "age\n34\n35\n", "holds 2 records"),
        ("c.csv", "age,income\n34\n", "cannot be read as CSV on line 2"),
        ("d.csv", "age,age\n34,35\n", "names \"age\" twice"),
        ("e.json", r#"{"age":34,"age":35}"#, "names \"age\" twice"),
        ("f.json", r#"{"age":[34]}"#, "\"age\" is no single value"),
        ("g.json", "[34]", "cannot be read as JSON on line 1"),
        ("h.toml", "age = 34\nage = 35\n", "cannot be read as TOML on line 2"),
        ("i.toml", "age = 1979-05-27\n", "\"age\" is no single value"),
        ("j.txt", "age = 34", "is not called .csv, .toml or .json"),
    ] {
        let error = read(&folder.file(name, text)).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
        assert!(!error.contains("34") && !error.contains("35"), "{name}: {error}");
    }
    let binary = folder.0.path().join("k.csv");
    fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
    assert!(matches!(read(&binary), Err(ReadError::Text { .. })));
    assert!(matches!(read(&folder.0.path().join("none.csv")), Err(ReadError::File { .. })));
}

#[test]
fn a_feature_that_is_called_like_an_extra_column_stays_a_feature() {
    let flag = Feature { name: "label".into(), unit: None, kind: FeatureKind::Flag };
    let field = Field { name: "label".into(), text: Zeroizing::new("1".into()), line: None };
    let checked = Checked::new(&Schema::new(vec![flag]).unwrap(), &[field]);
    assert_eq!(checked.values(), Some(vec![Value::Flag(true)]));
    assert_eq!(checked.positive, None);
}

#[test]
fn a_record_can_be_typed_in_and_each_question_says_what_is_allowed() {
    let (mut screen, seen) = scripted("212\n34\n2100.5\nyes\nA\n");
    assert_eq!(typed(&schema(), &mut screen).unwrap(), values());
    let shown = seen.told();
    assert!(shown.starts_with(
        "age (18 to 100 years): \n  age: 212 is out of range; allowed: 18 to 100 years\nage ("
    ));
    assert!(shown.contains("grade (\"C\", \"B\", \"A\"): "), "{shown}");
}

#[test]
fn questions_end() {
    let (mut screen, _) = scripted("34\n");
    assert!(matches!(typed(&schema(), &mut screen), Err(AskError::Prompt(_))));
    let (mut screen, seen) = scripted(&"x\n".repeat(9));
    assert!(matches!(role(&mut screen), Err(AskError::NotUnderstood { .. })));
    assert_eq!(seen.told().matches("type: member, or: donor").count(), 5);
    let (mut screen, _) = scripted("\nno\nDonor\n");
    assert_eq!(decision("decision?", &mut screen).unwrap(), None);
    assert!(!yes_or_no("label?", &mut screen).unwrap());
    assert_eq!(role(&mut screen).unwrap(), Role::Donor);
}

#[test]
fn a_record_does_not_print() {
    let record = Record { values: values(), role: Role::Member, positive: true, accepted: None };
    assert_eq!(format!("{record:?}"), "Record([redacted])");
    let checked = Folder::new().check("a.csv", CSV);
    assert!(!format!("{checked:?}").contains("2100"));
    let fields = read(&Folder::new().file("a.csv", CSV)).unwrap();
    assert!(!format!("{fields:?}").contains("2100"));
}
