//! From the raw tables to the files that are kept, byte for byte the same everywhere.
//!
//! `None` means that a raw table has another format.

use csv::{ReaderBuilder, StringRecord, Writer};

/// The columns kept of COMPAS; `length_of_stay_days` is added behind them.
const COMPAS_COLUMNS: [&str; 18] = [
    "id",
    "sex",
    "age",
    "age_cat",
    "race",
    "juv_fel_count",
    "juv_misd_count",
    "juv_other_count",
    "priors_count",
    "days_b_screening_arrest",
    "c_jail_in",
    "c_jail_out",
    "c_charge_degree",
    "c_charge_desc",
    "is_recid",
    "decile_score",
    "score_text",
    "two_year_recid",
];

const ADULT_COLUMNS: [&str; 16] = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
    "split",
];

/// The publisher's filter, without names, dates of birth and case numbers.
pub(super) fn compas(raw: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ReaderBuilder::new().from_reader(raw);
    let header = reader.headers().ok()?.clone();
    // Two columns occur twice, with the same values.
    let find = |name: &str| header.iter().position(|column| column == name);
    let columns: Vec<usize> =
        COMPAS_COLUMNS.iter().map(|name| find(name)).collect::<Option<_>>()?;
    let (days, recid) = (find("days_b_screening_arrest")?, find("is_recid")?);
    let (degree, score) = (find("c_charge_degree")?, find("score_text")?);
    let (jail_in, jail_out) = (find("c_jail_in")?, find("c_jail_out")?);
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(COMPAS_COLUMNS.iter().chain(&["length_of_stay_days"])).ok()?;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).ok()? {
        let near = record[days].parse().is_ok_and(|days: i32| (-30..=30).contains(&days));
        if !near || &record[recid] == "-1" || &record[degree] == "O" || &record[score] == "N/A" {
            continue;
        }
        let seconds = seconds(&record[jail_out])? - seconds(&record[jail_in])?;
        let days = seconds.div_euclid(SECONDS_OF_A_DAY).to_string();
        let kept = columns.iter().map(|&column| &record[column]);
        writer.write_record(kept.chain([days.as_str()])).ok()?;
    }
    writer.into_inner().ok()
}

/// Both parts, the original split as a column.
pub(super) fn adult(train: &[u8], test: &[u8]) -> Option<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(ADULT_COLUMNS).ok()?;
    for (raw, split) in [(train, "train"), (test, "test")] {
        // One line of the test part is a remark.
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .comment(Some(b'|'))
            .trim(csv::Trim::All)
            .from_reader(raw);
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).ok()? {
            if record.len() != ADULT_COLUMNS.len() - 1 {
                return None;
            }
            // So is the full stop behind its labels.
            let values = record.iter().map(|value| value.strip_suffix('.').unwrap_or(value));
            writer.write_record(values.chain([split])).ok()?;
        }
    }
    writer.into_inner().ok()
}

const SECONDS_OF_A_DAY: i64 = 86_400;

/// Seconds since 1970-01-01 of `2013-08-13 06:03:42`, without a time zone.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    in_range
        .then(|| days(year, month, day) * SECONDS_OF_A_DAY + hour * 3_600 + minute * 60 + second)
}

fn three(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts: Vec<i64> =
        text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_seconds_from_1970() {
        assert_eq!(seconds("1970-01-01 00:00:00"), Some(0));
        assert_eq!(seconds("2000-03-01 00:00:01"), Some(951_868_801));
        assert_eq!(seconds("2013-08-13 06:03:42"), Some(1_376_373_822));
        assert_eq!(seconds("2013-13-13 06:03:42"), None);
        assert_eq!(seconds(""), None);
    }

    #[test]
    fn filters_compas_and_drops_the_names() {
        let names = "name,dob,id,sex,age,age_cat,race,juv_fel_count,juv_misd_count,juv_other_count,\
                     priors_count,days_b_screening_arrest,c_jail_in,c_jail_out,c_charge_degree,\
                     c_charge_desc,is_recid,decile_score,score_text,two_year_recid\n";
        let row = |name: &str, days: &str, degree: &str| {
            format!(
                "{name},1947-04-18,1,Male,69,old,Other,0,0,0,0,{days},2013-08-13 06:03:42,\
                 2013-08-13 05:41:20,{degree},\"a,b\",0,1,Low,0\n"
            )
        };
        let raw = [names, &row("ann", "-1", "F"), &row("bob", "", "F"), &row("cy", "0", "O")];
        let text = String::from_utf8(compas(raw.concat().as_bytes()).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with("F,\"a,b\",0,1,Low,0,-1"), "{text}");
        assert!(!text.contains("ann") && !text.contains("1947"));
    }
}
