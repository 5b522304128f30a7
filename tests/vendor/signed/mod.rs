//! Signed channels and releases in real stores: a folder, and Azurite.

mod killed;
mod kinds;
mod mixed;
mod pinned;
mod place;
mod race;
mod records;
mod refused;
mod remembered;
mod rotated;
mod shared;
