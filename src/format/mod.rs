//! Image formats: one file, one enum variant, one match arm each.
