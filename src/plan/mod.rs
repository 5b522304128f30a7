//! Everything that makes one image, resolved and pinned. Pure data: printable, comparable, serialisable;
//! its digest names the build, and equal plans give equal bytes.

mod record;

use std::collections::BTreeMap;

pub use record::{Outlook, PlanRecord, kept};

use serde::{Deserialize, Serialize};

use crate::base::{self, LayerSpec};
use crate::bundle::{self, Bundle};
use crate::error::{Error, Kind, Result};
use crate::layer::puppet;
use crate::manifest::{
    self, BaseRecord, BundleRecord, ImageRecord, Package, ProfileRecord, RECORD_FORMAT,
};
use crate::profile::{MasterMode, Profile};
use crate::units::{Digest, Timestamp};

/// Which bytes a plan stands for. It goes into the digest that names the build, so it is raised whenever this program
/// would make other bytes of the same profile, base and bundle than one before it: two images of one name are then never
/// different. A plan with a field more has another digest by that alone.
///
/// It says nothing about who can read a plan: every version reads every [`PlanRecord`], whatever number is in it.
pub const FORMAT: u32 = 1;

/// What a customer asked for, with everything that the request names already read.
#[derive(Clone, Debug)]
pub struct Order {
    /// The profile with everything inherited.
    pub profile: Profile,
    /// The bytes of the files that the profile names as `source`, by that name.
    pub sources: BTreeMap<String, Vec<u8>>,
    /// The base's definition.
    pub definition: base::Definition,
}

/// One image, pinned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this format: [`FORMAT`].
    pub format: u32,
    /// The builder's version.
    pub builder: String,
    /// The image's time: the newest of all that goes in.
    pub time: Timestamp,
    /// The profile with everything inherited.
    pub profile: Profile,
    /// The digests of the profile's source files.
    pub sources: BTreeMap<String, Digest>,
    /// The base with its layers.
    pub base: BaseRecord,
    /// The layers on the base, from below.
    pub layers: Vec<String>,
    /// The bundle.
    pub bundle: BundleRecord,
}

impl Order {
    /// The digests of the profile's source files.
    pub fn digests(&self) -> BTreeMap<String, Digest> {
        self.sources.iter().map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect()
    }
}

impl Plan {
    /// Pins an order: `root` is the base with all of [`layers`] on it.
    pub fn new(order: &Order, root: &base::Root, bundle: &Bundle) -> Result<Self> {
        let definition = &order.definition;
        Ok(Self {
            format: FORMAT,
            builder: env!("CARGO_PKG_VERSION").to_owned(),
            time: root.time.max(bundle.manifest.created),
            profile: order.profile.clone(),
            sources: order.digests(),
            base: BaseRecord { name: definition.name.clone(), digest: root.digest },
            layers: layers(order, bundle)?.into_iter().map(|layer| layer.name).collect(),
            bundle: BundleRecord {
                site: bundle.manifest.site.to_string(),
                release: bundle.manifest.release.clone(),
                digest: bundle.digest,
            },
        })
    }

    /// The digest that names the build.
    pub fn digest(&self) -> Result<Digest> {
        let json = serde_json::to_vec(self)
            .map_err(|e| Error::new(Kind::Input, "the plan cannot be written").because(e))?;
        Ok(Digest::of(json))
    }

    /// The artifacts' name without an ending.
    pub fn stem(&self) -> Result<String> {
        Ok(manifest::stem(&self.profile.customer.id, &self.bundle, self.digest()?))
    }

    /// The record that lies in the image.
    pub fn record(&self, packages: Vec<Package>) -> Result<ImageRecord> {
        Ok(ImageRecord {
            format: RECORD_FORMAT,
            builder: self.builder.clone(),
            plan: self.digest()?,
            time: self.time,
            profile: ProfileRecord::of(&self.profile, &self.sources)?,
            base: self.base.clone(),
            bundle: self.bundle.clone(),
            packages,
        })
    }
}

/// The layers that an order puts on its base, from below: what most customers share comes first.
///
/// The master has a layer of its own, without the site's packages: compiling it costs most of a minute,
/// and every customer of a base shares it.
pub fn layers(order: &Order, bundle: &Bundle) -> Result<Vec<LayerSpec>> {
    let mut layers = Vec::new();
    if order.profile.master.mode == MasterMode::Puppetserver {
        layers.push(puppet::master_layer(&order.definition.puppet.server)?);
    }
    layers.push(packages("site", &bundle.manifest.needs.packages, &bundle.manifest.needs.files));
    layers.push(packages("customer", &order.profile.packages, &[]));
    layers.retain(|layer| !layer.is_empty());
    Ok(layers)
}

fn packages(name: &str, packages: &[String], files: &[bundle::NeededFile]) -> LayerSpec {
    /// Configuration that packages read while they are installed is neither secret nor a program.
    const MODE: u16 = 0o644;
    let mut packages = packages.to_vec();
    packages.sort();
    packages.dedup();
    let files = files.iter().map(|f| (f.path.clone(), MODE, f.content.clone().into_bytes()));
    LayerSpec { name: name.to_owned(), packages, files: files.collect(), script: None }
}

/// Refuses a base whose Puppet is too old for the bundle.
///
/// # Errors
/// [`Kind::Refused`], naming both versions.
pub fn check_puppet(root: &base::Root, bundle: &Bundle) -> Result<()> {
    let agents = &root.definition.puppet.agent;
    let installed = root.packages.iter().find(|package| agents.contains(&package.name));
    match installed {
        Some(agent) => bundle.manifest.needs.check_puppet(&agent.version),
        // a pinned root file system may bring a Puppet that no package knows: first boot says what it finds
        None => Ok(()),
    }
}
