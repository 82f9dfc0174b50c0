//! The coordinator's machine.
