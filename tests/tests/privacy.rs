//! What the coordinator can tell from what it sees, and whether noise protects as much as is claimed.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod privacy {
    mod coordinators_view;
    mod empirical_epsilon;
    mod small;
}
