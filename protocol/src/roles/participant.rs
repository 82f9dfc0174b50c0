//! The participant's machine.
