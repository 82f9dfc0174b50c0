//! A node's virtual disk.

/// What a node kept, in order: all that outlives a crash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Journal<Record> {
    records: Vec<Record>,
    tries: u64,
}

impl<Record> Journal<Record> {
    pub(super) const fn new() -> Self {
        Self { records: Vec::new(), tries: 0 }
    }

    /// What was written, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How often the node tried to write, failures included.
    pub fn tries(&self) -> u64 {
        self.tries
    }

    /// Counts one more try to write, whether or not it succeeds.
    pub(super) fn begin(&mut self) -> u64 {
        self.tries += 1;
        self.tries
    }

    pub(super) fn append(&mut self, record: Record) -> usize {
        self.records.push(record);
        self.records.len()
    }
}
