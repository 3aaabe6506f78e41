//! Fuzz targets live in `src/bin`.
