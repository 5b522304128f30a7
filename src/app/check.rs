//! What a packed app must hold: everything that it asks for, and nothing that cannot run. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::archive::{Held, ROOT};
use super::lock::Installed;
use super::native::{APPLIANCE, Native, look};
use crate::error::{Error, Kind, Result};

/// What stands between a package's folder and those it brings along.
const MODULES: &str = "/node_modules/";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Asks {
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, String>,
}

/// What npm installed and did not pack, by its folder.
pub(super) fn left_out<'a>(held: &Held, installed: &'a Installed) -> Vec<&'a str> {
    let there = |folder: &&String| held.files.contains_key(&format!("{ROOT}{folder}/package.json"));
    installed.folders.iter().filter(|f| !there(f)).map(String::as_str).collect()
}

/// Refuses a package in which a package's dependency cannot be found the way that Node looks for it:
/// beside it, then beside each folder above. It would be missed on an appliance that has no network.
pub(super) fn complete(held: &Held) -> Result<()> {
    for (folder, json) in packages(held) {
        let asks: Asks = serde_json::from_slice(json).map_err(|e| {
            Error::new(Kind::Damaged, format!("{folder}/package.json is not valid")).because(e)
        })?;
        let needed = asks.dependencies.keys();
        for name in needed.filter(|name| !asks.optional_dependencies.contains_key(*name)) {
            if !is_found(held, folder, name) {
                let message = format!("the package lacks {name}, a dependency of {folder}");
                return Err(Error::new(Kind::Damaged, message).remedy(
                    "pack it with `slipway app pack`, which bundles every production dependency",
                ));
            }
        }
    }
    Ok(())
}

/// Every package in it: its folder (`package`, `package/node_modules/a`) and its package.json.
fn packages(held: &Held) -> impl Iterator<Item = (&str, &[u8])> {
    held.files.iter().filter_map(|(path, member)| {
        let folder = path.strip_suffix("/package.json")?;
        is_package(folder).then_some((folder, &*member.bytes))
    })
}

/// Whether a folder is where npm puts a package, and not one that a package has inside it.
fn is_package(folder: &str) -> bool {
    let Some((_, name)) = folder.rsplit_once(MODULES) else { return folder == "package" };
    let slashes = name.matches('/').count();
    slashes == usize::from(name.starts_with('@'))
}

fn is_found(held: &Held, folder: &str, name: &str) -> bool {
    let mut place = Some(folder);
    while let Some(at) = place {
        if held.files.contains_key(&format!("{at}{MODULES}{name}/package.json")) {
            return true;
        }
        place = at.rsplit_once(MODULES).map(|(above, _)| above);
    }
    false
}

/// The package that a file belongs to.
fn owner(path: &str) -> &str {
    let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    folders.rfind(|folder| is_package(folder)).unwrap_or("package")
}

/// Finds compiled modules. A package that has some but none for the appliance's machine is refused, and so
/// is one that wants to be compiled: its install script was not run, since it may run anything.
pub(super) fn native(held: &Held) -> Result<Vec<Native>> {
    let compiled = held.files.iter().filter(|(path, _)| path.ends_with(".node"));
    let found: Vec<Native> = compiled.map(|(path, m)| look(path, &m.bytes)).collect();
    let ready: BTreeSet<&str> =
        found.iter().filter(|n| n.platform == APPLIANCE).map(|n| owner(&n.path)).collect();
    let recipe = |path: &&String| path.ends_with("/binding.gyp");
    let wanted = held.files.keys().filter(recipe).map(String::as_str);
    for path in wanted.chain(found.iter().map(|n| n.path.as_str())) {
        let package = owner(path);
        // a family of packages has one for each machine: what is not for ours is not what ours loads
        let elsewhere = path.ends_with(".node") && !ready.is_empty();
        if !ready.contains(package) && !elsewhere {
            let message =
                format!("{package} needs a module compiled for {APPLIANCE}, and has none");
            return Err(Error::new(Kind::Refused, message).remedy(
                "depend on a version that ships compiled modules, or on one that is JavaScript alone",
            ));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::archive::Member;
    use super::*;
    use crate::units::Digest;

    fn held(files: &[(&str, &[u8])]) -> Held {
        let member = |bytes: &[u8]| Member { executable: false, bytes: bytes.to_vec() };
        let files = files.iter().map(|(path, b)| (format!("package/{path}"), member(b))).collect();
        Held { files, digest: Digest::of(b""), size: 0 }
    }

    #[test]
    fn a_dependency_is_looked_for_as_node_does() {
        let app = ("package.json", &br#"{"dependencies": {"a": "^1"}}"#[..]);
        let a = ("node_modules/a/package.json", &br#"{"dependencies": {"@s/b": "^1"}}"#[..]);
        let b = ("node_modules/@s/b/package.json", &b"{}"[..]);
        let nested = ("node_modules/a/node_modules/@s/b/package.json", &b"{}"[..]);
        complete(&held(&[app, a, b])).unwrap();
        complete(&held(&[app, a, nested])).unwrap();
        let error = complete(&held(&[app, a])).unwrap_err();
        let said = "the package lacks @s/b, a dependency of package/node_modules/a";
        assert_eq!(error.to_string(), said);
        // a folder inside of a package is no package, whatever it asks for
        let inner = ("node_modules/a/test/package.json", &br#"{"dependencies": {"z": "1"}}"#[..]);
        complete(&held(&[app, a, b, inner])).unwrap();
    }

    #[test]
    fn what_is_optional_may_be_missing() {
        let json = br#"{"dependencies": {"a": "1"}, "optionalDependencies": {"a": "1"}}"#;
        complete(&held(&[("package.json", json)])).unwrap();
    }

    #[test]
    fn what_wants_to_be_compiled_is_refused_by_name() {
        let gyp = ("node_modules/bcrypt/binding.gyp", &b"{}"[..]);
        let linux: &[u8] =
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0napi_register_module_v1";
        let ours = ("node_modules/bcrypt/prebuilds/linux-x64/b.node", linux);
        let other = ("node_modules/bcrypt/prebuilds/win32-x64/b.node", &b"MZ"[..]);
        let error = native(&held(&[gyp])).unwrap_err();
        assert!(error.to_string().starts_with("package/node_modules/bcrypt needs"), "{error}");
        assert!(native(&held(&[gyp, other])).is_err());
        assert_eq!(native(&held(&[gyp, other, ours])).unwrap().len(), 2);
        assert!(native(&held(&[])).unwrap().is_empty());
    }
}
