//! What went into an image, read from outside without mounting it.
