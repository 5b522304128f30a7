//! What a bundle asks of the image: checked in form, because the words end up in arguments, files and
//! requests on the appliance, and checked against the image that is being built.

use super::manifest::{Health, Manifest, NeededFile, Needs};
use super::release::three;
use crate::error::{Error, Kind, Result};
use crate::tree::TreePath;

impl Needs {
    /// Refuses a base that the bundle was not made for; `base` is the definition's name, as in "debian-12".
    ///
    /// # Errors
    /// [`Kind::Refused`], naming the bases that would do.
    pub fn check_base(&self, base: &str) -> Result<()> {
        if self.os.is_empty() || self.os.iter().any(|os| os == base) {
            return Ok(());
        }
        Err(Error::new(Kind::Refused, format!("the bundle is not made for {base}"))
            .remedy(format!("set `base` in the profile to one of: {}", self.os.join(", "))))
    }

    /// Refuses a Puppet that is too old; `puppet` is the agent's version as dpkg has it, as in
    /// "7.23.0-1+deb12u1".
    ///
    /// # Errors
    /// [`Kind::Refused`], naming both versions.
    pub fn check_puppet(&self, puppet: &str) -> Result<()> {
        let Some(wanted) = &self.puppet else { return Ok(()) };
        let least = least_major(wanted)?;
        if major(puppet).is_some_and(|found| found >= least) {
            return Ok(());
        }
        let message = format!("the bundle needs Puppet {wanted}, the base has {puppet}");
        Err(Error::new(Kind::Refused, message).remedy("choose a newer base in the profile"))
    }

    pub(in crate::bundle) fn check_form(&self) -> Result<()> {
        if let Some(wanted) = &self.puppet {
            least_major(wanted)?;
        }
        for os in &self.os {
            check_printable("a base", os)?;
        }
        self.packages.iter().try_for_each(|name| check_package(name))?;
        self.files.iter().try_for_each(check_file)
    }
}

/// Checks all that a manifest says in words.
pub(in crate::bundle) fn check_words(manifest: &Manifest) -> Result<()> {
    manifest.needs.check_form()?;
    manifest.health.iter().try_for_each(check_health)?;
    for (key, parameter) in manifest.parameters.iter().flatten() {
        parameter.check(key)?;
    }
    check_printable("the commit", manifest.commit.as_deref().unwrap_or("-"))?;
    for module in &manifest.modules {
        check_printable("a module", &module.name)?;
        check_printable("a module's version", module.version.as_deref().unwrap_or("-"))?;
        check_printable("a module's package", module.package.as_deref().unwrap_or("-"))?;
        check_printable("a module's commit", module.commit.as_deref().unwrap_or("-"))?;
        check_printable("a module's source", module.source.as_deref().unwrap_or("-"))?;
    }
    for app in &manifest.apps {
        check_printable("an app", &app.name)?;
        check_printable("an app's version", &app.version)?;
        check_printable("an app's commit", app.commit.as_deref().unwrap_or("-"))?;
        check_printable("an app's channel", app.channel.as_deref().unwrap_or("-"))?;
        let listed =
            |f: &&super::manifest::FileRecord| f.path == app.file && f.sha256 == app.digest;
        if !manifest.files.iter().any(|f| listed(&f)) {
            let message = format!("the bundle does not hold the file of its app {}", app.name);
            return Err(Error::new(Kind::Damaged, message));
        }
    }
    Ok(())
}

pub(in crate::bundle) fn check_health(health: &Health) -> Result<()> {
    check_printable("a health path", &health.path)?;
    if !health.path.starts_with('/') {
        let message = format!("the health path {:?} is not absolute", health.path);
        return Err(Error::new(Kind::Input, message).remedy("write \"/health\""));
    }
    if health.port == 0 || !(100..600).contains(&health.status) {
        let Health { path, port, status, .. } = health;
        let message = format!("port {port}, status {status} of {path} cannot be");
        return Err(Error::new(Kind::Input, message));
    }
    match &health.text {
        Some(text) if text.is_empty() || text.chars().any(char::is_control) => {
            Err(Error::new(Kind::Input, "a health text is empty or holds a control character"))
        }
        _ => Ok(()),
    }
}

/// Debian policy 5.6.1, less the upper case that nobody uses.
fn check_package(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if first && name.len() > 1 && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("{name:?} cannot be a package's name")))
}

fn check_file(file: &NeededFile) -> Result<()> {
    let path = TreePath::new(file.path.as_bytes())?;
    let plain = !file.path.chars().any(char::is_control);
    if plain && !path.is_root() && path.to_string() == file.path {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("the needed file {:?} cannot be", file.path))
        .remedy("write an absolute path"))
}

/// Visible ASCII without blanks: what may stand in a terminal, a log and a request line.
fn check_printable(what: &str, word: &str) -> Result<()> {
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let shown = word.escape_default();
    Err(Error::new(Kind::Input, format!("\"{shown}\" cannot be {what}"))
        .remedy("use visible ASCII characters"))
}

/// `>= 7`, the one form that there is: newer majors are refused by those who built on them.
fn least_major(wanted: &str) -> Result<u32> {
    wanted.strip_prefix(">= ").and_then(|v| v.parse().ok()).ok_or_else(|| {
        Error::new(Kind::Input, format!("{wanted:?} is not a need for Puppet"))
            .remedy("write it as \">= 7\"")
    })
}

fn major(version: &str) -> Option<u32> {
    let upstream = version.split(['-', '+', '~']).next()?;
    three(upstream).map(|[major, ..]| major)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(puppet: &str) -> Needs {
        let os = vec!["debian-12".to_owned()];
        Needs { os, puppet: Some(puppet.to_owned()), ..Needs::default() }
    }

    #[test]
    fn a_base_that_the_bundle_was_not_made_for_is_refused() {
        assert!(needs(">= 7").check_puppet("7.23.0-1+deb12u1").is_ok());
        assert!(needs(">= 7").check_puppet("8.4.0-1").is_ok());
        assert!(needs(">= 8").check_puppet("7.23.0-1").is_err());
        let error = needs(">= 7").check_base("debian-13").unwrap_err();
        assert_eq!(error.find_remedy(), Some("set `base` in the profile to one of: debian-12"));
    }

    #[test]
    fn words_that_could_break_out_are_refused() {
        for name in ["", "-y", "a b", "a;b", "A", "../x", "a=1"] {
            assert!(check_package(name).is_err(), "{name}");
        }
        for path in ["", "/", "etc/x", "/etc/../x", "/etc//x", "/a\nb"] {
            let file = NeededFile { path: path.to_owned(), content: String::new() };
            assert!(check_file(&file).is_err(), "{path:?}");
        }
        for path in ["", "health", "/a b", "/\r\nX: y", "/é"] {
            let health = Health { path: path.to_owned(), port: 80, status: 200, text: None };
            assert!(check_health(&health).is_err(), "{path:?}");
        }
        assert!(needs("7").check_form().is_err());
    }
}
