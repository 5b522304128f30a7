//! Whether a definition's archives have the requested packages: their indexes tell in seconds what
//! apt, in the root, would report only after minutes of work.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::cache::{FOLDER, NAMES};
use super::{Cache, Definition, DefinitionKind, Root, mirror, mmdebstrap};
use crate::apt::{Names, State};
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, Timestamp};
use crate::whole::Work;

/// Packages that no archive of a base has: the cause of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The base.
    pub base: String,
    /// The archives' date.
    pub time: Timestamp,
    /// The packages, each with the name that was probably meant.
    pub packages: Vec<(String, Option<String>)>,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, time, packages } = self;
        let names: Vec<&str> = packages.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "the archives of {base} have no {} ({time})", names.join(", "))
    }
}

impl std::error::Error for Absent {}

impl Absent {
    /// The packages that a base's archives lack; none when they have all.
    pub fn of(base: &str, names: &Names, packages: &[String]) -> Option<Self> {
        let lacking = packages.iter().filter(|package| !names.has(package));
        let packages: Vec<_> =
            lacking.map(|name| (name.clone(), names.nearest(name).map(str::to_owned))).collect();
        let (base, time) = (base.to_owned(), names.time);
        (!packages.is_empty()).then_some(Self { base, time, packages })
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let near = self.packages.iter().filter_map(|(name, near)| Some((name, near.as_ref()?)));
        let near: Vec<String> = match self.packages.len() {
            1 => near.map(|(_, near)| format!("did you mean {near:?}?")).collect(),
            _ => near.map(|(name, near)| format!("for {name}, did you mean {near:?}?")).collect(),
        };
        match near.is_empty() {
            false => near.join(" "),
            true => "correct the name, or add the archive to the base's definition".to_owned(),
        }
    }
}

/// The names in a definition's archives, from the cache in `folder`, which need not exist.
pub fn names_at_hand(folder: &Path, definition: &Definition) -> Result<Option<Names>> {
    Names::read(&folder.join(FOLDER).join(NAMES).join(file_name(definition)?))
}

/// A list belongs to the archives, whatever else a definition says.
fn file_name(definition: &Definition) -> Result<String> {
    let key = serde_json::to_vec(&(&definition.archives, &definition.snapshot))
        .map_err(|e| Error::new(Kind::Input, "cannot name the list of packages").because(e))?;
    Ok(format!("{}-{}", definition.name, Digest::of(key).short()))
}

/// If the definition itself names the absent package, the error points at its line there.
fn placed(error: Error, definition: &Definition, own: &[String]) -> Error {
    let absent = error.causes().find_map(|cause| cause.downcast_ref::<Absent>());
    let mut names = absent.iter().flat_map(|absent| &absent.packages).map(|(name, _)| name);
    match names.find(|name| own.contains(name)).map(|name| definition.line_of(name)) {
        Some(place) => error.at(place),
        None => error,
    }
}

impl Cache {
    /// The names of packages in a definition's archives, as last fetched; none if they never were.
    pub fn names(&self, definition: &Definition) -> Result<Option<Names>> {
        Names::read(&self.names_file(definition)?)
    }

    /// Asks the archives for the names, if that was never done.
    pub fn ensure_names(&self, definition: &Definition, progress: &dyn Progress) -> Result<()> {
        let known = definition.archives.is_empty() || self.names(definition)?.is_some();
        if known { Ok(()) } else { self.ask(definition, progress).map(drop) }
    }

    /// Refuses packages of a base, and those that its layers will need, when no archive has them.
    pub(super) fn require_for_base(
        &self,
        definition: &Definition,
        ahead: &[String],
        progress: &dyn Progress,
    ) -> Result<()> {
        // a root made by somebody else may have packages that no archive has
        if definition.kind == DefinitionKind::Tarball {
            return Ok(());
        }
        let own = definition.all_packages();
        let all: Vec<String> = own.iter().chain(ahead).cloned().collect();
        self.require(definition, &all, progress).map_err(|e| placed(e, definition, &own))
    }

    /// Refuses packages that layers need on an existing root, when no archive has them.
    pub(super) fn require_for_layer(
        &self,
        parent: &Root,
        ahead: &[String],
        progress: &dyn Progress,
    ) -> Result<()> {
        // an installed package need not be in an archive
        let there: BTreeSet<&str> = parent.packages.iter().map(|p| p.name.as_str()).collect();
        let asked: Vec<String> =
            ahead.iter().filter(|name| !there.contains(name.as_str())).cloned().collect();
        self.require(&parent.definition, &asked, progress)
    }

    /// Refuses packages that no archive has. The kept names are believed when they contain a
    /// package, but not when they lack it: then the archives are asked. If apt fails at that,
    /// nothing is refused, because the failure proves nothing.
    ///
    /// # Errors
    /// [`Kind::Input`] because of [`Absent`]; [`Kind::Network`] when no mirror answers.
    fn require(
        &self,
        definition: &Definition,
        packages: &[String],
        progress: &dyn Progress,
    ) -> Result<()> {
        if packages.is_empty() || definition.archives.is_empty() {
            return Ok(());
        }
        let has_all = |names: &Names| packages.iter().all(|package| names.has(package));
        if self.names(definition)?.as_ref().is_some_and(has_all) {
            return Ok(());
        }
        let names = match self.ask(definition, progress) {
            Ok(names) => names,
            // whatever prevents apt from working is explained better by the run that would install
            // them
            Err(e) if e.kind() == Kind::Tool => {
                progress.note(&format!("the packages were not looked up in the archives: {e}"));
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        let Some(absent) = Absent::of(&definition.name, &names, packages) else { return Ok(()) };
        let message = "packages that are asked for do not exist";
        Err(Error::new(Kind::Input, message).remedy(absent.remedy()).because(absent))
    }

    /// Fetches the archives' indexes, and keeps the names in them.
    fn ask(&self, definition: &Definition, progress: &dyn Progress) -> Result<Names> {
        /// A mirror that serves its index and then fails is asked last the next time.
        const ATTEMPTS: usize = 2;
        progress.step("asking the archives for their packages", None);
        let work = Work::new_in(&self.part("tmp"))?;
        let mut attempt = 0;
        let names = loop {
            let (chosen, time) = mirror::choose(definition, attempt, work.path(), progress)?;
            let sources = mmdebstrap::sources(definition, &chosen)?;
            attempt += 1;
            // a new state each time: nothing that another mirror left half-done is mixed in
            let state = State::open(work.path().join(format!("apt-{attempt}")), &sources)?;
            match state.update() {
                Ok(()) => break Names::of(&state, time)?,
                Err(e) if attempt == ATTEMPTS => return Err(e),
                Err(_) => {}
            }
        };
        names.write(&self.names_file(definition)?)?;
        Ok(names)
    }

    fn names_file(&self, definition: &Definition) -> Result<PathBuf> {
        Ok(self.part(NAMES).join(file_name(definition)?))
    }
}
