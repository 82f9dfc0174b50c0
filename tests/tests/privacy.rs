//! What the coordinator can tell from what it sees, and whether noise protects as much as is claimed.

mod privacy {
    mod coordinators_view;
    mod empirical_epsilon;
}
