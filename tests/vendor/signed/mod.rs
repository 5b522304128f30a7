//! Signed channels and releases in real stores: a folder, and Azurite.

mod killed;
mod mixed;
mod pinned;
mod place;
mod race;
mod refused;
mod remembered;
mod rotated;
mod shared;
