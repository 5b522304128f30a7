//! Defaults of parameters: Hiera must find them, and no second ones.

use super::super::files::Files;
use super::super::generated::FACTS;
use super::yaml;
use crate::bundle::form::parameter::Parameters;
use crate::error::{Error, Kind, Result};

/// What a level of hiera.yaml names for the data that the builder writes.
const LEVEL: &str = "slipway.yaml";

/// Refuses a default that Hiera would not find, or that the site's own data has too: of two that differ, nobody
/// would know which one a machine gets.
pub(in super::super) fn parameters(files: &Files, parameters: &Parameters) -> Result<()> {
    let with_default = || parameters.iter().filter(|(_, parameter)| parameter.default.is_some());
    let Some((first, _)) = with_default().next() else { return Ok(()) };
    let paths: Vec<&str> = files.paths().collect();
    let levels = match paths.contains(&"hiera.yaml") {
        true => String::from_utf8_lossy(&files.read("hiera.yaml")?).into_owned(),
        false => String::new(),
    };
    if !levels.contains(LEVEL) {
        let message = format!("hiera.yaml has no level for the default of {first:?}");
        return Err(Error::new(Kind::Input, message)
            .at(files.place("hiera.yaml"))
            .remedy(format!("add one, the last, with `path: {LEVEL}`: the builder writes it")));
    }
    let own = |path: &&&str| path.starts_with("data/") && **path != FACTS;
    for path in paths.iter().filter(own) {
        let text = String::from_utf8_lossy(&files.read(path)?).into_owned();
        if let Some((key, line)) =
            with_default().find_map(|(key, _)| Some((key, find(&text, key)?)))
        {
            let message = format!("{key:?} has a default in SITE.toml, and a value here");
            let place = format!("{}:{line}", files.place(path).display());
            return Err(Error::new(Kind::Input, message).at(place).remedy(
                "keep one of them; without a default, write `optional = true` in SITE.toml",
            ));
        }
    }
    Ok(())
}

/// The line on which a key is at the top of a file of Hiera's.
fn find(text: &str, key: &str) -> Option<usize> {
    match yaml::parse(text) {
        Ok(node) => Some(node?.get(key)?.line),
        // Ruby's reader takes more than ours: there a name that is anywhere counts
        Err(_) => text.lines().position(|line| line.contains(key)).map(|line| line + 1),
    }
}
