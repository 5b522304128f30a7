//! What Puppet's compiler says of a site, held against what a machine needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::files::Files;
use super::packages;
use super::systems::Target;
use crate::apt::Names;
use crate::error::{Error, Kind, Result};

/// Of all bases, in their order.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub puppet: String,
    pub bases: Vec<Compiled>,
}

/// Of one base.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Compiled {
    Fault {
        name: String,
        error: String,
        file: Option<String>,
        line: Option<usize>,
    },
    Catalog {
        name: String,
        sentinel: bool,
        sources: Vec<Copied>,
        packages: Vec<Packaged>,
        /// Whether the site adds archives of its own on the machine.
        archives: bool,
    },
}

/// A resource, where it is declared, and what it is a copy of.
type Copied = (String, Option<String>, Option<usize>, Vec<String>);
/// A resource, where it is declared, and the package that it asks apt for.
type Packaged = (String, Option<String>, Option<usize>, String);

/// What Puppet says of a name that nothing has: facts cannot change it.
const NAMES: [&str; 5] = [
    "Could not find class",
    "Unknown function",
    "Unknown resource type",
    "has no parameter named",
    "Could not find declared class",
];

/// Who knows where the compiled files come from.
pub(super) struct Judge<'a> {
    pub files: &'a Files,
    /// Where they were compiled.
    pub environment: &'a Path,
    /// The bases.
    pub targets: &'a [Target],
    /// The facts that the site gives examples of.
    pub given: &'a Map<String, Value>,
}

impl Judge<'_> {
    /// Refuses what does not compile, lacks the sentinel, or copies a file of a module that is not there.
    pub(super) fn judge(&self, compiled: &Compiled) -> Result<()> {
        match compiled {
            Compiled::Fault { name, error, file, line } => {
                Err(self.fault(name, error, file.as_deref(), *line)?)
            }
            Compiled::Catalog { name, sentinel: false, .. } => {
                let message = format!(
                    "the catalog for {name} lacks slipway::sentinel: no machine would be READY"
                );
                Err(Error::new(Kind::Input, message)
                    .at(self.files.place("manifests/site.pp"))
                    .remedy("write `include slipway::sentinel` for every node"))
            }
            Compiled::Catalog { name, sources, packages, archives, .. } => {
                sources.iter().try_for_each(|copied| self.copied(copied))?;
                // which packages archives of the site's own have is not known
                match self.target(name).and_then(|target| target.packages.as_ref()) {
                    Some(names) if !archives => {
                        packages.iter().try_for_each(|one| self.packaged(one, name, names))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// Refuses a package that the base's archives do not have.
    fn packaged(
        &self,
        (resource, file, line, package): &Packaged,
        base: &str,
        names: &Names,
    ) -> Result<()> {
        if names.has(package) {
            return Ok(());
        }
        let message = format!("{resource} cannot be installed");
        Err(self
            .placed(Error::new(Kind::Input, message), file.as_deref(), *line)
            .because(packages::absent(package, base, names)))
    }

    fn fault(
        &self,
        base: &str,
        said: &str,
        file: Option<&str>,
        line: Option<usize>,
    ) -> Result<Error> {
        let said = said.replace(&format!("{}/", self.environment.display()), "");
        let message = format!("the catalog for {base} does not compile: {said}");
        let error = self.placed(Error::new(Kind::Input, message), file, line);
        if NAMES.iter().any(|name| said.contains(name)) {
            return Ok(error);
        }
        if said.contains("did not find a value") || said.contains("expects a value") {
            return Ok(error.remedy("where a customer's profile gives the value, put an example into SITE.toml: [check.hiera]"));
        }
        let facts = self.facts_of_modules()?;
        Ok(match facts.is_empty() {
            true => error,
            false => error.remedy(format!(
                "facts of modules are not known here: if it is for one of {}, put an example into SITE.toml: [check.facts]",
                Vec::from_iter(facts).join(", ")
            )),
        })
    }

    /// The facts that the site's modules bring, and of which it gives no example: their names stand in Ruby's text.
    fn facts_of_modules(&self) -> Result<BTreeSet<String>> {
        let mut facts = BTreeSet::new();
        let is_fact = |path: &&str| path.starts_with("modules/") && path.contains("/lib/facter/");
        for path in self.files.paths().filter(is_fact) {
            let text = String::from_utf8_lossy(&self.files.read(path)?).into_owned();
            for (_, rest) in
                text.match_indices("Facter.add(").map(|(at, word)| text.split_at(at + word.len()))
            {
                let name = rest.trim_start_matches([':', '"', '\'', ' ']);
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let name = &name[..end.unwrap_or(name.len())];
                if !name.is_empty() && !self.given.contains_key(name) {
                    facts.insert(name.to_owned());
                }
            }
        }
        Ok(facts)
    }

    /// Refuses a copy of `puppet:///modules/…` that no file or folder of the bundle is meant by.
    fn copied(&self, (resource, file, line, sources): &Copied) -> Result<()> {
        if sources.iter().any(|source| self.is_there(source)) {
            return Ok(());
        }
        let message =
            format!("{resource} is a copy of {}, which is not in the bundle", sources.join(", "));
        Err(self.placed(Error::new(Kind::Input, message), file.as_deref(), *line))
    }

    fn is_there(&self, source: &str) -> bool {
        let module = source.strip_prefix("puppet:///modules/").and_then(|s| s.split_once('/'));
        let Some((module, rest)) = module else { return true };
        let (own, path) = (format!("modules/{module}/"), format!("modules/{module}/files/{rest}"));
        let inside = format!("{}/", path.trim_end_matches('/'));
        // another module is the base's
        !self.files.paths().any(|there| there.starts_with(&own))
            || self.files.paths().any(|there| there == path || there.starts_with(&inside))
    }

    /// An error with the file's place on this machine and the line.
    fn placed(&self, error: Error, file: Option<&str>, line: Option<usize>) -> Error {
        let Some(file) = file else { return error };
        let relative = Path::new(file).strip_prefix(self.environment).ok().and_then(Path::to_str);
        let place = relative.map_or_else(|| PathBuf::from(file), |path| self.files.place(path));
        error.at(match line {
            Some(line) => PathBuf::from(format!("{}:{line}", place.display())),
            None => place,
        })
    }
}
