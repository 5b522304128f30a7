//! The customers, and the folder in which everything is measured.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use slipway::build::{self, Contents};
use slipway::disk::Disk;
use slipway::format::encode::DEFAULT_LIMIT;
use slipway::format::{self, Cache, Job, Machine, Wanted, Written};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::tree::tar;
use slipway::units::ByteSize;

use crate::common::project::Project;
use crate::run::remove;

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Scale {
    /// The site of the sample vendor.
    pub site: &'static str,
    /// Runs of each command, the best of which counts.
    pub rounds: usize,
    /// Customers of the curve.
    pub customers: usize,
}

/// The inputs of the measurements.
pub struct Inputs {
    pub scale: Scale,
    /// This run's own folder.
    pub folder: tempfile::TempDir,
    pub project: Project,
    /// The first customer's whole root as one tar.
    pub tar: PathBuf,
    pub first: Disk,
    pub second: Disk,
    pub contents: Contents,
    /// The files that differ between the two customers, for a program that writes them into a copy.
    pub size: ByteSize,
}

/// The disk of every customer: the smallest that profiles may ask for.
pub const DISK: &str = "3 GiB";

fn profile(scale: Scale, customer: usize) -> String {
    let master = if scale.site == "demo" { "puppetserver" } else { "apply" };
    format!(
        "base = \"debian-12\"\nsite = \"{}\"\nchannel = \"stable\"\nstore = \"file:out/store\"\n\
         formats = [\"raw\"]\n[customer]\nname = \"Customer {customer}\"\n\
         [system]\nhostname = \"appliance-{customer}\"\n\
         [master]\nmode = \"{master}\"\n[hardware]\ndisk = \"{DISK}\"\n",
        scale.site
    )
}

/// The name of a customer's profile.
pub fn name(customer: usize) -> String {
    format!("customer-{customer}")
}

/// The machine in descriptions.
pub fn machine(contents: &Contents) -> Machine {
    Machine { plan: contents.record.plan, ..crate::common::artifact::machine() }
}

impl Inputs {
    /// Makes the base if it is missing, and reads all of it once.
    pub fn make(scale: Scale, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let folder = tempfile::tempdir_in(folder).unwrap();
        let project = Project::new();
        project.publish(scale.site);
        for customer in 0..scale.customers {
            project.profile(&name(customer), &profile(scale, customer));
        }
        let [contents, other] = [0, 1].map(|customer| project.contents(&name(customer)));
        let tar = folder.path().join("root.tar");
        let file = BufWriter::with_capacity(1 << 20, File::create(&tar).unwrap());
        tar::write(&contents.tree, file).unwrap();
        let [first, second] = [&contents, &other].map(|c| build::assemble(c).unwrap());
        let size = contents.spec.size;
        Self { scale, folder, project, tar, first, second, contents, size }
    }

    /// A path in the run's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a disk in some formats, as `slipway build` does; the names begin with `stem`.
    pub fn write(
        &self,
        disk: &Disk,
        formats: &[Format],
        stem: &str,
        cache: Option<&Path>,
    ) -> Vec<Written> {
        // the programs we compare with compute no digest of an uncompressed disk
        let digests = formats.iter().all(|f| !matches!(f, Format::Raw | Format::Vhd));
        self.write_with(disk, formats, stem, cache, digests)
    }

    /// The same, with or without the artifacts' SHA-256.
    pub fn write_with(
        &self,
        disk: &Disk,
        formats: &[Format],
        stem: &str,
        cache: Option<&Path>,
        digests: bool,
    ) -> Vec<Written> {
        let wanted = |&format| {
            let path = self.path(&format!("{stem}.{}", format::extension(format)));
            Wanted { format, path }
        };
        let wanted: Vec<_> = formats.iter().map(wanted).collect();
        let machine = machine(&self.contents);
        let cache = cache.map(|folder| Cache::new(folder, DEFAULT_LIMIT));
        let threads = std::thread::available_parallelism().unwrap();
        let job = Job { disk, machine: &machine, cache: cache.as_ref(), digests, threads };
        format::write(&job, &wanted, &Quiet).unwrap()
    }

    /// The first customer's raw disk, written if it does not exist.
    pub fn raw(&self, disk: &Disk, stem: &str) -> PathBuf {
        let path = self.path(&format!("{stem}.raw"));
        if !path.exists() {
            self.write(disk, &[Format::Raw], stem, None);
        }
        path
    }

    /// What was measured, and on what.
    pub fn description(&self) -> String {
        let Scale { site, rounds, .. } = self.scale;
        let cores = std::thread::available_parallelism().unwrap();
        let bytes: u64 = self.contents.tree.iter().map(|(_, entry)| entry.length()).sum();
        let flushed = match std::env::var_os("BENCH_CACHED") {
            Some(_) => "fsync does nothing, for anybody",
            None => "every file is on the disk (fsync) before a clock stops",
        };
        format!(
            "Site {site}: {} entries, {} MB of files, a disk of {}; {cores} processors; \
             best of {rounds}; {flushed}.\n",
            self.contents.tree.len(),
            bytes / 1_000_000,
            self.size
        )
    }

    /// The folder of encoded regions.
    pub fn cache(&self) -> PathBuf {
        self.path("encoded")
    }

    /// Empties that folder.
    pub fn forget(&self) {
        remove(&self.cache());
    }
}
