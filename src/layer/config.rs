//! The configuration bundle in the image.
