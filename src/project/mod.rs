//! The vendor's folder: profiles, definitions of bases, trusted keys. Finding it, and reading what is in it.
//!
//! What is wrong in a profile comes back as [`Diagnostics`], alone or as the cause of an error: whoever asked shows
//! them. The environment, the current folder and the clock are arguments: see [`Surroundings`].

mod surroundings;

use std::path::{Path, PathBuf};

use surroundings::PROJECT_VARIABLE;

use crate::base::{self, Definition};
use crate::bundle::Base;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::key::Trust;
use crate::profile::{self, Diagnostics, Known, Loaded};

pub use surroundings::Surroundings;

/// The file of trusted keys in a project: beside the profiles, so that whoever changes it is seen in the same history.
const TRUST: &str = "trust/allowed_signers";

/// A folder with profiles/. All paths are absolute.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder itself.
    pub root: PathBuf,
    /// One TOML a customer, and shared/ with their parents.
    pub profiles: PathBuf,
    /// One TOML a base image that is not as it comes with the program; it need not be there.
    pub images: PathBuf,
    /// Where artifacts go.
    pub out: PathBuf,
    /// What it was found with.
    pub surroundings: Surroundings,
}

/// A profile's file, and what became of reading it.
pub type Read = (PathBuf, Result<Loaded, Diagnostics>);

impl Project {
    /// The project that is named, else the nearest one from here upward.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none.
    pub fn open(surroundings: &Surroundings) -> Result<Self> {
        let root = match &surroundings.project {
            Some(folder) => named(surroundings.absolute(folder)?)?,
            None => search(&surroundings.absolute(Path::new("."))?)?,
        };
        let profiles = match &surroundings.profiles {
            Some(folder) => surroundings.absolute(folder)?,
            None => root.join("profiles"),
        };
        let (images, out) = (root.join("images"), root.join("out"));
        Ok(Self { root, profiles, images, out, surroundings: surroundings.clone() })
    }

    /// The same; none where nobody names one and there is none.
    pub fn open_if_any(surroundings: &Surroundings) -> Result<Option<Self>> {
        match Self::open(surroundings) {
            Err(e) if e.kind() == Kind::NotFound && surroundings.project.is_none() => Ok(None),
            project => project.map(Some),
        }
    }

    /// The file of trusted keys.
    pub fn trust_file(&self) -> Result<PathBuf> {
        match &self.surroundings.trust {
            Some(file) => self.surroundings.absolute(file),
            None => Ok(self.root.join(TRUST)),
        }
    }

    /// What profiles of this project may name.
    pub fn known(&self) -> Result<Known> {
        let bases = Definition::names(&self.images)?;
        let lacks = |base: &&String| {
            // a definition that cannot be read is an error where the base is used
            Definition::find(&self.images, base).is_ok_and(|d| !d.has_old_time_zones())
        };
        let without_old_zones = bases.iter().filter(lacks).cloned().collect();
        let customers = profile::customers(&self.profiles)?;
        Ok(Known { bases, without_old_zones, customers })
    }

    /// The file that a user means: a customer's name, with .toml or without, or a path.
    pub fn profile_path(&self, wanted: &str) -> Result<PathBuf> {
        let path = Path::new(wanted);
        if wanted.contains('/') {
            return self.surroundings.absolute(path);
        }
        if wanted.ends_with(".toml") {
            let path = self.surroundings.absolute(path)?;
            if file::is_file(&path)? {
                return Ok(path);
            }
        }
        let name = wanted.strip_suffix(".toml").unwrap_or(wanted);
        let shown = self.surroundings.shown(&self.profiles);
        profile::find(&self.profiles, name).map_err(|e| e.at(shown))
    }

    /// The profile that a user means.
    ///
    /// # Errors
    /// One that says how many there are, because of the profile's [`Diagnostics`].
    pub fn load(&self, wanted: &str) -> Result<Loaded> {
        let path = self.profile_path(wanted)?;
        profile::load(&path, &self.known()?).map_err(|diagnostics| self.refused(&path, diagnostics))
    }

    /// Every customer's profile, sorted by name.
    pub fn load_all(&self) -> Result<Vec<Read>> {
        let known = self.known()?;
        let load = |path: PathBuf| {
            let loaded = profile::load(&path, &known);
            (path, loaded)
        };
        Ok(profile::all(&self.profiles)?.into_iter().map(load).collect())
    }

    /// The files of every customer's profile, sorted by name.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none: who asks for all of them means that there are some.
    pub fn paths(&self) -> Result<Vec<PathBuf>> {
        let paths = profile::all(&self.profiles)?;
        if paths.is_empty() {
            return Err(Error::new(Kind::NotFound, "there are no profiles")
                .at(self.surroundings.shown(&self.profiles))
                .remedy("write one with `slipway new`"));
        }
        Ok(paths)
    }

    /// An error that says how many there are in a profile, because of them.
    pub fn refused(&self, path: &Path, diagnostics: Diagnostics) -> Error {
        let count = match diagnostics.errors.len() {
            1 => "1 error".to_owned(),
            count => format!("{count} errors"),
        };
        let error = Error::new(Kind::Input, format!("the profile has {count}"));
        let shown = |path: &Path| self.surroundings.shown(path);
        diagnostics.behind(error.at(shown(path)), shown)
    }

    /// The bases that bundles may name.
    pub fn bases(&self) -> Result<Vec<Base>> {
        let cache = self.surroundings.cache()?;
        let base = |name: String| {
            // one that cannot be read is an error where it is used: of its system nothing is known here
            let Ok(definition) = Definition::find(&self.images, &name) else {
                return Ok(Base { name, suites: Vec::new(), packages: None });
            };
            let packages = base::names_at_hand(&cache, &definition)?;
            let suites = definition.archives.into_iter().flat_map(|archive| archive.suites);
            Ok(Base { name, suites: suites.collect(), packages })
        };
        Definition::names(&self.images)?.into_iter().map(base).collect()
    }
}

impl Surroundings {
    /// The file of trusted keys: the one that is named, else the project's.
    pub fn trust_file(&self) -> Result<PathBuf> {
        match &self.trust {
            Some(file) => self.absolute(file),
            None => Project::open(self)?.trust_file(),
        }
    }

    /// The trusted keys, where a project or a file is named: whoever publishes may have neither, and trusts their own
    /// key then.
    pub fn trust_if_any(&self) -> Result<Trust> {
        match self.trust_file() {
            Err(e) if e.kind() == Kind::NotFound && self.project.is_none() => Ok(Trust::default()),
            file => Trust::read(&file?),
        }
    }

    /// The bases that bundles may name, where there is a project: whoever builds a bundle may have none.
    pub fn bases_if_any(&self) -> Result<Option<Vec<Base>>> {
        Project::open_if_any(self)?.map(|project| project.bases()).transpose()
    }
}

fn is_project(folder: &Path) -> Result<bool> {
    file::is_folder(&folder.join("profiles"))
}

fn named(folder: PathBuf) -> Result<PathBuf> {
    if is_project(&folder)? {
        return Ok(folder);
    }
    Err(Error::new(Kind::NotFound, "this is no project: it lacks profiles/")
        .at(folder)
        .remedy("make one with `slipway init DIR`"))
}

fn search(start: &Path) -> Result<PathBuf> {
    for folder in start.ancestors() {
        if is_project(folder)? {
            return Ok(folder.to_owned());
        }
    }
    Err(Error::new(Kind::NotFound, "neither here nor above is a folder with profiles/")
        .at(start)
        .remedy(format!(
            "make a project with `slipway init DIR`, go to one, or name it with --project or {PROJECT_VARIABLE}"
        )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folders: &[&str]) -> (tempfile::TempDir, Surroundings) {
        let root = tempfile::tempdir().unwrap();
        for folder in folders {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let here = Some(root.path().to_owned());
        (root, Surroundings { here, ..Surroundings::default() })
    }

    #[test]
    fn a_project_is_found_from_a_folder_below_it() {
        let (root, mut surroundings) = project(&["profiles/shared"]);
        surroundings.here = Some(root.path().join("profiles/shared"));
        assert_eq!(Project::open(&surroundings).unwrap().root, root.path());
    }

    #[test]
    fn a_folder_without_profiles_is_no_project_and_one_without_definitions_of_bases_is() {
        let (root, mut surroundings) = project(&[]);
        assert!(Project::open_if_any(&surroundings).unwrap().is_none());
        surroundings.project = Some(root.path().to_owned());
        let error = Project::open_if_any(&surroundings).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        std::fs::create_dir(root.path().join("profiles")).unwrap();
        assert_eq!(Project::open(&surroundings).unwrap().root, root.path());
    }

    #[test]
    fn what_is_wrong_in_a_profile_is_the_cause_of_its_error() {
        let (root, surroundings) = project(&["profiles"]);
        std::fs::write(root.path().join("profiles/a.toml"), "nonsense = 1\n").unwrap();
        let error = Project::open(&surroundings).unwrap().load("a").unwrap_err();
        assert_eq!(error.path(), Some(Path::new("profiles/a.toml")));
        let cause = error.causes().find_map(|cause| cause.downcast_ref::<Diagnostics>()).unwrap();
        assert!(cause.reports().iter().any(|report| report.line == Some(1)), "{cause}");
    }
}
