//! The data sets themselves; a file that is not there is skipped in words.

use std::path::{Path, PathBuf};

use crate::dataset::{BUILT_IN, Dataset, builtin};

#[test]
fn reads_every_built_in_description() {
    for word in BUILT_IN {
        assert_eq!(builtin(word).unwrap().name(), word);
    }
    assert_eq!(builtin("iris"), None);
}

#[test]
fn compas_is_as_the_reference_says() {
    let Some(people) = real("compas", None) else { return };
    assert_eq!(people.records.rows(), 5_278);
    assert_eq!(count(&people.minority), 3_175);
    assert_eq!(
        columns(&people),
        [
            "age",
            "priors_count",
            "juv_fel_count",
            "juv_misd_count",
            "juv_other_count",
            "felony",
            "male"
        ]
    );
    assert_eq!(people.fingerprint.get(..8), Some("db87e862"));
}

#[test]
fn adult_is_as_the_reference_says() {
    let Some(people) = real("adult", None) else { return };
    assert_eq!(people.records.rows(), 48_842);
    assert_eq!(count(&people.minority), 16_192);
    assert_eq!(count(&people.positive), 11_687);
    assert_eq!(people.records.columns().len(), 5 + 9 + 7 + 15 + 6 + 5 + 42);
    assert_eq!(columns(&people)[5], "workclass=?");
}

#[test]
fn acs_income_is_as_the_reference_says() {
    let Some(people) = real("acs", None) else { return };
    assert_eq!(people.records.rows(), 21_359);
    assert_eq!(people.records.columns().len(), 59);
    assert_eq!(columns(&people)[58], "born-in-US");
}

#[test]
fn acs_income_has_the_same_columns_in_both_encodings() {
    for (state, rows) in [("co", 28_389), ("ne", 10_125), ("ny_full", 85_312), ("tx_full", 118_364)]
    {
        let file = format!("acs-income/acsincome_2018_{state}.csv");
        let Some(people) = real("acs", Some(&file)) else { continue };
        assert_eq!(people.records.columns().len(), 59);
        assert_eq!(columns(&people)[12..14], ["MAR2=1", "MAR2=2"]);
        assert_eq!(people.records.rows(), rows, "{state}");
    }
}

#[test]
fn hsls_is_as_its_readme_says() {
    let Some(people) = real("hsls", None) else { return };
    assert_eq!(people.records.rows(), 15_807);
    assert_eq!(count(&people.minority), 4_958);
}

#[test]
fn waterbirds_is_as_its_readme_says() {
    let Some(people) = real("waterbirds", None) else { return };
    assert_eq!(people.records.rows(), 256);
    assert_eq!(people.records.columns().len(), 1_024);
    assert_eq!(count(&people.positive), 8 + 163);
    assert_eq!(count(&people.minority), 4 + 163);
}

fn count(flags: &[bool]) -> usize {
    flags.iter().filter(|&&flag| flag).count()
}

fn columns(people: &Dataset) -> Vec<&str> {
    people.records.columns().iter().map(|column| column.name.as_str()).collect()
}

#[expect(clippy::print_stderr, reason = "a test that checks nothing says so")]
fn real(word: &str, file: Option<&str>) -> Option<Dataset> {
    let description = builtin(word).unwrap();
    let path = root().join(file.map_or_else(|| description.file(), Path::new));
    if !path.exists() {
        eprintln!(
            "skipped: {word} is not there ({}); set CONCERT_DATA to its folder",
            path.display()
        );
        return None;
    }
    Some(description.load(&path).unwrap_or_else(|error| panic!("{error}")))
}

#[expect(clippy::disallowed_methods, reason = "where the data is differs from machine to machine")]
pub(super) fn root() -> PathBuf {
    std::env::var("CONCERT_DATA").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    )
}
