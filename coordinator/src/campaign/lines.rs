//! On which line of a campaign's file a key stands, so that whoever corrects it need not search.

use std::collections::BTreeMap;

/// Of keys as "times.patience"; of a key in several tables of one name, the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// Of a text that is TOML.
    pub fn of(text: &str) -> Self {
        let mut lines = BTreeMap::new();
        let mut table = String::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim_start();
            if let Some(header) = line.strip_prefix('[') {
                let header = header.trim_start_matches('[');
                let name = header.split_once(']').map_or(header, |(name, _)| name);
                name.trim().clone_into(&mut table);
                lines.entry(table.clone()).or_insert(number);
            } else if let Some((key, _)) = line.split_once('=') {
                let key = key.trim_end();
                let path = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
                lines.entry(path).or_insert(number);
            }
        }
        Self(lines)
    }

    /// "line 93: ", or nothing if the key does not stand in a file.
    pub fn before(&self, key: &str) -> String {
        self.0.get(key).map_or_else(String::new, |line| format!("line {line}: "))
    }
}
