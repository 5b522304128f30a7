//! The configuration bundle of one site: build, read, verify, unpack safely.
