//! What a packed app must hold: everything that it depends on, and nothing that cannot run. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::archive::{Held, ROOT};
use super::lock::Installed;
use super::native::{APPLIANCE, Native, look};
use super::package::{self, Package, names};
use crate::error::{Error, Kind, Result};

/// The path between a package's folder and the packages inside it.
const MODULES: &str = "/node_modules/";

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Asks {
    #[serde(default, deserialize_with = "names")]
    dependencies: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "names")]
    optional_dependencies: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "names")]
    peer_dependencies: BTreeMap<String, String>,
    #[serde(default)]
    peer_dependencies_meta: serde_json::Value,
}

impl Asks {
    /// The packages that must be beside it.
    fn required_peers(&self) -> impl Iterator<Item = &String> {
        let optional =
            |name: &&String| self.peer_dependencies_meta[name.as_str()]["optional"] == true;
        self.peer_dependencies.keys().filter(move |name| !optional(name))
    }
}

fn asks(folder: &str, json: &[u8]) -> Result<Asks> {
    package::read(json).map_err(|e| {
        Error::new(Kind::Damaged, format!("{folder}/package.json is not valid")).because(e)
    })
}

/// The packages that npm installed but did not pack, by folder.
pub(super) fn left_out<'a>(held: &Held, installed: &'a Installed) -> Vec<&'a str> {
    let there = |folder: &&String| held.files.contains_key(&format!("{ROOT}{folder}/package.json"));
    installed.folders.iter().filter(|f| !there(f)).map(String::as_str).collect()
}

/// Refuses an app in which some package's dependency cannot be found where Node looks for it:
/// inside the package, then beside each folder above. It would be missing on an appliance without a
/// network.
pub(super) fn complete(held: &Held) -> Result<()> {
    for (folder, json) in packages(held) {
        let asks = asks(folder, json)?;
        let needed = asks.dependencies.keys();
        for name in needed.filter(|name| !asks.optional_dependencies.contains_key(*name)) {
            if place(held, folder, name).is_none() {
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

/// Whether a folder is where npm puts a package, and not a folder inside a package.
fn is_package(folder: &str) -> bool {
    let Some((_, name)) = folder.rsplit_once(MODULES) else { return folder == "package" };
    let slashes = name.matches('/').count();
    slashes == usize::from(name.starts_with('@'))
}

/// Where Node finds a package that the one in `folder` depends on.
fn place(held: &Held, folder: &str, name: &str) -> Option<String> {
    let mut above = Some(folder);
    while let Some(at) = above {
        let found = format!("{at}{MODULES}{name}");
        if held.files.contains_key(&format!("{found}/package.json")) {
            return Some(found);
        }
        above = at.rsplit_once(MODULES).map(|(above, _)| above);
    }
    None
}

/// The package that a file belongs to.
fn owner(path: &str) -> &str {
    let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    folders.rfind(|folder| is_package(folder)).unwrap_or("package")
}

/// The compiled modules in an app, and the packages that lack one.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// Compiled modules.
    pub compiled: Vec<Native>,
    /// Packages that lack one but that nothing needs.
    pub uncompiled: Vec<String>,
}

/// Finds compiled modules. A package that has some, but none for the appliance's machine, is
/// refused. So is one that npm would compile: its install script was not run, since it may run
/// anything. An optional package passes, as npm lets it when compiling fails, and so does one that
/// the app works without, according to its package.json.
pub(super) fn native(held: &Held) -> Result<Compiled> {
    let files = held.files.iter().filter(|(path, _)| path.ends_with(".node"));
    let compiled: Vec<Native> = files.map(|(path, m)| look(path, &m.bytes)).collect();
    let ready: BTreeSet<&str> =
        compiled.iter().filter(|n| n.platform == APPLIANCE).map(|n| owner(&n.path)).collect();
    let asks = all_asks(held)?;
    let needed = needed(held, &asks);
    let without = Package::parse(held.package_json()?)?.works_without;
    let mut uncompiled = BTreeSet::new();
    for package in wanting(held, &asks, &compiled, !ready.is_empty()) {
        let name = package.rsplit_once(MODULES).map_or(package, |(_, name)| name);
        let asked = asks.get(package);
        if ready.contains(package) || asked.is_some_and(|a| a.any_is(held, package, &ready)) {
            continue;
        }
        let optional = asked.is_some() && !needed.contains(package);
        if !optional && !without.contains_key(name) {
            let message =
                format!("{package} needs a module compiled for {APPLIANCE}, and has none");
            return Err(Error::new(Kind::Refused, message).remedy(format!(
                "depend on a version that ships compiled modules, or on one that is JavaScript alone; where the app \
                 works without it, say why in package.json: \"slipway\": {{\"worksWithout\": {{\"{name}\": \"…\"}}}}"
            )));
        }
        uncompiled.insert(package.to_owned());
    }
    Ok(Compiled { compiled, uncompiled: uncompiled.into_iter().collect() })
}

/// Packages that may need a compiled module.
fn wanting<'a>(
    held: &'a Held,
    asks: &'a BTreeMap<&'a str, Asks>,
    compiled: &'a [Native],
    any_ready: bool,
) -> BTreeSet<&'a str> {
    // npm compiles by itself only from a recipe at the top; one below belongs to a test or to a
    // script
    let recipe = |folder: &&&str| held.files.contains_key(&format!("{folder}/binding.gyp"));
    let recipes = asks.keys().filter(recipe).copied();
    // a family has one package for each machine: our machine does not load the others
    let others = compiled.iter().filter(|_| !any_ready).map(|native| owner(&native.path));
    // a lock file made on another system may lack the family's member for our machine
    let families = asks.iter().filter(|(_, asks)| asks.family().next().is_some());
    recipes.chain(others).chain(families.map(|(folder, _)| *folder)).collect()
}

impl Asks {
    /// The packages that hold its compiled modules, one for each machine.
    fn family(&self) -> impl Iterator<Item = &String> {
        self.optional_dependencies.keys().filter(|name| name.contains(APPLIANCE))
    }

    /// Whether one of its dependencies has a compiled module for the appliance, or is a program for
    /// it.
    fn any_is(&self, held: &Held, folder: &str, ready: &BTreeSet<&str>) -> bool {
        let names = self.dependencies.keys().chain(self.optional_dependencies.keys());
        let mut found = names.filter_map(|name| Some((name, place(held, folder, name)?)));
        found.any(|(name, at)| ready.contains(at.as_str()) || name.contains(APPLIANCE))
    }
}

fn all_asks(held: &Held) -> Result<BTreeMap<&str, Asks>> {
    packages(held).map(|(folder, json)| Ok((folder, asks(folder, json)?))).collect()
}

/// The packages that the app cannot do without: those reached by a chain of dependencies that are
/// all required.
fn needed(held: &Held, asks: &BTreeMap<&str, Asks>) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open = vec!["package".to_owned()];
    while let Some(folder) = open.pop() {
        let Some(asks) = asks.get(folder.as_str()) else { continue };
        let all = asks.dependencies.keys().chain(asks.required_peers());
        let names = all.filter(|name| !asks.optional_dependencies.contains_key(*name));
        open.extend(
            names.filter_map(|name| place(held, &folder, name)).filter(|at| !needed.contains(at)),
        );
        needed.insert(folder);
    }
    needed
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
        // a folder inside a package is not a package, whatever it depends on
        let inner = ("node_modules/a/test/package.json", &br#"{"dependencies": {"z": "1"}}"#[..]);
        complete(&held(&[app, a, b, inner])).unwrap();
    }

    #[test]
    fn what_is_optional_may_be_missing() {
        let json = br#"{"dependencies": {"a": "1"}, "optionalDependencies": {"a": "1"}}"#;
        complete(&held(&[("package.json", json)])).unwrap();
    }

    const LINUX: &[u8] =
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0napi_register_module_v1";

    fn app(dependencies: &str) -> Vec<u8> {
        format!(r#"{{"name": "x", "version": "1.0.0", {dependencies}}}"#).into_bytes()
    }

    #[test]
    fn what_wants_to_be_compiled_is_refused_by_name() {
        let app = app(r#""dependencies": {"bcrypt": "1"}"#);
        let root = ("package.json", app.as_slice());
        let json = ("node_modules/bcrypt/package.json", &b"{}"[..]);
        let gyp = ("node_modules/bcrypt/binding.gyp", &b"{}"[..]);
        let ours = ("node_modules/bcrypt/prebuilds/linux-x64/b.node", LINUX);
        let other = ("node_modules/bcrypt/prebuilds/win32-x64/b.node", &b"MZ"[..]);
        let error = native(&held(&[root, json, gyp])).unwrap_err();
        assert!(error.to_string().starts_with("package/node_modules/bcrypt needs"), "{error}");
        assert!(native(&held(&[root, json, gyp, other])).is_err());
        assert!(native(&held(&[root, json, other])).is_err());
        assert_eq!(native(&held(&[root, json, gyp, other, ours])).unwrap().compiled.len(), 2);
        assert!(native(&held(&[root])).unwrap().compiled.is_empty());
        // a recipe among a package's tests compiles nothing
        let test = ("node_modules/bcrypt/test/fixtures/binding.gyp", &b"{}"[..]);
        assert!(native(&held(&[root, json, test])).unwrap().uncompiled.is_empty());
    }

    #[test]
    fn what_is_optional_may_lack_its_compiled_module_and_so_may_what_the_app_works_without() {
        let gyp = ("node_modules/cpu-features/binding.gyp", &b"{}"[..]);
        let json = ("node_modules/cpu-features/package.json", &b"{}"[..]);
        let ssh2 = &br#"{"optionalDependencies": {"cpu-features": "1"}}"#[..];
        let ssh2 = ("node_modules/ssh2/package.json", ssh2);
        let root = app(r#""dependencies": {"ssh2": "1"}"#);
        let found = native(&held(&[("package.json", &root), ssh2, json, gyp])).unwrap();
        assert_eq!(found.uncompiled, ["package/node_modules/cpu-features"]);

        let asked = r#""dependencies": {"cpu-features": "1"}"#;
        assert!(native(&held(&[("package.json", &app(asked)), json, gyp])).is_err());
        let reason =
            format!(r#"{asked}, "slipway": {{"worksWithout": {{"cpu-features": "falls back"}}}}"#);
        native(&held(&[("package.json", &app(&reason)), json, gyp])).unwrap();
        let none = reason.replace("falls back", " ");
        assert!(native(&held(&[("package.json", &app(&none)), json, gyp])).is_err());
    }

    #[test]
    fn a_family_of_packages_has_the_compiled_module_in_its_member_for_the_machine() {
        let root = app(r#""dependencies": {"fast": "1"}"#);
        let root = ("package.json", root.as_slice());
        let fast =
            &br#"{"optionalDependencies": {"@fast/linux-x64": "1", "@fast/darwin-arm64": "1"}}"#[..];
        let fast = ("node_modules/fast/package.json", fast);
        let gyp = ("node_modules/fast/binding.gyp", &b"{}"[..]);
        let member = ("node_modules/@fast/linux-x64/package.json", &b"{}"[..]);
        let module = ("node_modules/@fast/linux-x64/x.node", LINUX);
        native(&held(&[root, fast, gyp, member, module])).unwrap();
        // locked on another system: the member for ours was never installed
        let error = native(&held(&[root, fast])).unwrap_err();
        assert!(error.to_string().starts_with("package/node_modules/fast needs"), "{error}");
    }
}
