//! Real files where they are, made-up ones for each error.

mod errors;
mod real;
