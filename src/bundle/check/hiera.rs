//! Hiera: its data must be readable, and hiera.yaml must name places in the bundle.

use std::path::PathBuf;

use super::super::files::Files;
use super::yaml::{self, Node, Value};
use crate::error::{Error, Kind, Result};

/// The one version that Puppet still reads from an environment and from modules.
const VERSION: &str = "5";
/// Keys of a level that hold names of files.
const PATHS: [&str; 4] = ["path", "paths", "glob", "globs"];

pub(crate) fn check(files: &Files) -> Result<()> {
    for path in files.paths().filter(|path| is_data(path)) {
        let node = read(files, path)?;
        if let Some(Node { line, value: Value::Scalar(_) | Value::List(_) }) = node {
            return Err(at(files, path, line, "Hiera's data is not a mapping".to_owned())
                .remedy("begin with `key: value`"));
        }
    }
    for path in files.paths().filter(|path| is_config(path)) {
        let home = path.strip_suffix("hiera.yaml").unwrap_or_default();
        if let Some(node) = read(files, path)? {
            let config = Config { files, path, home };
            config
                .check(&node)
                .map_err(|(line, fact, remedy)| at(files, path, line, fact).remedy(remedy))?;
        }
    }
    Ok(())
}

/// What lies below a data/ folder of the site or of a module, encrypted data too.
fn is_data(path: &str) -> bool {
    let below = match path.strip_prefix("modules/") {
        Some(rest) => rest.split_once('/').map_or("", |(_, below)| below),
        None => path,
    };
    let known = [".yaml", ".yml", ".eyaml"];
    below.starts_with("data/") && known.iter().any(|end| path.ends_with(end))
}

fn is_config(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts[..], ["hiera.yaml"] | ["modules", _, "hiera.yaml"])
}

fn read(files: &Files, path: &str) -> Result<Option<Node>> {
    let bytes = files.read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new(Kind::Input, "the file is not UTF-8").at(files.place(path)))?;
    yaml::parse(&text)
        .map_err(|fault| at(files, path, fault.line, format!("not valid YAML: {}", fault.fact)))
}

fn at(files: &Files, path: &str, line: usize, fact: String) -> Error {
    let place = PathBuf::from(format!("{}:{line}", files.place(path).display()));
    Error::new(Kind::Input, fact).at(place)
}

/// A hiera.yaml and where it lies.
struct Config<'a> {
    files: &'a Files,
    path: &'a str,
    /// Its folder, with the slash behind it; empty for the site's.
    home: &'a str,
}

type Wrong = (usize, String, &'static str);

impl Config<'_> {
    fn check(&self, root: &Node) -> Result<(), Wrong> {
        let version = root.get("version").and_then(Node::text);
        if version != Some(VERSION) {
            let fact = format!("hiera.yaml has version {:?}", version.unwrap_or("none"));
            return Err((
                root.line,
                fact,
                "write `version: 5`: no other is read in an environment",
            ));
        }
        let defaults = root.get("defaults").and_then(|defaults| defaults.get("datadir"));
        if let Some(folder) = defaults {
            self.folder(folder)?;
        }
        let mut names = Vec::new();
        for level in root.get("hierarchy").map_or(&[][..], Node::items) {
            let name = level.get("name").and_then(Node::text).unwrap_or_default();
            if name.is_empty() || names.contains(&name) {
                let fact = format!("the level's name {name:?} is missing or there twice");
                return Err((
                    level.line,
                    fact,
                    "give each level of the hierarchy a name of its own",
                ));
            }
            names.push(name);
            self.level(level, defaults)?;
        }
        Ok(())
    }

    fn level(&self, level: &Node, defaults: Option<&Node>) -> Result<(), Wrong> {
        let given: Vec<(&str, &Node)> =
            PATHS.iter().filter_map(|key| Some((*key, level.get(key)?))).collect();
        if given.len() > 1 {
            let fact = format!("a level has both `{}` and `{}`", given[0].0, given[1].0);
            return Err((level.line, fact, "keep one of them: Puppet refuses the level"));
        }
        let own = level.get("datadir");
        if let Some(folder) = own {
            self.folder(folder)?;
        }
        let folder = own.or(defaults).and_then(Node::text).unwrap_or("data");
        for (key, value) in given {
            let alone = std::slice::from_ref(value);
            let values = if value.text().is_some() { alone } else { value.items() };
            for value in values {
                self.name(value)?;
                if key.starts_with("path") && self.home.is_empty() {
                    self.file(folder, value)?;
                }
            }
        }
        Ok(())
    }

    /// A level's file that no fact has a part in must be there: Puppet skips what is missing in silence,
    /// so a slip of the pen would lose a site's data.
    fn file(&self, folder: &str, value: &Node) -> Result<(), Wrong> {
        let name = value.text().unwrap_or_default();
        let path = format!("{folder}/{name}");
        if path.contains("%{") || self.files.paths().any(|there| there == path) {
            return Ok(());
        }
        let fact = format!("{} names {path}, which is not there", self.path);
        Err((value.line, fact, "add the file, or remove the level"))
    }

    fn folder(&self, value: &Node) -> Result<(), Wrong> {
        self.name(value)?;
        let folder = value.text().unwrap_or_default().trim_end_matches('/');
        let below = format!("{}{folder}/", self.home);
        if folder.contains("%{") || self.files.paths().any(|path| path.starts_with(&below)) {
            return Ok(());
        }
        let fact = format!("the datadir {folder:?} holds no file");
        Err((value.line, fact, "keep Hiera's data in the folder data/"))
    }

    /// A name must stay in the bundle: on the appliance there is nothing else.
    fn name(&self, value: &Node) -> Result<(), Wrong> {
        let name = value.text().unwrap_or_default();
        if !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..") {
            return Ok(());
        }
        let fact = format!("{name:?} does not lie in the bundle");
        Err((value.line, fact, "write a path below the folder of hiera.yaml"))
    }
}
