//! What a bundle is built from, as arguments of `slipway bundle build`.

use std::collections::BTreeMap;

use crate::app::{AppName, Channel, Tests};
use crate::bundle::{self, Locking};
use crate::error::{Error, Kind, Result};
use crate::project::Surroundings;

use super::signing;

/// Arguments that `slipway bundle build` flattens into its own.
#[derive(Debug, clap::Args)]
pub(super) struct Inputs {
    /// The store of apps, instead of the one in SITE.toml.
    #[arg(long, value_name = "STORE")]
    apps: Option<String>,
    /// Take an app's newest version from another channel, as in ui=template-scripts.
    #[arg(long = "app", value_name = "NAME=CHANNEL")]
    channels: Vec<String>,
    /// The forge: a mirror's URL, or a folder of release tarballs.
    #[arg(long, value_name = "PLACE")]
    forge: Option<String>,
    /// Do not run the tests of apps that are packed with the bundle.
    #[arg(long)]
    no_test: bool,
    /// Let tests and scripts of apps see this variable; can be given several times. From the environment they
    /// otherwise see PATH, HOME, the language and the like, but neither keys nor tokens.
    #[arg(long = "env", value_name = "NAME")]
    variables: Vec<String>,
    /// Do not let Puppet check the manifests and compile the catalog.
    #[arg(long)]
    no_puppet_check: bool,
}

impl Inputs {
    /// The library's form, with the credentials, the trusted keys and the bases of where we are.
    pub(super) fn read(
        &self,
        surroundings: &Surroundings,
        locking: Locking,
    ) -> Result<bundle::Inputs> {
        Ok(bundle::Inputs {
            apps: self.apps.clone(),
            channels: self
                .channels
                .iter()
                .map(|word| one(word))
                .collect::<Result<BTreeMap<_, _>>>()?,
            forge: self.forge.clone(),
            settings: surroundings.stores.clone(),
            trust: surroundings.trust_if_any()?,
            now: signing::now(),
            locking,
            tests: if self.no_test { Tests::Skip } else { Tests::Run },
            variables: self.variables.clone(),
            puppet: !self.no_puppet_check,
            bases: surroundings.bases_if_any()?,
        })
    }
}

fn one(word: &str) -> Result<(AppName, Channel)> {
    let (app, channel) = word.split_once('=').ok_or_else(|| {
        Error::new(Kind::Input, format!("--app {word:?} names no channel"))
            .remedy("write it as --app ui=template-scripts")
    })?;
    Ok((app.parse()?, channel.parse()?))
}
