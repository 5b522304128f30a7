//! Boots a copy of an image and reports what it saw.
