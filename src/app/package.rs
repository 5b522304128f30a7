//! package.json: read, and written with the fields that packing adds. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{AppName, Version};
use crate::error::{Error, Kind, Result};
use crate::written;

/// What packing needs to know about an app.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub name: AppName,
    pub version: Version,
    /// Packages that must be there when it runs.
    pub dependencies: BTreeMap<String, String>,
    /// Packages that are used if they can be installed.
    pub optional: BTreeMap<String, String>,
    pub scripts: BTreeMap<String, String>,
    pub commit: Option<String>,
    /// Packages whose compiled module it does not need, each with the reason.
    pub works_without: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: Option<String>,
    version: Option<String>,
    #[serde(default, deserialize_with = "names")]
    dependencies: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "names")]
    optional_dependencies: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "names")]
    scripts: BTreeMap<String, String>,
    git_head: Option<String>,
    #[serde(default)]
    slipway: Ours,
}

/// The part of the app's package.json that is for slipway.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ours {
    #[serde(default)]
    works_without: BTreeMap<String, String>,
}

/// A map of strings. npm and Node treat anything else as an empty one (`[]`, `""`, `null` and
/// `false` occur in published packages).
pub(super) fn names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, String>, D::Error> {
    let serde_json::Value::Object(members) = serde_json::Value::deserialize(deserializer)? else {
        return Ok(BTreeMap::new());
    };
    let text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(members.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Reads a package.json as Node does: a byte order mark is ignored, and if a key is there twice,
/// the last one counts.
pub(super) fn read<T: serde::de::DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_value(serde_json::from_slice(written::bare(json))?)
}

impl Package {
    /// Reads an application's package.json.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let written: Written = read(json).map_err(not_valid)?;
        if let Some((name, _)) =
            written.slipway.works_without.iter().find(|(_, reason)| reason.trim().is_empty())
        {
            let message = format!("package.json gives no reason why the app works without {name}");
            return Err(Error::new(Kind::Input, message)
                .remedy("write why nothing misses it: the next reader will ask"));
        }
        let name = written.name.ok_or_else(|| {
            Error::new(Kind::Input, "package.json has no name")
                .remedy("add `\"name\"`: the app is published under it")
        })?;
        let version = written.version.ok_or_else(|| {
            Error::new(Kind::Input, "package.json has no version")
                .remedy("add `\"version\": \"1.0.0\"`")
        })?;
        Ok(Self {
            name: name.parse()?,
            version: version.parse()?,
            dependencies: written.dependencies,
            optional: written.optional_dependencies,
            scripts: written.scripts,
            commit: written.git_head,
            works_without: written.slipway.works_without,
        })
    }

    /// The script of that name, unless it is the placeholder that `npm init` writes.
    pub(super) fn script(&self, name: &str) -> Option<&str> {
        let script = self.scripts.get(name)?;
        (!script.contains("Error: no test specified")).then_some(script)
    }
}

fn not_valid(error: serde_json::Error) -> Error {
    Error::new(Kind::Input, "package.json is not valid").because(error)
}

/// The fields that a package.json gets when the app is packed.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    pub version: &'a Version,
    /// The commit; npm calls it `gitHead`.
    pub commit: Option<&'a str>,
    pub dependencies: &'a BTreeMap<String, String>,
    pub bundled: &'a [String],
}

/// The text of a package.json with `given` in it. Everything else stays as it is and where it is.
///
/// serde_json's own map would sort the keys, which people would mistake for a change of their own.
pub(super) fn rewrite(json: &[u8], given: &Given<'_>) -> Result<Vec<u8>> {
    let Object(members) = serde_json::from_slice(written::bare(json)).map_err(not_valid)?;
    let mut members = last_of_each(members);
    // another spelling of the key that is set below
    members.retain(|(key, _)| key != "bundledDependencies");
    let mut set = |key: &str, value: Box<RawValue>| match members.iter_mut().find(|(k, _)| k == key)
    {
        Some((_, old)) => *old = value,
        None => members.push((key.to_owned(), value)),
    };
    set("version", raw(given.version)?);
    if !given.dependencies.is_empty() {
        set("dependencies", raw(given.dependencies)?);
    }
    set("bundleDependencies", raw(&given.bundled)?);
    if let Some(commit) = given.commit {
        set("gitHead", raw(&commit)?);
    }
    let mut text = Vec::from(b"{");
    for (index, (key, value)) in members.iter().enumerate() {
        let comma = if index == 0 { "\n" } else { ",\n" };
        let key = serde_json::to_string(key).map_err(not_valid)?;
        text.extend_from_slice(format!("{comma}  {key}: {}", value.get()).as_bytes());
    }
    text.extend_from_slice(b"\n}\n");
    Ok(text)
}

/// If a key is there twice, readers see the last one.
fn last_of_each(members: Vec<(String, Box<RawValue>)>) -> Vec<(String, Box<RawValue>)> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<_> =
        members.into_iter().rev().filter(|(key, _)| seen.insert(key.clone())).collect();
    kept.reverse();
    kept
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(not_valid)
}

/// An object's members in the order in which they were written.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_package_keeps_its_order_and_everything_it_says() {
        let json = br#"{ "zeta": 1, "version": "1.0.0", "bundledDependencies": ["a"], "name": "x", "alpha": {"b": 1, "a": 2} }"#;
        let given = Given {
            version: &"1.0.1".parse().unwrap(),
            commit: Some("0123-dirty"),
            dependencies: &BTreeMap::from([("a".to_owned(), "^1".to_owned())]),
            bundled: &["a".to_owned()],
        };
        let text = String::from_utf8(rewrite(json, &given).unwrap()).unwrap();
        let expected = [
            r#"{"#,
            r#"  "zeta": 1,"#,
            r#"  "version": "1.0.1","#,
            r#"  "name": "x","#,
            r#"  "alpha": {"b": 1, "a": 2},"#,
            r#"  "dependencies": {"a":"^1"},"#,
            r#"  "bundleDependencies": ["a"],"#,
            r#"  "gitHead": "0123-dirty""#,
            "}\n",
        ];
        assert_eq!(text, expected.join("\n"));
    }

    #[test]
    fn a_package_without_name_or_version_is_told_which() {
        for (json, lacks) in [("{}", "name"), (r#"{"name": "x"}"#, "version")] {
            let error = Package::parse(json.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("package.json has no {lacks}"));
        }
        assert!(Package::parse(b"[1").is_err());
    }

    #[test]
    fn the_test_that_npm_init_writes_is_none() {
        let json = br#"{"name": "x", "version": "1.0.0", "scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#;
        assert_eq!(Package::parse(json).unwrap().script("test"), None);
    }

    #[test]
    fn what_is_no_map_names_no_dependencies_and_the_last_of_two_keys_counts() {
        let with = |value: &str| {
            let json = format!(
                r#"{{"name": "x", "version": "0.0.0", "version": "1.0.0", "dependencies": {value}}}"#
            );
            let bytes = [b"\xEF\xBB\xBF", json.as_bytes()].concat();
            Package::parse(&bytes).unwrap()
        };
        for value in ["[]", "\"\"", "null", "false", "7", "{}"] {
            assert!(with(value).dependencies.is_empty(), "{value}");
        }
        let package = with(r#"{"a": "1", "b": null}"#);
        assert_eq!(package.dependencies.into_keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(package.version.to_string(), "1.0.0");
        let given = Given {
            version: &"2.0.0".parse().unwrap(),
            commit: None,
            dependencies: &BTreeMap::new(),
            bundled: &[],
        };
        let twice = b"\xEF\xBB\xBF{\"version\": \"0.0.0\", \"version\": \"1.0.0\"}";
        let text = String::from_utf8(rewrite(twice, &given).unwrap()).unwrap();
        assert_eq!(text, "{\n  \"version\": \"2.0.0\",\n  \"bundleDependencies\": []\n}\n");
    }
}
