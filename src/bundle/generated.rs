//! What the builder adds to a site: the files that READY's proof and the vendor's code rely on.

use super::manifest::{App, RELEASE_ID};
use crate::error::{Error, Kind, Result};

/// Hiera data that the builder writes; the site's hiera.yaml names it as a level.
pub(crate) const FACTS: &str = "data/slipway.yaml";

/// environment.conf: the site's own lines and config_version, which makes Puppet report the release.
pub(crate) fn environment(own: &str) -> Result<String> {
    let setting = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    if own.lines().any(|line| setting(line) == "config_version") {
        return Err(Error::new(Kind::Input, "environment.conf sets config_version")
            .remedy("leave the line out: the builder adds the one that prints the release id"));
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
    // the path goes through the link, so it is right after a release was swapped
    text.push_str("\n# added by slipway: a run reports which release it applied\n");
    text.push_str("config_version = /bin/cat $codedir/environments/$environment/");
    text.push_str(RELEASE_ID);
    text.push('\n');
    Ok(text.trim_start().to_owned())
}

/// The release and its apps as Hiera data. JSON is YAML, and cannot be broken out of.
pub(crate) fn facts(release: &str, apps: &[App]) -> Result<Vec<u8>> {
    let apps: serde_json::Map<String, serde_json::Value> = apps
        .iter()
        .map(|app| {
            let fact = serde_json::json!({
                "version": app.version, "file": app.file, "sha256": app.digest,
            });
            (app.name.clone(), fact)
        })
        .collect();
    let data = serde_json::json!({ "slipway::release": release, "slipway::apps": apps });
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
        let text = environment("").unwrap();
        assert!(text.starts_with("modulepath = modules:$basemodulepath\n"), "{text}");
        assert!(text.ends_with("/RELEASE_ID\n"), "{text}");
    }

    #[test]
    fn a_site_that_sets_config_version_is_refused() {
        assert!(environment("config_version=/bin/date\n").is_err());
    }

    #[test]
    fn a_site_that_hides_the_appliances_own_module_is_refused() {
        assert!(environment("modulepath = modules\n").is_err());
        let own = "modulepath = ours:$basemodulepath\n";
        assert!(environment(own).unwrap().starts_with(own));
    }
}
