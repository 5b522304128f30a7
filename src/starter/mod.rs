//! A vendor's new project: its first files, and the folder that holds them.
//!
//! [`files`] is pure; [`write()`] gives a folder its name when all of them are in it. The example is the demo of this
//! repository itself: what is shown to strangers is what our own tests build and boot.

mod demo;

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tera::Context as Values;

use crate::error::{Context as _, Error, Kind, Result};
use crate::key::Trust;
use crate::profile::{self, Answers, Audience};
use crate::template::{Language, render};
use crate::whole::{self, Work};

/// What a project begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The smallest site, which puts one file into place.
    Small,
    /// A site with a database, and an application of the vendor's.
    Example,
}

/// One file of a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StarterFile {
    /// Where it goes, from the project's folder.
    pub path: &'static str,
    /// Whether it is a program.
    pub executable: bool,
    /// Its text.
    pub text: Cow<'static, str>,
}

/// The profile's first line, for editors; the schema lies beside it.
const HEADER: &str = "#:schema schema.json\n";

const README: &str = include_str!("../../templates/project/README.md.tera");
const COMMON: &str = include_str!("../../templates/project/common.toml.tera");

macro_rules! templates {
    ($($path:literal = $from:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../templates/project/", $from)))),*]
    };
}

/// What is the same in every project.
const TEMPLATES: [(&str, &str); 4] = templates![
    ".gitignore" = "gitignore",
    ".github/workflows/appliances.yml" = "github.yml",
    ".gitlab-ci.yml" = "gitlab-ci.yml",
    ".teamcity/settings.kts" = "teamcity.kts",
];

const PROGRAMS: [(&str, &str); 2] = templates!["ci/run" = "run", "ci/prepare" = "prepare"];

impl Start {
    /// The site that it has.
    pub fn site(self) -> &'static str {
        match self {
            Self::Small => "tiny",
            Self::Example => "demo",
        }
    }

    /// The customer whose image is made first.
    pub fn customer(self) -> &'static str {
        match self {
            Self::Small => "example",
            Self::Example => "demo",
        }
    }
}

/// The files of a new project, sorted by path.
///
/// # Errors
/// None that a user could cause: a template that cannot be filled.
pub fn files(start: Start) -> Result<Vec<StarterFile>> {
    let plain = |(path, text)| StarterFile { path, executable: false, text: Cow::Borrowed(text) };
    let made = |path, text| StarterFile { path, executable: false, text: Cow::Owned(text) };
    let mut files: Vec<_> = TEMPLATES.into_iter().map(plain).collect();
    files.extend(PROGRAMS.map(|program| StarterFile { executable: true, ..plain(program) }));
    files.extend(demo::files(start).iter().copied().map(plain));
    let mut values = Values::new();
    values.insert("site", start.site());
    values.insert("customer", start.customer());
    values.insert("example", &(start == Start::Example));
    files.push(made("README.md", render(Language::Text, "README.md", README, &values)?));
    let common = render(Language::Word, "common.toml", COMMON, &values)?;
    files.push(made("profiles/shared/common.toml", common));
    let (name, extends) = (Some("Example Ltd".to_owned()), Some("common".to_owned()));
    let answers = Answers { name, extends, ..Answers::default() };
    files.push(made("profiles/example.toml", profile::write(&answers, HEADER)));
    files.push(made("profiles/schema.json", schema(Audience::Customer)?));
    files.push(made("profiles/shared/schema.json", schema(Audience::Parent)?));
    files.push(made("trust/allowed_signers", Trust::begun().text()?));
    files.sort_by_key(|file| file.path);
    Ok(files)
}

fn schema(audience: Audience) -> Result<String> {
    let text = serde_json::to_string_pretty(&profile::schema(audience));
    text.map(|text| text + "\n").map_err(std::io::Error::other).doing("cannot write the schema")
}

/// Makes the project, whole or not at all: in a folder that is not there yet, or in an empty one.
///
/// # Errors
/// [`Kind::Refused`] when something is there.
pub fn write(folder: &Path, files: &[StarterFile]) -> Result<()> {
    refuse_what_is_there(folder)?;
    let work = Work::new_in(whole::folder_of(folder))?;
    // a folder below the hidden one, which nobody else may enter, has the rights of any new folder
    let project = work.join("project");
    fs::create_dir(&project).at("cannot create the folder", &project)?;
    for file in files {
        write_file(&project.join(file.path), file)?;
    }
    match fs::rename(&project, folder) {
        // made by somebody since it was looked at
        Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory) => {
            return Err(not_empty(folder));
        }
        renamed => renamed.at("cannot make the folder", folder)?,
    }
    whole::flush_folder(whole::folder_of(folder))
}

fn write_file(path: &Path, file: &StarterFile) -> Result<()> {
    let parent = whole::folder_of(path);
    fs::create_dir_all(parent).at("cannot create the folder", parent)?;
    // less the umask, as with any file
    let mode = if file.executable { 0o777 } else { 0o666 };
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let write =
        |mut made: File| made.write_all(file.text.as_bytes()).and_then(|()| made.sync_all());
    made.and_then(write).at("cannot write", path)
}

fn refuse_what_is_there(folder: &Path) -> Result<()> {
    let mut names = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => return Err(not_empty(folder)),
        names => names.at("cannot look into the folder", folder)?,
    };
    match names.next() {
        None => Ok(()),
        Some(_) => Err(not_empty(folder)),
    }
}

fn not_empty(folder: &Path) -> Error {
    Error::new(Kind::Refused, "something is there already, and nothing of it is changed")
        .at(folder)
        .remedy("name a folder that is empty or not there yet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_project_is_whole_in_a_new_folder_and_in_an_empty_one() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("deep/new");
        let files = files(Start::Example).unwrap();
        write(&folder, &files).unwrap();
        for file in &files {
            let path = folder.join(file.path);
            assert_eq!(fs::read_to_string(&path).unwrap(), file.text);
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o100 != 0, file.executable, "{path:?}");
        }
        let empty = root.path().join("empty");
        fs::create_dir(&empty).unwrap();
        write(&empty, &files).unwrap();
        assert!(empty.join("README.md").exists());
        let error = write(&empty, &files).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
    }

    #[test]
    fn what_is_there_stays_as_it_is_and_nothing_is_left_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let [folder, file] = ["folder", "file"].map(|name| root.path().join(name));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "x").unwrap();
        fs::write(&file, "x").unwrap();
        let twice = files(Start::Small).unwrap();
        for path in [&folder, &file] {
            assert_eq!(write(path, &twice).unwrap_err().kind(), Kind::Refused);
        }
        // one that cannot be written to its end leaves nothing either
        let twice = [twice.clone(), twice].concat();
        assert!(write(&root.path().join("new"), &twice).is_err());
        let names = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["file", "folder"]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn each_start_has_the_profile_and_the_site_that_its_readme_speaks_of() {
        for start in [Start::Small, Start::Example] {
            let files = files(start).unwrap();
            let has = |path: String| files.iter().any(|file| file.path == path);
            assert!(has(format!("profiles/{}.toml", start.customer())));
            assert!(has(format!("sites/{}/SITE.toml", start.site())));
            let readme = files.iter().find(|file| file.path == "README.md").unwrap();
            assert!(readme.text.contains(&format!("slipway build {}\n", start.customer())));
            assert_eq!(readme.text.contains("`apps/`"), start == Start::Example);
        }
    }
}
