//! Whole campaigns under faults.
