//! Finds the firmware's files: Debian's and Ubuntu's package `ovmf`.

use std::path::{Path, PathBuf};

use super::order::Firmware;
use crate::error::{Context, Error, Kind, Result};
use crate::file;

/// Where the package puts them.
const FOLDER: &str = "/usr/share/OVMF";

/// Code and variables that belong together, the best first. Ubuntu 24.04 and Debian 13 have the 4 MB
/// build alone, Debian 11 and Ubuntu 20.04 only some of it.
const UEFI: [(&str, &str); 2] =
    [("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd")];

/// The same with Microsoft's keys enrolled, which sign shim.
const SECURE_BOOT: [(&str, &str); 3] = [
    ("OVMF_CODE_4M.ms.fd", "OVMF_VARS_4M.ms.fd"),
    ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
    ("OVMF_CODE.ms.fd", "OVMF_VARS.ms.fd"),
];

/// The flash of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// The firmware itself, shared and read-only.
    pub code: PathBuf,
    /// This machine's own variables.
    pub variables: PathBuf,
}

/// The flash that `firmware` needs, with a copy of its variables in `scratch`; SeaBIOS needs none.
pub fn prepare(firmware: Firmware, scratch: &Path) -> Result<Option<Flash>> {
    let pairs: &[(&str, &str)] = match firmware {
        Firmware::Bios => return Ok(None),
        Firmware::Uefi => &UEFI,
        Firmware::SecureBoot => &SECURE_BOOT,
    };
    let (code, template) = find(Path::new(FOLDER), pairs)?;
    let variables = scratch.join("variables.fd");
    // read and written rather than copied: the original is read-only, and so would its copy be
    let bytes = std::fs::read(&template).at("cannot read", &template)?;
    std::fs::write(&variables, bytes).at("cannot write", &variables)?;
    Ok(Some(Flash { code, variables }))
}

fn find(folder: &Path, pairs: &[(&str, &str)]) -> Result<(PathBuf, PathBuf)> {
    for (code, variables) in pairs {
        let (code, variables) = (folder.join(code), folder.join(variables));
        if file::is_file(&code)? && file::is_file(&variables)? {
            return Ok((code, variables));
        }
    }
    Err(Error::new(Kind::Tool, "the UEFI firmware is missing")
        .at(folder)
        .remedy("install the package ovmf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_firmware_names_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(folder.path(), &UEFI).unwrap_err();
        assert_eq!(error.find_remedy(), Some("install the package ovmf"));
    }

    #[test]
    fn code_is_never_paired_with_foreign_variables() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["OVMF_CODE_4M.fd", "OVMF_CODE.fd", "OVMF_VARS.fd"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let (code, variables) = find(folder.path(), &UEFI).unwrap();
        assert!(code.ends_with("OVMF_CODE.fd") && variables.ends_with("OVMF_VARS.fd"));
    }
}
