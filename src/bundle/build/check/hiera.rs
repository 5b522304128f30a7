//! Hiera: its data must be readable, and hiera.yaml must name places in the bundle.

use std::path::PathBuf;

use super::super::files::Files;
use super::psych;
use super::yaml::{self, Node, Value};
use crate::error::{Error, Kind, Result};

/// The one version that Puppet still reads from an environment and from modules.
const VERSION: &str = "5";
/// Keys of a level that hold names of files.
const PATHS: [&str; 4] = ["path", "paths", "glob", "globs"];

/// Keys of hiera.yaml itself.
const TOP: [&str; 5] = ["version", "defaults", "hierarchy", "plan_hierarchy", "default_hierarchy"];
/// Keys that say which function reads a level's data.
const FUNCTIONS: [&str; 5] =
    ["data_hash", "lookup_key", "data_dig", "hiera3_backend", "v4_data_hash"];
/// Keys of `defaults`.
const DEFAULTS: [&str; 5] = ["data_hash", "lookup_key", "data_dig", "datadir", "options"];
/// Keys of a level that say in other ways where its data is.
const ELSEWHERE: [&str; 3] = ["uri", "uris", "mapped_paths"];
/// The other keys of a level.
const LEVEL: [&str; 3] = ["name", "options", "datadir"];
/// The function that reads encrypted data, and the package that has it.
const EYAML: (&str, &str) = ("eyaml_lookup_key", "hiera-eyaml");

/// Who reads Hiera's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Ruby's reader where there is a Ruby, as Puppet itself.
    Ruby,
    /// Ours, which needs no program. It is stricter, and cannot know all that Ruby refuses.
    #[cfg(any(test, feature = "fuzzing"))]
    Ours,
    /// Nobody: it was read where the bundle was built, and there may have been a Ruby.
    Nobody,
}

/// `packages` are those that the image bakes. Gives a remark where there was no Ruby.
pub(crate) fn check(
    files: &Files,
    packages: &[String],
    judge: Judge,
) -> Result<Option<&'static str>> {
    let mut data = Vec::new();
    for path in files.paths().filter(|path| is_data(path)) {
        data.push((path, text(files, path)?));
    }
    let judged = match judge {
        Judge::Ruby => psych::judge(&data)?,
        #[cfg(any(test, feature = "fuzzing"))]
        Judge::Ours => None,
        Judge::Nobody => Some(Vec::new()),
    };
    match &judged {
        Some(faults) => {
            if let Some((path, line, fact)) = faults.first() {
                return Err(at(files, path, *line, fact.clone()));
            }
        }
        None => data.iter().try_for_each(|(path, text)| check_data(files, path, text))?,
    }
    for path in files.paths().filter(|path| is_config(path)) {
        let home = path.strip_suffix("hiera.yaml").unwrap_or_default();
        if let Some(node) = read(files, path, &text(files, path)?)? {
            let config = Config { files, path, home, packages };
            config
                .check(&node)
                .map_err(|(line, fact, remedy)| at(files, path, line, fact).remedy(remedy))?;
        }
    }
    let missing = judge == Judge::Ruby && judged.is_none() && !data.is_empty();
    Ok(missing
        .then_some("there is no Ruby: Hiera's data was read by slipway's own, stricter reader"))
}

fn check_data(files: &Files, path: &str, text: &str) -> Result<()> {
    let Some(node) = read(files, path, text)? else { return Ok(()) };
    let empty = matches!(&node.value, Value::Scalar(text) if text.is_empty());
    if empty || matches!(node.value, Value::Map(_)) {
        return Ok(());
    }
    Err(at(files, path, node.line, "Hiera's data is not a mapping".to_owned())
        .remedy("begin with `key: value`"))
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

fn text(files: &Files, path: &str) -> Result<String> {
    String::from_utf8(files.read(path)?)
        .map_err(|_| Error::new(Kind::Input, "the file is not UTF-8").at(files.place(path)))
}

fn read(files: &Files, path: &str, text: &str) -> Result<Option<Node>> {
    yaml::parse(text)
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
    packages: &'a [String],
}

type Wrong = (usize, String, &'static str);

impl Config<'_> {
    fn check(&self, root: &Node) -> Result<(), Wrong> {
        known("hiera.yaml", root, &[&TOP])?;
        // Puppet compares with the number
        match root.get("version").map(|node| (&node.value, node.line)) {
            Some((Value::Scalar(text), _)) if text == VERSION => {}
            found => {
                let text = root.get("version").and_then(Node::text).unwrap_or("none");
                let line = found.map_or(root.line, |(_, line)| line);
                let fact = format!("hiera.yaml has version {text:?}");
                return Err((
                    line,
                    fact,
                    "write `version: 5`, a number without quotes: no other is read in an environment",
                ));
            }
        }
        let defaults = root.get("defaults");
        if let Some(defaults) = defaults {
            known("`defaults`", defaults, &[&DEFAULTS])?;
            self.function(defaults)?;
        }
        if let Some(folder) = defaults.and_then(|defaults| defaults.get("datadir")) {
            self.folder(folder)?;
        }
        for key in ["hierarchy", "plan_hierarchy", "default_hierarchy"] {
            let Some(levels) = root.get(key) else { continue };
            if key == "default_hierarchy" && self.home.is_empty() {
                let fact = "`default_hierarchy` stands in the site's hiera.yaml".to_owned();
                return Err((levels.line, fact, "only a module may have one"));
            }
            if !matches!(levels.value, Value::List(_)) {
                return Err((
                    levels.line,
                    format!("`{key}` is not a list"),
                    "begin each level with `- name: …`",
                ));
            }
            self.levels(levels, defaults)?;
        }
        Ok(())
    }

    fn levels(&self, levels: &Node, defaults: Option<&Node>) -> Result<(), Wrong> {
        let mut names = Vec::new();
        for level in levels.items() {
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
            known("a level", level, &[&LEVEL, &FUNCTIONS, &PATHS, &ELSEWHERE])?;
            self.function(level)?;
            let functions =
                |node: &Node| FUNCTIONS.iter().filter(|key| node.get(key).is_some()).count();
            // without a table of defaults Puppet takes yaml_data
            match (functions(level), defaults.map(functions)) {
                (0, Some(0)) => {
                    let fact = format!("nothing says how the level {name:?} is read");
                    return Err((level.line, fact, "write `data_hash: yaml_data` in `defaults`"));
                }
                (0 | 1, _) => {}
                _ => {
                    let fact = format!("the level {name:?} is read by more than one function");
                    return Err((level.line, fact, "keep one of them: Puppet refuses the level"));
                }
            }
            self.level(level, defaults.and_then(|defaults| defaults.get("datadir")))?;
        }
        Ok(())
    }

    fn function(&self, node: &Node) -> Result<(), Wrong> {
        let uses = node.get("lookup_key").filter(|value| value.text() == Some(EYAML.0));
        match uses {
            Some(value) if !self.packages.iter().any(|name| name == EYAML.1) => {
                let fact = format!(
                    "{} needs the package {}, which the site does not bake",
                    EYAML.0, EYAML.1
                );
                Err((value.line, fact, "add \"hiera-eyaml\" to `packages` in [needs] of SITE.toml"))
            }
            _ => Ok(()),
        }
    }

    fn level(&self, level: &Node, defaults: Option<&Node>) -> Result<(), Wrong> {
        let given: Vec<(&str, &Node)> =
            PATHS.iter().filter_map(|key| Some((*key, level.get(key)?))).collect();
        let places = PATHS.iter().chain(&ELSEWHERE);
        let both: Vec<&&str> = places.filter(|key| level.get(key).is_some()).collect();
        if let [one, other, ..] = both[..] {
            let fact = format!("a level has both `{one}` and `{other}`");
            return Err((level.line, fact, "keep one of them: Puppet refuses the level"));
        }
        let own = level.get("datadir");
        if let Some(folder) = own {
            self.folder(folder)?;
        }
        let folder = own.or(defaults).and_then(Node::text).unwrap_or("data");
        for (key, value) in given {
            let alone = std::slice::from_ref(value);
            let values = match (key.ends_with('s'), &value.value) {
                (false, Value::Scalar(_) | Value::Text(_)) => alone,
                (true, Value::List(items)) if !items.is_empty() => items,
                (false, _) => {
                    return Err((
                        value.line,
                        format!("`{key}` takes one text"),
                        "write a list as `paths` or `globs`",
                    ));
                }
                (true, _) => {
                    return Err((
                        value.line,
                        format!("`{key}` takes a list"),
                        "write one text as `path` or `glob`",
                    ));
                }
            };
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
        let path = plain(&format!("{folder}/{name}"));
        if path.contains("%{") || self.files.paths().any(|there| there == path) {
            return Ok(());
        }
        let fact = format!("{} names {path}, which is not there", self.path);
        Err((value.line, fact, "add the file, or remove the level"))
    }

    fn folder(&self, value: &Node) -> Result<(), Wrong> {
        self.name(value)?;
        let folder = value.text().unwrap_or_default();
        let below = format!("{}/", plain(&format!("{}{folder}", self.home)));
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

/// `./data//x/` as `data/x`: the same to Puppet.
fn plain(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

/// Refuses keys that Puppet refuses, or would refuse the catalog for.
fn known(what: &str, node: &Node, keys: &[&[&str]]) -> Result<(), Wrong> {
    let unknown =
        |(key, _): &&(String, Node)| !keys.iter().any(|keys| keys.contains(&key.as_str()));
    match node.members().iter().find(unknown) {
        None if matches!(node.value, Value::Map(_)) => Ok(()),
        None => Err((node.line, format!("{what} is not a mapping"), "begin with `key: value`")),
        Some((key, value)) => {
            let all = || keys.iter().flat_map(|keys| keys.iter().copied());
            let near = suggest(key, all());
            let fact = match near {
                Some(near) => format!("{what} has the unknown key `{key}`: did you mean `{near}`?"),
                None => format!("{what} has the unknown key `{key}`"),
            };
            Err((value.line, fact, "Puppet compiles no catalog with a key that it does not know"))
        }
    }
}

fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .min()
        .filter(|(d, _)| *d <= 2)
        .map(|(_, n)| n)
}
