//! The programs that we use, and the packages that contain them.

use std::path::{Path, PathBuf};

use super::Finding;

/// What os-release(5) says about a distribution, as far as packages' names depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Its name and version for people.
    pub name: String,
    /// `ID`, as in "ubuntu".
    id: String,
    /// `VERSION_ID`, as in "22.04".
    version: String,
    /// `ID` and `ID_LIKE` name Debian.
    debian: bool,
}

impl Distribution {
    /// Reads the text of os-release(5); what it lacks is unknown.
    pub fn of(os_release: &str) -> Self {
        let value = |key: &str| {
            let line =
                os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(|text| text.trim().trim_matches(['"', '\'']).to_owned()).unwrap_or_default()
        };
        let (id, version) = (value("ID"), value("VERSION_ID"));
        let debian =
            id == "debian" || value("ID_LIKE").split_whitespace().any(|like| like == "debian");
        Self { name: value("PRETTY_NAME"), id, version, debian }
    }

    /// How a package is installed here.
    pub(super) fn install(&self, package: &str) -> String {
        if self.debian {
            format!("sudo apt-get install {package}")
        } else {
            format!("install what Debian calls {package}")
        }
    }

    /// The agent's package: Ubuntu 22.04 still has its old name.
    fn puppet(&self) -> &'static str {
        if self.id == "ubuntu" && self.version == "22.04" { "puppet" } else { "puppet-agent" }
    }
}

/// A program, its package, and what fails without it.
struct Program {
    name: &'static str,
    package: &'static str,
    fails: &'static str,
}

const fn program(name: &'static str, package: &'static str, fails: &'static str) -> Program {
    Program { name, package, fails }
}

/// All except Puppet, whose package has several names.
const PROGRAMS: [Program; 10] = [
    program("mmdebstrap", "mmdebstrap", "bases cannot be made"),
    program("newuidmap", "uidmap", "bases cannot be made without root"),
    program("gpgv", "gpgv", "a base's archives cannot be verified"),
    program("qemu-system-x86_64", "qemu-system-x86", "images cannot be booted (smoke)"),
    program("qemu-img", "qemu-utils", "images cannot be booted (smoke)"),
    program("git", "git", "apps cannot be packed, modules from git not bundled"),
    program("node", "nodejs", "apps cannot be packed"),
    program("npm", "npm", "apps cannot be packed"),
    program("ruby", "ruby", "Hiera's data is judged by a stricter reader than Puppet's"),
    program("dpkg-deb", "dpkg", "modules from Debian packages cannot be bundled"),
];

/// Looks for each program in the folders of `path`.
pub fn programs(distribution: &Distribution, path: &str) -> Vec<Finding> {
    let puppet = program("puppet", distribution.puppet(), "bundles cannot be checked");
    let all = PROGRAMS.iter().chain(std::iter::once(&puppet));
    let look = |program: &Program| match find(program.name, path) {
        Some(found) => Finding::good(program.name, found.display().to_string()),
        None => {
            Finding::missing(program.name, program.fails, distribution.install(program.package))
        }
    };
    all.map(look).collect()
}

/// The first file of that name that is executable.
pub(super) fn find(name: &str, path: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let executable = |file: &PathBuf| {
        file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    path.split(':')
        .filter(|folder| !folder.is_empty())
        .map(|f| Path::new(f).join(name))
        .find(executable)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const JAMMY: &str =
        "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\n";

    #[test]
    fn what_is_missing_is_named_with_the_package_of_this_distribution() {
        let empty = tempfile::tempdir().unwrap();
        let path = empty.path().to_str().unwrap();
        let found = programs(&Distribution::of(JAMMY), path);
        assert!(found.iter().all(|f| f.state == State::Missing), "{found:?}");
        let remedy = |found: &[Finding], name| {
            found.iter().find(|f| f.subject == name).unwrap().remedy.clone().unwrap()
        };
        assert_eq!(remedy(&found, "puppet"), "sudo apt-get install puppet");
        let found = programs(&Distribution::of("ID=debian\nVERSION_ID=12\n"), path);
        assert_eq!(remedy(&found, "puppet"), "sudo apt-get install puppet-agent");
        let found = programs(&Distribution::of("ID=fedora\n"), path);
        assert_eq!(remedy(&found, "qemu-img"), "install what Debian calls qemu-utils");
    }

    #[test]
    fn a_file_that_nobody_may_execute_is_no_program() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (file, path) = (folder.path().join("npm"), folder.path().to_str().unwrap());
        std::fs::write(&file, "").unwrap();
        assert_eq!(find("npm", path), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("npm", &format!("/nowhere::{path}")), Some(file));
    }
}
