//! Definitions of bases: one TOML file each, in the program and in a project's images/. The
//! project's own file wins.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::definition::Definition;
use super::{check, shipped};
use crate::error::{Context, Error, Kind, Result};
use crate::written;

impl Definition {
    /// Reads and checks one definition.
    ///
    /// # Errors
    /// [`Kind::Input`] with file, line and column; unknown keys are errors.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = written::text(path, "the definition")?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&text, path, stem, folder)
    }

    /// The definition `name`: the one in `folder`, or else the one that comes with the program.
    ///
    /// # Errors
    /// [`Kind::NotFound`] with the names that exist.
    pub fn find(folder: impl AsRef<Path>, name: &str) -> Result<Self> {
        let folder = folder.as_ref();
        let (path, text) = Self::text(folder, name)?;
        Self::parse(&text, &path, name.to_owned(), folder.to_owned())
    }

    /// The text of the definition `name`, and where it comes from.
    ///
    /// # Errors
    /// As for [`Self::find`].
    pub fn text(folder: impl AsRef<Path>, name: &str) -> Result<(PathBuf, Cow<'static, str>)> {
        let folder = folder.as_ref();
        let own = own_names(folder)?;
        let path = folder.join(format!("{name}.toml"));
        if own.contains(name) {
            let text = written::text(&path, "the definition")?;
            return Ok((path, text.into()));
        }
        match shipped::text(name) {
            Some(text) => Ok((Path::new(SHIPPED).join(format!("{name}.toml")), text.into())),
            None => Err(unknown(folder, name)?),
        }
    }

    /// The names of all definitions, those in `folder` and those that come with the program,
    /// sorted. The folder need not exist.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn names(folder: impl AsRef<Path>) -> Result<Vec<String>> {
        let mut names = own_names(folder.as_ref())?;
        names.extend(shipped::names().map(str::to_owned));
        Ok(names.into_iter().collect())
    }

    fn parse(text: &str, path: &Path, name: String, folder: PathBuf) -> Result<Self> {
        let mut definition: Self = written::parse(text, path, "the definition")?;
        definition.name = name;
        definition.folder = folder;
        check::definition(&definition).map_err(|(word, message)| {
            Error::new(Kind::Input, message).at(written::place_of(&word, text, path))
        })?;
        Ok(definition)
    }

    /// The line where its text has a word in quotes; only the file if that can no longer be read.
    pub(super) fn line_of(&self, word: &str) -> PathBuf {
        match Self::text(&self.folder, &self.name) {
            Ok((path, text)) => written::place_of(&format!("\"{word}\""), &text, &path),
            Err(_) => self.folder.join(format!("{}.toml", self.name)),
        }
    }
}

/// Stands for the folder of a definition that comes with the program.
const SHIPPED: &str = "(comes with slipway)";

/// The names of the files in a project's folder. Hidden ones do not count: editors put their locks
/// there.
fn own_names(folder: &Path) -> Result<BTreeSet<String>> {
    let files = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        files => files.at("cannot list the base definitions", folder)?,
    };
    let mut names = BTreeSet::new();
    for file in files {
        let name = file.at("cannot list", folder)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".toml"));
        names.extend(stem.filter(|stem| !stem.starts_with('.')).map(str::to_owned));
    }
    Ok(names)
}

fn unknown(folder: &Path, name: &str) -> Result<Error> {
    let names = Definition::names(folder)?;
    let near = names
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let near = near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
    Ok(Error::new(Kind::NotFound, format!("there is no base {name:?}"))
        .at(folder)
        .remedy(format!("{near}there are {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/images");

    fn debian_12(change: impl Fn(&str) -> String) -> Result<Definition> {
        let text = std::fs::read_to_string(format!("{IMAGES}/debian-12.toml")).unwrap();
        Definition::parse(&change(&text), Path::new("x.toml"), "x".into(), PathBuf::new())
    }

    #[test]
    fn every_shipped_definition_is_good() {
        let names = Definition::names(IMAGES).unwrap();
        assert_eq!(names, ["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04"]);
        for name in names {
            let definition = Definition::find(IMAGES, &name).unwrap();
            assert!(!definition.all_packages().is_empty());
        }
    }

    #[test]
    fn a_project_without_definitions_has_those_of_the_program_and_a_file_of_its_own_wins() {
        let project = tempfile::tempdir().unwrap();
        let images = project.path().join("images");
        assert_eq!(Definition::names(&images).unwrap(), Definition::names(IMAGES).unwrap());
        let shipped = Definition::find(&images, "debian-12").unwrap();
        let ours = Definition::find(IMAGES, "debian-12").unwrap();
        assert_eq!(Definition { folder: ours.folder.clone(), ..shipped.clone() }, ours);
        let line = shipped.line_of("systemd-sysv");
        assert!(
            line.to_string_lossy().starts_with("(comes with slipway)/debian-12.toml:"),
            "{line:?}"
        );

        std::fs::create_dir(&images).unwrap();
        let text = Definition::text(&images, "debian-12").unwrap().1;
        let text = text.replacen(&format!("title = {:?}", shipped.title), "title = \"Own\"", 1);
        std::fs::write(images.join("debian-12.toml"), &text).unwrap();
        std::fs::write(images.join("own.toml"), &text).unwrap();
        std::fs::write(images.join(".#own.toml"), "x").unwrap();
        assert_eq!(Definition::find(&images, "debian-12").unwrap().title, "Own");
        assert_eq!(Definition::find(&images, "own").unwrap().title, "Own");
        assert_eq!(Definition::names(&images).unwrap().len(), ours_and(1));
    }

    fn ours_and(more: usize) -> usize {
        Definition::names(IMAGES).unwrap().len() + more
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_line() {
        let error = debian_12(|text| format!("colour = 1\n{text}")).unwrap_err();
        assert_eq!(error.path(), Some(Path::new("x.toml:1:1")));
        assert!(error.to_string().contains("unknown key `colour`"), "{error}");
    }

    #[test]
    fn a_time_that_no_image_can_have_is_shown_with_its_line() {
        for time in ["2446-05-10T22:38:56Z", "1969-12-31T23:59:59Z"] {
            let error = debian_12(|text| format!("snapshot = \"{time}\"\n{text}")).unwrap_err();
            assert_eq!(error.path(), Some(Path::new("x.toml:1")));
            assert_eq!(error.to_string(), format!("x.toml:1: no image can be made at {time}"));
        }
    }

    #[test]
    fn an_unknown_base_names_those_that_exist() {
        let error = Definition::find(IMAGES, "debian12").unwrap_err();
        assert!(error.find_remedy().unwrap().contains("did you mean \"debian-12\"?"), "{error:?}");
    }

    #[test]
    fn words_that_could_break_out_of_a_sources_list_are_refused() {
        for bad in ["main [trusted=yes]", "a\\nb", "", "$(id)"] {
            let change = |text: &str| text.replacen("\"main\"", &format!("\"{bad}\""), 1);
            assert!(debian_12(change).is_err(), "{bad}");
        }
        let error = debian_12(|text| text.replacen("http://", "ftp://", 1)).unwrap_err();
        assert!(error.path().unwrap().to_string_lossy().starts_with("x.toml:"), "{error}");
    }
}
