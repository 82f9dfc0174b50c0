//! The keyholder's machine.
