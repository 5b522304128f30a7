//! The JeOS root: built once, cached by digest, with package layers on it.
