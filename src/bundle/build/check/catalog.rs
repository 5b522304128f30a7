//! Every manifest, validated, and the site's catalog, compiled, by the builder's Puppet with the facts of each base that
//! the site is for: a class or a function that is not there is told here, and not on a customer's console.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::files::{FileBody, Files};
use super::super::site::Site;
use super::compiled::Judge;
use super::facts::{self, merge};
use super::systems::Target;
use super::{packages, puppet};
use crate::bundle::form::parameter::Takes;
use crate::error::{Context, Result};
use crate::progress::Progress;

/// The environment, below a folder that stands for the appliance's codedir.
const ENVIRONMENT: &str = "environments/production";
/// The appliance's own module, which the base gives every site.
const OWN: [(&str, &str); 3] = [
    ("sentinel.pp", include_str!("../../../../templates/firstboot/puppet/sentinel.pp")),
    ("port.pp", include_str!("../../../../templates/firstboot/puppet/port.pp")),
    ("ports.pp", include_str!("../../../../templates/firstboot/puppet/ports.pp")),
];
/// Where the distribution's packages of modules put them, here as on the appliance.
const PACKAGED: &str = "/usr/share/puppet/modules";

/// A machine's own number, in Hiera's data.
const INSTANCE: &str = "00000000-0000-4000-8000-000000000000";

/// Refuses a site with an invalid manifest, or whose catalog does not compile for one of its bases, lacks the sentinel, or copies a file of a
/// module that is not there.
pub(in super::super) fn check(
    files: &Files,
    site: &Site,
    wanted: &[Target],
    work: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    let (known, unknown): (Vec<_>, Vec<_>) =
        wanted.iter().partition(|target| target.system.is_some());
    for target in unknown {
        let name = &target.name;
        progress
            .note(&format!("{name}: its facts are not known here, its catalog is not compiled"));
    }
    let ask = |target: &&Target| {
        let system = target.system?;
        let mut facts = facts::of(system);
        merge(&mut facts, Value::Object(site.check.facts.clone()));
        Some(json!({ "name": target.name, "facts": facts, "strict": system.is_strict() }))
    };
    let bases: Vec<Value> = known.iter().filter_map(ask).collect();
    let manifests = puppet::manifests(files);
    let (count, catalogs) = (manifests.len(), bases.len());
    progress.step(&format!("checking {count} manifests, compiling {catalogs} catalogs"), None);
    let home = lay(files, site, work)?;
    let answer = puppet::ask(
        &home,
        &json!({
            "home": home, "manifests": manifests, "bases": bases, "basemodulepath": modules(site, &home),
        }),
    )?;
    let environment = home.join(ENVIRONMENT);
    let given = &site.check.facts;
    let judge = Judge { files, environment: &environment, targets: wanted, given };
    answer.bases.iter().try_for_each(|compiled| judge.judge(compiled))?;
    if known.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = known.iter().map(|target| target.name.as_str()).collect();
    progress.note(&format!(
        "the catalog compiles for {} (by this machine's Puppet {}, not the base's); {}",
        names.join(", "),
        answer.puppet,
        packages::in_words(&known)
    ));
    Ok(())
}

/// Lays the bundle's files out as an appliance has them: links, for apps are large.
fn lay(files: &Files, site: &Site, work: &Path) -> Result<PathBuf> {
    let work = work.canonicalize().at("cannot resolve", work)?;
    let home = work.join("catalog");
    for path in files.paths() {
        let target = home.join(ENVIRONMENT).join(path);
        match files.source(path)? {
            FileBody::Bytes(bytes) => write(&target, bytes)?,
            FileBody::File(file) => {
                let file = file.canonicalize().at("cannot resolve", file)?;
                folder_of(&target)?;
                symlink(&file, &target).at("cannot link", &target)?;
            }
        }
    }
    for (name, text) in OWN {
        write(&home.join("modules/slipway/manifests").join(name), text.as_bytes())?;
    }
    // Hiera's global layer, as templates/puppet/hiera.yaml has it: a customer's values, and the machine's own
    let mut global = json!({ "slipway::instance": INSTANCE, "slipway::secret": "0".repeat(64) });
    let needed = site.parameters.iter().flatten().filter(|(_, parameter)| parameter.is_needed());
    for (key, parameter) in needed {
        global[key] = example(parameter.takes);
    }
    merge(&mut global, Value::Object(site.check.hiera.clone()));
    write(&home.join("global.yaml"), global.to_string().as_bytes())?;
    let level = json!({ "name": "global", "datadir": home, "path": "global.yaml", "data_hash": "yaml_data" });
    let hiera = json!({ "version": 5, "hierarchy": [level] });
    write(&home.join("hiera.yaml"), hiera.to_string().as_bytes())?;
    fs::create_dir_all(home.join("state")).at("cannot create the folder", home.join("state"))?;
    Ok(home)
}

/// What stands for a value that every profile has to give.
fn example(takes: Takes) -> Value {
    match takes {
        Takes::String => json!("example"),
        Takes::Integer => json!(1),
        Takes::Number => json!(1.5),
        Takes::Boolean => json!(true),
        Takes::List => json!([]),
        Takes::Table => json!({}),
    }
}

fn folder_of(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).at("cannot create the folder", folder)
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    folder_of(file)?;
    fs::write(file, bytes).at("cannot write", file)
}

/// The builder's packages of modules count only for a site whose image has such packages.
fn modules(site: &Site, home: &Path) -> String {
    let own = home.join("modules").display().to_string();
    let packaged = site.needs.packages.iter().any(|name| name.starts_with("puppet-module-"));
    if packaged { format!("{own}:{PACKAGED}") } else { own }
}
