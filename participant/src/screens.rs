//! What people see, as values: each screen is computed from the campaign, prints in plain words and serialises for
//! `--json`. No number in it is fixed text.

pub mod campaign;
pub mod preview;
pub mod result;
pub mod status;
