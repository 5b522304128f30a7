//! Compiled modules: which machine and which Node a `*.node` file is for. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// ELF header: magic, class of 64 bits, little endian (System V ABI, 4.1).
const ELF64: &[u8] = b"\x7fELF\x02\x01";
/// Offset of the machine in it.
const MACHINE: usize = 18;
/// The symbol by which Node registers a module that uses the interface that is stable across
/// versions (Node-API).
const STABLE: &[u8] = b"napi_register_module";
/// The symbol of all other modules; the number of the interface follows.
const BOUND: &[u8] = b"node_register_module_v";
/// The appliances' platform.
pub(super) const APPLIANCE: &str = "linux-x64";

/// A compiled module in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Native {
    /// Its path in the package.
    pub path: String,
    /// The system and processor in Node's terms, as in `linux-x64`; `unknown` if we cannot tell.
    pub platform: String,
    /// Node's interface that it was compiled for.
    pub abi: Abi,
}

/// Node's binary interface, `process.versions.modules` in Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Abi {
    /// Node-API: every Node that supports the interface's version.
    Stable,
    /// This one alone: 108 is Node 18, 115 is Node 20.
    Node(u32),
    /// The file does not say.
    Unknown,
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stable => f.write_str("Node-API"),
            Self::Node(number) => write!(f, "Node's interface {number} alone"),
            Self::Unknown => f.write_str("interface unknown"),
        }
    }
}

/// Examines a module.
pub(super) fn look(path: &str, bytes: &[u8]) -> Native {
    Native { path: path.to_owned(), platform: platform(bytes).to_owned(), abi: abi(bytes) }
}

fn platform(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(ELF64) {
        // the machine's number, little endian (gABI, e_machine)
        return match bytes.get(MACHINE..MACHINE + 2) {
            Some([0x3E, 0]) => APPLIANCE,
            Some([0xB7, 0]) => "linux-arm64",
            _ => "linux-other",
        };
    }
    match bytes {
        [b'M', b'Z', ..] => "win32",
        [0xCF | 0xCE, 0xFA, 0xED, 0xFE, ..] | [0xCA, 0xFE, 0xBA, 0xBE, ..] => "darwin",
        [0x7F, b'E', b'L', b'F', ..] => "linux-other",
        _ => "unknown",
    }
}

fn abi(bytes: &[u8]) -> Abi {
    let find = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark);
    // a file that also supports old versions may have both: Node then uses the stable one
    if find(STABLE).is_some() {
        return Abi::Stable;
    }
    let Some(at) = find(BOUND) else { return Abi::Unknown };
    let digits = bytes[at + BOUND.len()..].iter().take_while(|b| b.is_ascii_digit());
    let number: String = digits.map(|b| char::from(*b)).collect();
    number.parse().map_or(Abi::Unknown, Abi::Node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u8, symbol: &str) -> Vec<u8> {
        let mut bytes = ELF64.to_vec();
        bytes.resize(64, 0);
        bytes[MACHINE] = machine;
        bytes.extend_from_slice(symbol.as_bytes());
        bytes
    }

    #[test]
    fn platform_and_interface_are_read_from_the_file() {
        let of = |bytes: &[u8]| {
            let native = look("x.node", bytes);
            (native.platform, native.abi)
        };
        assert_eq!(
            of(&elf(0x3E, "\0napi_register_module_v1\0")),
            ("linux-x64".to_owned(), Abi::Stable)
        );
        assert_eq!(
            of(&elf(0xB7, "\0node_register_module_v115\0")),
            ("linux-arm64".to_owned(), Abi::Node(115))
        );
        assert_eq!(of(b"MZ.."), ("win32".to_owned(), Abi::Unknown));
        assert_eq!(of(b"\xCF\xFA\xED\xFE"), ("darwin".to_owned(), Abi::Unknown));
        assert_eq!(of(b""), ("unknown".to_owned(), Abi::Unknown));
    }
}
