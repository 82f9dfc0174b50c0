//! Tests of the whole workspace; nothing depends on this package.
