//! The JeOS root: built once, cached by digest, with package layers on it.

/// What a layer puts on a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSpec {
    /// For people.
    pub name: String,
    /// Packages that apt installs.
    pub packages: Vec<String>,
    /// Path, mode and content of files put into the root before apt runs.
    pub files: Vec<(String, u16, Vec<u8>)>,
    /// For sh, run inside the root as its root after apt, without a network.
    pub script: Option<String>,
}
