//! What members, donors and keyholders run.
//!
//! - [`record`]: a person's record as written, against the campaign's schema.

pub mod record;
