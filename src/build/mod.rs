//! The recipe: one short function that calls the rooms in order. `handover` is what lies beside the images.

mod built;
mod handover;

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{self, Root};
use crate::bundle::{self, Bundle};
use crate::disk::{self, Disk, DiskSpec};
use crate::error::{Context, Result};
use crate::format;
use crate::layer::{config, customer, firstboot, puppet};
use crate::manifest::{IMAGE_RECORD, ImageRecord, PROBES, Package};
use crate::pack::Pack;
use crate::plan::{self, Order, Plan};
use crate::profile::{Format, Release};
use crate::progress::Progress;
use crate::tree::Tree;
use crate::whole::Turn;

pub use built::{Artifact, Built, LATEST, latest};
pub use handover::{PAGE, SUMS};

use built::json;
use handover::Handover;

/// What all builds share, whatever they are of. What belongs to one order alone is passed beside it: the order, and
/// the reader of its store.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// Roots and their layers.
    pub bases: base::Cache,
    /// The cache's folder: bundles and what was unpacked from them.
    pub cache: PathBuf,
    /// Encoded regions of disks, which images share.
    pub encoded: format::Cache,
    /// Artifacts go to a folder of the customer's in it.
    pub out: PathBuf,
    /// Whether to work out the artifacts' SHA-256.
    pub digests: bool,
    /// Whether to read the whole base and its layers first; without, what is read is checked by its sums.
    pub verify: bool,
    /// How many threads encode an image.
    pub threads: NonZeroUsize,
}

/// A plan with all that it pins at hand: from here on the network is not touched.
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The base with its layers.
    pub root: Root,
    /// The bundle.
    pub bundle: Bundle,
}

/// Builds an order's image in every format that it asks for; gives the record's path and what it says.
///
/// Another build of the same plan that is running is waited for, and its result is taken.
///
/// # Errors
/// Whatever the rooms say. Each artifact's name then holds what it held before or the whole new artifact, and the
/// record and [`LATEST`] name complete builds alone. (Several names cannot be given at one moment; each holds the
/// plan's digest, so that none of them stands for two contents.) [`crate::error::Kind::Interrupted`] when `progress` says so: nothing
/// of the build is left then but what it put into the cache.
pub fn build(
    order: &Order,
    bundles: &bundle::BundleReader<'_>,
    workshop: &Workshop,
    progress: &dyn Progress,
) -> Result<(PathBuf, Built)> {
    let bundle = fetch(order, bundles, progress)?;
    let prepared = prepare(order, bundle, workshop, progress)?;
    if workshop.verify {
        progress.step("reading the base", None);
        let verify = |pack: &Arc<Pack>| progress.go_on().and_then(|()| pack.verify());
        prepared.root.packs.iter().try_for_each(verify)?;
    }
    let folder = workshop.out.join(&order.profile.customer.id);
    std::fs::create_dir_all(&folder).at("cannot make the folder", &folder)?;
    let stem = prepared.plan.stem()?;
    let path = folder.join(format!("{stem}.json"));
    let mut waited = false;
    let _turn = Turn::wait(&path, progress, || {
        waited = true;
        progress.note(&format!("another build is making {stem}: waiting for it"));
    })?;
    if waited && let Some(built) = finished(&path, &prepared.plan, order, workshop)? {
        progress.note("that build is complete, and this is its result");
        return Ok((path, built));
    }
    let bundle = prepared.bundle.clone();
    let contents = contents(order, prepared, workshop, progress)?;
    let record = &contents.record;
    let encoded = Some(&workshop.encoded);
    let artifacts =
        write(&contents, &order.profile.formats, &folder, &stem, encoded, workshop, progress)?;
    let built = Built { record: record.clone(), artifacts };
    if !workshop.digests {
        progress.note("there is no SHA256SUMS: this build was told to work out no digests");
    }
    handover::write(
        &folder,
        &Handover { stem: &stem, profile: &order.profile, bundle: &bundle, built: &built },
    )?;
    Ok((path, built))
}

/// Writes an image's disk in these formats, as `<stem>.<ending>` in `folder`.
///
/// Without `encoded`, every region is encoded anew: for whoever wants to see whether the same bytes come out.
pub fn write(
    contents: &Contents,
    formats: &[Format],
    folder: &Path,
    stem: &str,
    encoded: Option<&format::Cache>,
    workshop: &Workshop,
    progress: &dyn Progress,
) -> Result<Vec<Artifact>> {
    let disk = assemble(contents)?;
    let wanted = formats.iter().map(|&format| {
        let path = folder.join(format!("{stem}.{}", format::extension(format)));
        format::Wanted { format, path }
    });
    let wanted: Vec<_> = wanted.collect();
    let job = format::Job {
        disk: &disk,
        machine: &format::Machine::of(&contents.record),
        cache: encoded,
        digests: workshop.digests,
        threads: workshop.threads,
    };
    Ok(format::write(&job, &wanted, progress)?.iter().map(Artifact::from).collect())
}

/// What another build of the plan made, when it has all that is asked for here.
fn finished(path: &Path, plan: &Plan, order: &Order, workshop: &Workshop) -> Result<Option<Built>> {
    let text = match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.at("cannot read the record", path)?,
    };
    let Ok(built) = serde_json::from_slice::<Built>(&text) else { return Ok(None) };
    let whole = |artifact: &Artifact| {
        let there = std::fs::metadata(path.with_file_name(&artifact.file));
        there.is_ok_and(|meta| meta.len() == artifact.size.bytes())
            && (artifact.sha256.is_some() || !workshop.digests)
    };
    let made = |format: &Format| built.artifacts.iter().any(|a| a.format == *format && whole(a));
    let same = built.record.plan == plan.digest()?;
    Ok((same && order.profile.formats.iter().all(made)).then_some(built))
}

/// Pulls the order's bundle, and refuses one that does not fit.
pub fn fetch(
    order: &Order,
    bundles: &bundle::BundleReader<'_>,
    progress: &dyn Progress,
) -> Result<Bundle> {
    fetch_wanted(order, &wanted(order.profile.release()?)?, bundles, progress)
}

/// The same for a release that the caller names, whatever the profile follows.
pub fn fetch_wanted(
    order: &Order,
    wanted: &bundle::Wanted,
    bundles: &bundle::BundleReader<'_>,
    progress: &dyn Progress,
) -> Result<Bundle> {
    let bundle = bundles.pull(&order.profile.site.parse()?, wanted, progress)?;
    bundle.manifest.needs.check_base(&order.definition.name)?;
    bundle::check_settings(bundle.manifest.parameters.as_ref(), &order.profile.hiera)?;
    Ok(bundle)
}

/// A profile's release as a store is asked for it.
pub fn wanted(release: Release<'_>) -> Result<bundle::Wanted> {
    Ok(match release {
        Release::Newest(channel) => bundle::Wanted::Channel(channel.parse()?),
        Release::Pinned(version) => bundle::Wanted::Version(version.parse()?),
    })
}

/// Makes the base and its layers, or takes them from the cache, and pins everything.
pub fn prepare(
    order: &Order,
    bundle: Bundle,
    workshop: &Workshop,
    progress: &dyn Progress,
) -> Result<Prepared> {
    let layers = plan::layers(order, &bundle)?;
    // a name that no archive has is found before minutes of work, and not behind them
    let ahead = |from: usize| -> Vec<String> {
        layers[from..].iter().flat_map(|layer| layer.packages.clone()).collect()
    };
    let mut root = workshop.bases.ensure_for(&order.definition, &ahead(0), progress)?;
    for (i, layer) in layers.iter().enumerate() {
        root = workshop.bases.ensure_layer_for(root, layer, &ahead(i), progress)?;
    }
    plan::check_puppet(&root, &bundle)?;
    Ok(Prepared { plan: Plan::new(order, &root, &bundle)?, root, bundle })
}

/// What is cached of an order, without making anything: all of it, or the names of what is missing.
pub fn look(
    order: &Order,
    bundle: &Bundle,
    workshop: &Workshop,
    progress: &dyn Progress,
) -> Result<std::result::Result<Prepared, Vec<String>>> {
    let layers = plan::layers(order, bundle)?;
    let mut missing: Vec<String> = layers.iter().map(|l| format!("layer {}", l.name)).collect();
    let Some(mut root) = workshop.bases.find(&order.definition, progress)? else {
        missing.insert(0, format!("base {}", order.definition.name));
        return Ok(Err(missing));
    };
    for layer in &layers {
        let Some(found) = workshop.bases.find_layer(root, layer, progress)? else {
            return Ok(Err(missing));
        };
        root = found;
        missing.remove(0);
    }
    let plan = Plan::new(order, &root, bundle)?;
    Ok(Ok(Prepared { plan, root, bundle: bundle.clone() }))
}

/// The root filesystem of an image, and what its disk needs to know beside it.
pub struct Contents {
    /// What it was made by.
    pub plan: Plan,
    /// Every entry.
    pub tree: Tree,
    /// The packs that files lie in, the base's first.
    pub packs: Vec<Arc<Pack>>,
    /// The disk around it.
    pub spec: DiskSpec,
    /// What went in.
    pub record: ImageRecord,
    /// The locks that keep the packs in the cache.
    _holds: Vec<Arc<File>>,
}

/// The base, and then each layer's additions: nothing is written yet but packs in the cache.
pub fn contents(
    order: &Order,
    prepared: Prepared,
    workshop: &Workshop,
    progress: &dyn Progress,
) -> Result<Contents> {
    let Prepared { plan, root, bundle } = prepared;
    let Root { mut tree, mut packs, packages, holds, .. } = root;
    progress.go_on()?;
    progress.step(&format!("assembling {}", plan.stem()?), None);
    let spec = DiskSpec {
        size: plan.profile.hardware.disk,
        plan: plan.digest()?,
        time: plan.time,
        command_line: Vec::new(),
    };
    let master = puppet::MasterFacts { mode: plan.profile.master.mode, time: plan.time };
    puppet::configure(&mut tree, &master)?;
    packs.extend(config::add(&mut tree, &bundle, config::CODE, &workshop.cache, plan.time)?);
    let inputs = customer::Inputs { sources: order.sources.clone(), time: plan.time };
    customer::add(&mut tree, &plan.profile, &inputs)?;
    firstboot::add(&mut tree, &first_boot(&plan, &bundle))?;
    let record = add_record(&mut tree, &plan, packages)?;
    disk::bootloader::configure(&mut tree, &spec)?;
    Ok(Contents { plan, tree, packs, spec, record, _holds: holds })
}

/// Lays in what was built, and the probes that a smoke test asks. Root's alone: nobody else on the machine needs
/// them, and a short value could be guessed from its digest.
pub fn add_record(tree: &mut Tree, plan: &Plan, packages: Vec<Package>) -> Result<ImageRecord> {
    let record = plan.record(packages)?;
    tree.put_file(IMAGE_RECORD, 0o600, plan.time, json(&record)?)?;
    if !plan.profile.probes.is_empty() {
        tree.put_file(PROBES, 0o600, plan.time, json(&plan.profile.probes)?)?;
    }
    Ok(record)
}

/// Everything of the image as a value.
pub fn assemble(contents: &Contents) -> Result<Disk> {
    disk::compose(&contents.tree, &contents.packs, &contents.spec)
}

fn first_boot(plan: &Plan, bundle: &Bundle) -> firstboot::FirstBootFacts {
    let profile = &plan.profile;
    firstboot::FirstBootFacts {
        product: profile.product().to_owned(),
        banner: profile.branding.banner.clone(),
        release: bundle.manifest.release.clone(),
        site: profile.site.clone(),
        mode: profile.master.mode,
        interval_minutes: profile.master.interval_minutes,
        grow: profile.hardware.grow,
        time: plan.time,
        health: firstboot::Health::choose(&bundle.manifest.health, &profile.probes),
        probes: profile.probes.clone(),
    }
}
