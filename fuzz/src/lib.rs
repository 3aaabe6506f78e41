//! Fuzz targets live in `src/bin`, their first inputs in `corpus/<target>/seed-*`.
//!
//! A target says one law about all inputs, such as "nothing makes the parser panic". Run one with
//! `./x fuzz TARGET SECONDS`; an input that breaks the law is written to `artifacts/<target>` and becomes a
//! test beside the code. The crate itself is empty: what targets share, if ever, goes here.
