//! What the builder adds to a site: the files that READY's proof and the vendor's code rely on.

use crate::bundle::form::manifest::{App, RELEASE_ID};
use crate::bundle::form::parameter::Parameters;
use crate::error::{Error, Kind, Result};

/// Hiera data that the builder writes; the site's hiera.yaml names it as a level.
pub(crate) const FACTS: &str = "data/slipway.yaml";

/// Puppet's settings of the environment.
pub(crate) const ENVIRONMENT: &str = "environment.conf";
/// The setting that makes a run report the release. The path goes through the link, so it is right after a
/// release was swapped.
const VERSION: &str = "config_version = /bin/cat $codedir/environments/$environment/";

/// Refuses an environment.conf that the builder has not finished.
pub(crate) fn check_environment(text: &str) -> Result<()> {
    if text.lines().any(|line| line == format!("{VERSION}{RELEASE_ID}")) {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, "environment.conf does not make a run report the release"))
}

/// environment.conf: the site's own lines and config_version, which makes Puppet report the release.
///
/// `paths` are the bundle's files: what the lines name must be among them.
pub(crate) fn environment(own: &str, paths: &[&str]) -> Result<String> {
    let setting = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    if own.lines().any(|line| setting(line) == "config_version") {
        return Err(Error::new(Kind::Input, "environment.conf sets config_version")
            .remedy("leave the line out: the builder adds the one that prints the release id"));
    }
    for line in own.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let value = line.split_once('=').map_or("", |(_, value)| value.trim());
        match setting(line).as_str() {
            "manifest" => check_there("manifest", value, paths)?,
            "modulepath" => {
                value.split(':').try_for_each(|part| check_there("modulepath", part, paths))?
            }
            _ => {}
        }
        if setting(line) == "modulepath"
            && paths.iter().any(|path| path.starts_with("modules/"))
            && !value.split(':').any(|part| plain(part) == "modules")
        {
            return Err(Error::new(Kind::Input, "modulepath lacks modules")
                .remedy("write `modulepath = modules:$basemodulepath`: the bundle's modules are in the folder modules"));
        }
    }
    let mut text = own.trim_end().to_owned();
    match own.lines().find(|line| setting(line) == "modulepath") {
        None => text.push_str("\nmodulepath = modules:$basemodulepath"),
        Some(line) if line.contains("$basemodulepath") => {}
        Some(_) => {
            return Err(Error::new(Kind::Input, "modulepath lacks $basemodulepath")
                .remedy("write `modulepath = modules:$basemodulepath`: the appliance's own module slipway is there"));
        }
    }
    text.push_str("\n# added by slipway: a run reports which release it applied\n");
    text.push_str(VERSION);
    text.push_str(RELEASE_ID);
    text.push('\n');
    Ok(text.trim_start().to_owned())
}

/// Refuses a folder or file that a setting names and the bundle does not hold: Puppet would find nothing there,
/// and say nothing.
fn check_there(setting: &str, value: &str, paths: &[&str]) -> Result<()> {
    let name = plain(value);
    let there = |path: &&str| **path == name || path.starts_with(&format!("{name}/"));
    // with a dollar sign it is Puppet's own; an absolute folder is the appliance's
    let absolute = value.starts_with('/') && setting == "modulepath";
    if value.contains('$') || absolute || (!value.starts_with('/') && paths.iter().any(there)) {
        return Ok(());
    }
    let message = format!("{setting} names {value:?}, which is not in the bundle");
    Err(Error::new(Kind::Input, message).remedy(
        "a bundle has manifests/, modules/ and data/; leave the line out where they are meant",
    ))
}

/// `./modules/` as `modules`.
fn plain(path: &str) -> String {
    let parts = path.trim().split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

/// The release, its apps and the defaults of the site's parameters as Hiera data. JSON is YAML, and cannot be broken
/// out of.
pub(crate) fn facts(
    release: &str,
    apps: &[App],
    parameters: Option<&Parameters>,
) -> Result<Vec<u8>> {
    let apps: serde_json::Map<String, serde_json::Value> = apps
        .iter()
        .map(|app| {
            let fact = serde_json::json!({
                "version": app.version, "file": app.file, "sha256": app.digest,
            });
            (app.name.clone(), fact)
        })
        .collect();
    let mut data = serde_json::json!({ "slipway::release": release, "slipway::apps": apps });
    for (key, parameter) in parameters.into_iter().flatten() {
        if let Some(default) = &parameter.default {
            data[key] = default.clone();
        }
    }
    let mut text = serde_json::to_vec_pretty(&data)
        .map_err(|e| Error::new(Kind::Input, "cannot write the facts").because(e))?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_without_environment_conf_gets_one_that_prints_the_release() {
        let text = environment("", &[]).unwrap();
        assert!(text.starts_with("modulepath = modules:$basemodulepath\n"), "{text}");
        assert!(text.ends_with("/RELEASE_ID\n"), "{text}");
    }

    #[test]
    fn a_site_that_sets_config_version_is_refused() {
        assert!(environment("config_version=/bin/date\n", &[]).is_err());
    }

    #[test]
    fn a_setting_that_names_what_is_not_in_the_bundle_is_refused() {
        let paths = ["manifests/site.pp", "modules/x/manifests/init.pp"];
        for good in [
            "",
            "manifest = manifests\n",
            "manifest = ./manifests/site.pp\n",
            "# manifest = x\n",
            "modulepath = ./modules/:$basemodulepath\n",
            "manifest = $confdir/x\n",
        ] {
            assert!(environment(good, &paths).is_ok(), "{good}");
        }
        for bad in [
            "manifest = site.pp\n",
            "modulepath = site:$basemodulepath\n",
            "modulepath = $basemodulepath\n",
            "manifest = /etc/x.pp\n",
        ] {
            assert!(environment(bad, &paths).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_site_that_hides_the_appliances_own_module_is_refused() {
        assert!(environment("modulepath = modules\n", &[]).is_err());
        let own = "modulepath = ours:$basemodulepath\n";
        assert!(environment(own, &["ours/x/manifests/init.pp"]).unwrap().starts_with(own));
    }
}
