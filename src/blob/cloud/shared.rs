//! `~/.aws/credentials`: where S3's own tools keep keys, the second place of their usual chain.

use std::path::PathBuf;

use super::super::Settings;
use crate::error::{Context, Result};

/// Keys of one section of the file.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Shared {
    pub(super) id: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) token: Option<String>,
}

/// The keys of `$AWS_PROFILE`, or else of `default`; none if there is no such file.
pub(super) fn read(settings: &Settings) -> Result<Shared> {
    let home = || settings.get("HOME").map(|home| PathBuf::from(home).join(".aws/credentials"));
    let named = settings.get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
    let Some(path) = named.clone().or_else(home) else { return Ok(Shared::default()) };
    let text = match std::fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            return Ok(Shared::default());
        }
        read => read.at("cannot read the credentials", &path)?,
    };
    Ok(section(&text, settings.get("AWS_PROFILE").unwrap_or("default")))
}

fn section(text: &str, wanted: &str) -> Shared {
    let mut shared = Shared::default();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = name.trim() == wanted;
        } else if let (true, Some((name, value))) = (inside, line.split_once('=')) {
            let value = Some(value.trim().to_owned());
            match name.trim() {
                "aws_access_key_id" => shared.id = value,
                "aws_secret_access_key" => shared.secret = value,
                "aws_session_token" => shared.token = value,
                _ => {}
            }
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_section_is_read_and_no_other() {
        let text = "[default]\naws_access_key_id = A\n# x\n[ci]\naws_access_key_id=B\n\
                    aws_secret_access_key = s=/+\n[other]\naws_session_token = t\n";
        let found = section(text, "ci");
        assert_eq!((found.id.as_deref(), found.secret.as_deref()), (Some("B"), Some("s=/+")));
        assert!(found.token.is_none());
        assert!(section(text, "absent") == Shared::default());
    }
}
