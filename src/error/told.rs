//! Errors as programs, reports and pages have them.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Kind};

/// An error as a value: what a person sees on the terminal, in parts. It can be kept, and read back later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// What a program may branch on.
    pub kind: Kind,
    /// One fact.
    pub message: String,
    /// The file or folder that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The byte in that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Why, the nearest cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What is wrong in files that people write, each at its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FileError>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What is wrong in a file that people write, and where: lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileError {
    /// The file's path.
    pub file: PathBuf,
    /// Line of the first offending character; none where the whole file is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column of the first offending character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What is meant at that place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What is allowed, and what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
}

impl Error {
    /// The error as a value.
    pub fn told(&self) -> Told {
        let (mut causes, mut errors) = (Vec::new(), self.0.errors.clone());
        for cause in self.causes() {
            // what stands behind an error with places is their text
            if !errors.is_empty() {
                break;
            }
            causes.push(cause.to_string());
            let ours = cause.downcast_ref::<Self>();
            errors = ours.map_or_else(Vec::new, |ours| ours.0.errors.clone());
        }
        Told {
            kind: self.kind(),
            message: self.0.message.clone(),
            path: self.path().map(written),
            offset: self.0.offset,
            causes,
            errors,
            remedy: self.find_remedy().map(str::to_owned),
        }
    }

    /// The error with all that is behind it, but for what to do.
    pub fn in_one_line(&self) -> String {
        self.told().in_one_line()
    }
}

/// A path that can be written as JSON: one that is not UTF-8 could not.
fn written(path: &Path) -> PathBuf {
    path.to_string_lossy().into_owned().into()
}

impl Told {
    /// Place and fact, without what is behind it.
    pub fn headline(&self) -> String {
        let path = self.path.as_ref().map(|path| format!("{}: ", path.display()));
        let offset = self.offset.map(|offset| format!(" at byte {offset}"));
        path.unwrap_or_default() + &self.message + &offset.unwrap_or_default()
    }

    /// All of it but for what to do.
    pub fn in_one_line(&self) -> String {
        let errors = self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let mut parts = vec![self.headline()];
        parts.extend(self.causes.iter().cloned());
        parts.extend((!errors.is_empty()).then_some(errors));
        parts.join(": ")
    }
}

/// For people: a line for each part, and no colours.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        for error in &self.errors {
            write!(f, "\n  {error}")?;
            error.help.iter().try_for_each(|help| write!(f, "\n    help: {help}"))?;
        }
        self.causes.iter().try_for_each(|cause| write!(f, "\n  because: {cause}"))?;
        self.remedy.iter().try_for_each(|remedy| write!(f, "\n  help: {remedy}"))
    }
}

/// As compilers write it: file:line:column, what is wrong, what is meant.
impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.message)?;
        match self.label.as_str() {
            "" => Ok(()),
            label => write!(f, " ({label})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_a_profile() -> Error {
        let at = FileError {
            file: "profiles/a.toml".into(),
            line: Some(3),
            column: Some(8),
            message: "there is no base \"ubuntu\"".to_owned(),
            label: "did you mean \"ubuntu-24.04\"?".to_owned(),
            help: vec!["see `slipway base show`".to_owned()],
        };
        let text = std::io::Error::other("a picture of the line");
        Error::new(Kind::Input, "the profile has 1 error")
            .at("profiles/a.toml")
            .for_files(vec![at])
            .because(text)
    }

    #[test]
    fn programs_get_an_error_in_parts() {
        let cause = std::io::Error::other("it is full");
        let inner = Error::new(Kind::NoSpace, "cannot write").at("/x").because(cause);
        let outer = Error::new(Kind::Io, "no image").remedy("make room").because(inner);
        let json = serde_json::to_value(outer.told()).unwrap();
        let expected = serde_json::json!({
            "kind": "io", "message": "no image", "causes": ["/x: cannot write", "it is full"],
            "remedy": "make room",
        });
        assert_eq!(json, expected);
        assert_eq!(outer.in_one_line(), "no image: /x: cannot write: it is full");
    }

    #[test]
    fn places_in_files_are_told_through_the_chain_and_their_picture_is_not() {
        let outer = Error::new(Kind::Refused, "nothing was built").because(of_a_profile());
        let told = outer.told();
        assert_eq!(told.causes, ["profiles/a.toml: the profile has 1 error"]);
        assert_eq!((told.errors[0].line, told.errors[0].column), (Some(3), Some(8)));
        assert_eq!(
            of_a_profile().told().to_string(),
            "profiles/a.toml: the profile has 1 error\n  \
             profiles/a.toml:3:8: there is no base \"ubuntu\" (did you mean \"ubuntu-24.04\"?)\n    \
             help: see `slipway base show`"
        );
    }

    #[test]
    fn what_was_kept_is_read_back_with_whatever_later_versions_add() {
        for error in [of_a_profile(), Error::new(Kind::Damaged, "no end").at("/x").offset(512)] {
            let told = error.told();
            let mut kept = serde_json::to_value(&told).unwrap();
            kept["later"] = true.into();
            assert_eq!(serde_json::from_value::<Told>(kept).unwrap(), told);
            assert!(told.to_string().starts_with(&error.to_string()));
        }
    }

    #[test]
    fn a_path_that_is_no_text_can_be_told() {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::OsStr::from_bytes(b"/caf\xe9");
        let told = Error::new(Kind::Io, "cannot read").at(path).told();
        assert!(serde_json::to_string(&told).unwrap().contains("/caf\u{fffd}"));
    }
}
