//! What a release costs in a store and on the way, as ratios in the same run.
//!
//! `scripts/bench-release` runs it: many customers of one real base, each image stored as its pieces, and what of an image
//! travels to somebody who has an older one. Status 1 when a row misses its reach, except with `--small`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::project::Project;
use slipway::blob::{self, Settings};
use slipway::build::{self, Artifact};
use slipway::disk::Disk;
use slipway::format::encode::DEFAULT_LIMIT;
use slipway::format::{self, Cache, Job, Machine, Wanted};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::release::fetch::{Near, Source, fetch};
use slipway::release::store::{Known, Uploaded, upload};

/// What the curve of many customers is made of.
const MANY: [Format; 2] = [Format::Ova, Format::Qcow2];
/// Bytes a second of the network: 200 Mbit/s.
const SPEED: f64 = 200e6 / 8.0;
/// Profiles may not ask for a smaller disk.
const DISK: &str = "3 GiB";

fn main() {
    // cargo passes --bench
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench").peekable();
    let small = args.next_if(|a| a == "--small").is_some();
    let (site, mut customers) = if small { ("tiny", 3) } else { ("demo", 50) };
    if args.next_if(|a| a == "--customers").is_some() {
        customers = args.next().unwrap().parse().unwrap();
    }
    let folder =
        args.next().map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    let place = Bench::new(&folder, site, customers);
    let mut holds = curve(&place, customers);
    holds &= fetches(&place);
    formats(&place);
    if !small && !holds {
        std::process::exit(1);
    }
}

/// Customers of one base.
struct Bench {
    folder: tempfile::TempDir,
    project: Project,
    site: &'static str,
}

/// One customer's images in a folder.
struct Images {
    folder: PathBuf,
    artifacts: Vec<Artifact>,
}

fn profile(site: &str, customer: usize, build: u32) -> String {
    let master = if site == "demo" { "puppetserver" } else { "apply" };
    format!(
        "base = \"debian-12\"\nsite = \"{site}\"\nbundle = \"1.0.0+b{build}\"\nstore = \"file:out/store\"\n\
         formats = [\"raw\"]\n[customer]\nname = \"Customer {customer}\"\n\
         [system]\nhostname = \"appliance-{customer}\"\n\
         [master]\nmode = \"{master}\"\n[hardware]\ndisk = \"{DISK}\"\n"
    )
}

impl Bench {
    fn new(folder: &Path, site: &'static str, customers: usize) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let project = Project::new();
        project.publish(site);
        // the site's next bundle: a manifest has one more line
        let (store, vendor) = (project.root().join("out/store"), project.root().join("vendor"));
        let from = common::project::repository("examples/demo-vendor");
        let change = "cp -a \"$1\" \"$2\"; echo '# later' >>\"$2/sites/$3/manifests/site.pp\"";
        shell(change, &[&from, &vendor, Path::new(site)]);
        let (store, path) =
            (format!("file://{}", store.display()), vendor.join("sites").join(site));
        let mut arguments = vec!["bundle", "build", path.to_str().unwrap(), "--build", "2"];
        arguments.extend(["--publish", &store, "--channel", "stable"]);
        if site == "demo" {
            arguments.extend(["--apps", &store, "--app", "guestbook=main"]);
        }
        project.run(&arguments);
        for customer in 0..customers {
            project.profile(&format!("c{customer}"), &profile(site, customer, 1));
        }
        Self { folder, project, site }
    }

    fn disk(&self, profile: &str) -> (Disk, Machine) {
        let contents = self.project.contents(profile);
        let machine = Machine { plan: contents.record.plan, ..common::artifact::machine() };
        (build::assemble(&contents).unwrap(), machine)
    }

    /// Writes a customer's images, named as `slipway build` does.
    fn write(
        &self,
        name: &str,
        release: u32,
        (disk, machine): &(Disk, Machine),
        formats: &[Format],
    ) -> Images {
        let id = format!("{name}-1.0.0+b{release}-{}", &machine.plan.to_string()[..8]);
        let folder = self.folder.path().join(&id);
        fs::create_dir_all(&folder).unwrap();
        let wanted = |&format| {
            let path = folder.join(format!("{id}.{}", format::extension(format)));
            Wanted { format, path }
        };
        let wanted: Vec<_> = formats.iter().map(wanted).collect();
        // what encoding costs is not measured here
        let cache = Cache::new(common::project::cache().join(format::CACHE), DEFAULT_LIMIT);
        let threads = std::thread::available_parallelism().unwrap();
        let job = Job { disk, machine, cache: Some(&cache), digests: true, threads };
        let written = format::write(&job, &wanted, &Quiet).unwrap();
        Images { folder, artifacts: written.iter().map(Artifact::from).collect() }
    }

    fn store(&self, name: &str) -> Box<dyn blob::Publish> {
        let url = format!("file://{}", self.folder.path().join(name).display());
        blob::open_for_publishing(&url, &Settings::default()).unwrap()
    }
}

impl Images {
    fn upload(&self, to: &dyn blob::Publish, known: &Known) -> Uploaded {
        let Self { folder, artifacts } = self;
        upload(to, folder, artifacts, known, &Quiet).unwrap()
    }

    fn remove(&self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn shell(line: &str, arguments: &[&Path]) {
    let mut bash = std::process::Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", line, "bash"]).args(arguments);
    assert!(bash.status().unwrap().success(), "{line}");
}

/// Two customers in every format.
fn formats(bench: &Bench) {
    let disks = ["c0", "c1"].map(|customer| bench.disk(customer));
    println!(
        "| format | pieces | the first one stores | the second adds | ratio |\n| --- | --- | --- | --- | --- |"
    );
    for format in [
        Format::Qcow2,
        Format::Vmdk,
        Format::Ova,
        Format::Vhd,
        Format::VhdDynamic,
        Format::Vhdx,
        Format::Raw,
        Format::RawZst,
        Format::Gce,
    ] {
        let (store, known) = (bench.store(&format!("store-{format}")), Known::default());
        let uploaded = [0, 1].map(|n| {
            let images = bench.write(&format!("c{n}"), 1, &disks[n], &[format]);
            let uploaded = images.upload(store.as_ref(), &known);
            images.remove();
            uploaded
        });
        let [first, second] = uploaded.map(|uploaded| uploaded.new_bytes);
        let (pieces, ratio) = (uploaded[1].pieces, second as f64 / first as f64);
        println!("| {format} | {pieces} | {} | {} | {ratio:.4} |", mb(first), mb(second));
        fs::remove_dir_all(bench.folder.path().join(format!("store-{format}"))).unwrap();
    }
}

fn mb(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Many customers, an OVA and a qcow2 each.
fn curve(bench: &Bench, customers: usize) -> bool {
    let (store, known) = (bench.store("store"), Known::default());
    let (mut first, mut rest, mut bytes) = (0, 0, 0);
    for n in 0..customers {
        let images = bench.write(&format!("c{n}"), 1, &bench.disk(&format!("c{n}")), &MANY);
        let uploaded = images.upload(store.as_ref(), &known);
        bytes += uploaded.bytes;
        eprintln!("customer {n}: {}", mb(uploaded.new_bytes));
        if n == 0 {
            first = uploaded.new_bytes;
        } else {
            rest += uploaded.new_bytes;
        }
        images.remove();
    }
    let ratio = rest as f64 / first as f64;
    let verdict = if ratio <= 0.3 { "holds" } else { "**not reached**" };
    println!(
        "| work | against | ours | theirs | ratio | reach | |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    println!(
        "| {} more customers, an OVA and a qcow2 each ({} in all): what travels | the first one's | {} | {} | {ratio:.3} | 0.3 | {verdict} |",
        customers - 1,
        mb(bytes),
        mb(rest),
        mb(first)
    );
    ratio <= 0.3
}

/// A change of the bundle alone, with the older image at hand, over a network of 200 Mbit/s.
fn fetches(bench: &Bench) -> bool {
    let mut holds = true;
    let before = bench.disk("c0");
    bench.project.profile("c0", &profile(bench.site, 0, 2));
    let after = bench.disk("c0");
    for format in [Format::Qcow2, Format::Ova, Format::Raw] {
        let old = bench.write("c0", 1, &before, &[format]);
        let new = bench.write("c0", 2, &after, &[format]);
        let store = bench.store("fetched");
        for images in [&old, &new] {
            images.upload(store.as_ref(), &Known::default());
        }
        let url = serve(bench.folder.path().join("fetched"));
        let reader = blob::open(&url, &Settings::default()).unwrap();
        let artifact = &new.artifacts[0];
        let source = Source { store: reader.as_ref(), artifact };
        let to = bench.folder.path().join("to");
        let time = |have: Option<&Path>| {
            let _ = fs::remove_dir_all(&to);
            fs::create_dir(&to).unwrap();
            let begun = Instant::now();
            let fetched = fetch(&source, &to, Near { image: have, cache: None }, &Quiet).unwrap();
            (begun.elapsed().as_secs_f64(), fetched.travelled)
        };
        let (all, whole) = time(None);
        let (ours, travelled) = time(Some(&old.folder.join(&old.artifacts[0].file)));
        let (time, size) = (ours / all, travelled as f64 / whole as f64);
        let verdict = |ratio: f64, reach| if ratio <= reach { "holds" } else { "**not reached**" };
        println!(
            "| {format} after a change of the bundle, with the older image | all of it, 200 Mbit/s | {ours:.2} s | {all:.2} s | {time:.3} | 0.15 | {} |",
            verdict(time, 0.15)
        );
        println!(
            "| what travels of it | all of it | {} | {} | {size:.3} | 0.1 | {} |",
            mb(travelled),
            mb(whole),
            verdict(size, 0.1)
        );
        holds &= time <= 0.15 && size <= 0.1;
        [old, new].iter().for_each(Images::remove);
        fs::remove_dir_all(bench.folder.path().join("fetched")).unwrap();
    }
    bench.project.profile("c0", &profile(bench.site, 0, 1));
    holds
}

/// When the next byte may leave, for all connections together.
type Pace = Arc<Mutex<Instant>>;

/// Serves a folder over HTTP at [`SPEED`].
fn serve(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pace: Pace = Arc::new(Mutex::new(Instant::now()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (root, pace, stream) = (root.clone(), pace.clone(), stream.unwrap());
            std::thread::spawn(move || while answer(&stream, &root, &pace).is_some() {});
        }
    });
    url
}

/// Answers one request; none when the client has gone.
fn answer(mut stream: &TcpStream, root: &Path, pace: &Pace) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    lines.map_while(Result::ok).find(String::is_empty)?;
    let path = first.split(' ').nth(1)?.trim_start_matches('/').replace("%2B", "+");
    let Ok(mut file) = fs::File::open(root.join(path)) else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").ok();
    };
    let length = file.metadata().unwrap().len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").ok()?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = file.read(&mut buffer).unwrap();
        if n == 0 {
            return Some(());
        }
        let wait = {
            let mut next = pace.lock().unwrap();
            let now = Instant::now();
            *next = (*next).max(now) + Duration::from_secs_f64(n as f64 / SPEED);
            *next - now
        };
        std::thread::sleep(wait);
        stream.write_all(&buffer[..n]).ok()?;
    }
}
