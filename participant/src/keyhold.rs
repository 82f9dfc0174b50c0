//! What a keyholder runs: a seat's machine, driven only as far as its person has agreed to.

mod command;
mod export;
mod holder;
mod store;

#[cfg(test)]
mod tests;

pub use command::{Seat, execute};
pub use export::{ExportError, PASSPHRASE_CHARS_MIN, lock, unlock};
pub use holder::{Held, Holder, Permission};
pub use store::{Bundle, Kept, SeatFolder, Standing};
