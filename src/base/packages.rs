//! Which packages a root holds, from dpkg's own record.

use crate::error::{Error, Kind, Result};
use crate::manifest::Package;
use crate::tree::Tree;

/// Where dpkg keeps its record.
pub const STATUS: &str = "var/lib/dpkg/status";

/// The installed packages, sorted by name.
///
/// # Errors
/// A package that dpkg left half-installed or unconfigured: such a root is not finished.
pub fn installed(tree: &Tree) -> Result<Vec<Package>> {
    let Some(content) = tree.file(STATUS) else { return Ok(Vec::new()) };
    let bytes = content.read()?;
    parse(&String::from_utf8_lossy(&bytes)).map_err(|e| e.at(format!("/{STATUS}")))
}

fn parse(status: &str) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for paragraph in status.split("\n\n").filter(|p| !p.trim().is_empty()) {
        let field = |name: &str| {
            let line = paragraph.lines().find(|l| l.starts_with(name))?;
            line[name.len()..].strip_prefix(':').map(str::trim)
        };
        let name = field("Package").unwrap_or_default().to_owned();
        let state = field("Status").and_then(|s| s.split(' ').nth(2)).unwrap_or_default();
        match state {
            "installed" => {}
            // removed, with or without its configuration: not installed
            "config-files" | "not-installed" => continue,
            state => {
                return Err(Error::new(Kind::Damaged, format!("{name} is {state:?}"))
                    .remedy("the package's scripts failed: build the base again with --fresh"));
            }
        }
        let version = field("Version").unwrap_or_default().to_owned();
        let architecture = field("Architecture").unwrap_or_default().to_owned();
        packages.push(Package { name, version, architecture });
    }
    packages.sort();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_are_read_and_removed_ones_left_out() {
        let status = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\n\
            Description: x\n Version: no\nVersion: 1:1.2\n\n\
            Package: old\nStatus: deinstall ok config-files\nVersion: 1\n\n\
            Package: adduser\nStatus: install ok installed\nArchitecture: all\nVersion: 3\n";
        let names: Vec<_> = parse(status).unwrap();
        assert_eq!(names[0].name, "adduser");
        assert_eq!(names[1].version, "1:1.2");
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn a_half_configured_package_is_an_error() {
        let status = "Package: a\nStatus: install ok half-configured\nVersion: 1\n";
        assert!(parse(status).unwrap_err().to_string().contains("half-configured"));
    }
}
