//! The machine around a disk, as formats with a description state it.

use uuid::Uuid;

use crate::units::{ByteSize, Digest};

/// All names that formats derive from a plan lie in this namespace (RFC 9562, version 5). A constant of
/// this program: another value would give every image other identifiers.
const NAMESPACE: Uuid = Uuid::from_u128(0x4f0f_3a52_6d7e_5b0a_8b1c_90d2_3c77_a6e4);

/// What an importer is told about the machine. Pure data, and all of it reaches the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The plan's digest, from which every identifier in the file follows.
    pub plan: Digest,
    /// The machine's name in the importer's list, as in "acme-1.0.0".
    pub name: String,
    /// The product's name, for people.
    pub product: String,
    /// The product's version, for people.
    pub version: String,
    /// The vendor's name, for people.
    pub vendor: String,
    /// Recommended processors.
    pub vcpus: u32,
    /// Recommended memory.
    pub memory: ByteSize,
}

impl Machine {
    /// The identifier of this plan's `what`, as in "vhd": equal plans give equal files.
    pub fn id(&self, what: &str) -> Uuid {
        let mut bytes = self.plan.as_bytes().to_vec();
        bytes.extend_from_slice(what.as_bytes());
        Uuid::new_v5(&NAMESPACE, &bytes)
    }
}
