//! The cost of pulling and unpacking a large bundle, as ratios to other programs in the same run.
//!
//! `scripts/bench-pull` runs it. A row is the best of [`ROUNDS`], each from an empty cache; our
//! files are on the disk (fsync) before the clock stops. Status 1 when a row misses its reach,
//! except with `--small`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/common/vendor.rs"]
mod vendor;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use slipway::blob::{self, Settings};
use slipway::bundle::{self, Bundle, Wanted};
use slipway::layer;
use slipway::progress::Quiet;
use slipway::tree::Tree;
use vendor::{TIME, Vendor, name};

const ROUNDS: usize = 5;
/// Bytes of each file.
const FILE: usize = 64 << 10;

fn main() {
    // cargo passes --bench
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench").peekable();
    let (megabytes, rounds) = match args.next_if(|a| a == "--small") {
        Some(_) => (3, 1),
        None => (300, ROUNDS),
    };
    let folder =
        args.next().map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    let folder = tempfile::tempdir_in(folder).unwrap();
    let place = Place::new(folder.path(), megabytes);
    let rows = [downloads(&place, rounds), kept(&place, rounds), unpacks(&place, rounds)].concat();
    let (size, files) = (place.bundle.size / 1_000_000, place.bundle.manifest.files.len());
    println!("A bundle of {size} MB with {files} files; best of {rounds}.\n");
    println!(
        "| work | against | ours | theirs | ratio | reach | |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for row in &rows {
        println!("{row}");
    }
    // one round shows that it works, but says nothing about speed
    if rounds > 1 && rows.iter().any(|row| row.contains("not reached")) {
        std::process::exit(1);
    }
}

/// A published bundle, a web server that serves it, and the keys that builders trust.
struct Place {
    folder: PathBuf,
    bundle: Bundle,
    url: String,
    vendor: Vendor,
}

impl Place {
    fn new(folder: &Path, megabytes: usize) -> Self {
        let bundle = build(folder, megabytes);
        let root = folder.join("store");
        let to = format!("file://{}", root.display());
        let store = blob::open_for_publishing(&to, &Settings::default()).unwrap();
        let vendor = Vendor::of(&["large"]);
        let publisher = vendor.publisher(store.as_ref(), folder);
        publisher.publish(&bundle, &name("stable"), &Quiet).unwrap();
        Self { folder: folder.to_owned(), bundle, url: serve(root), vendor }
    }

    /// A new folder.
    fn empty(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir(&path).unwrap();
        path
    }

    fn object(&self) -> String {
        let (release, digest) = (&self.bundle.manifest.release, self.bundle.digest);
        format!("{}/bundles/large/{release}.{digest}.tgz", self.url)
    }
}

/// Files of which every other one is noise, and the rest text: half of the unpacked bytes compress
/// well, as packed apps and Puppet code do.
fn build(folder: &Path, megabytes: usize) -> Bundle {
    let site = folder.join("site");
    for below in ["manifests", "data"] {
        fs::create_dir_all(site.join(below)).unwrap();
    }
    let mut bytes = vec![0; FILE];
    for n in 0..megabytes * 1_000_000 * 9 / 5 / FILE {
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        if n % 2 == 1 {
            // one of eight words for each byte of noise
            let words = ["class ", "file ", "ensure ", "=> ", "present\n", "node ", "{ ", "}\n"];
            let text: String = bytes.iter().map(|b| words[usize::from(b % 8)]).collect();
            bytes.copy_from_slice(&text.as_bytes()[..FILE]);
        }
        let below = site.join(format!("data/{:02}", n % 50));
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join(format!("{n:05}")), &bytes).unwrap();
    }
    fs::write(site.join("manifests/site.pp"), "include slipway::sentinel\n").unwrap();
    fs::write(site.join("SITE.toml"), "site = \"large\"\nversion = \"1.0.0\"\n").unwrap();
    let request = bundle::Request {
        site: &site,
        build: 1,
        commit: None,
        created: TIME,
        out: &folder.join("out"),
        cache: &folder.join("apt"),
        inputs: bundle::Inputs::default(),
    };
    bundle::build(&request, &Quiet).unwrap()
}

/// Serves a folder over HTTP, one client after the other.
fn serve(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            lines.map(Result::unwrap).find(String::is_empty);
            let path = first.split(' ').nth(1).unwrap().trim_start_matches('/').replace("%2B", "+");
            let mut file = fs::File::open(root.join(path)).unwrap();
            let length = file.metadata().unwrap().len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            std::io::copy(&mut file, &mut stream).unwrap();
        }
    });
    url
}

/// Seconds of the fastest; `before` is not counted.
fn best<T>(rounds: usize, mut before: impl FnMut() -> T, mut work: impl FnMut(T)) -> f64 {
    let once = |_| {
        let start = before();
        let begun = Instant::now();
        work(start);
        begun.elapsed().as_secs_f64()
    };
    (0..rounds).map(once).fold(f64::INFINITY, f64::min)
}

fn shell(line: &str, arguments: &[&str]) {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", line, "bash"]).args(arguments);
    assert!(bash.status().unwrap().success(), "{line}");
}

fn row(work: &str, against: &str, ours: f64, theirs: f64, reach: Option<f64>) -> String {
    let ratio = ours / theirs;
    let (shown, verdict) = match reach {
        Some(reach) if ratio <= reach => (reach.to_string(), "holds"),
        Some(reach) => (reach.to_string(), "**not reached**"),
        None => (String::new(), ""),
    };
    format!(
        "| {work} | {against} | {ours:.2} s | {theirs:.2} s | {ratio:.3} | {shown} | {verdict} |"
    )
}

fn pull(place: &Place, cache: &Path) {
    let store = blob::open(&place.url, &Settings::default()).unwrap();
    let reader = place.vendor.reader(store.as_ref(), cache);
    let wanted = Wanted::Channel(name("stable"));
    let pulled = reader.pull(&name("large"), &wanted, &Quiet).unwrap();
    assert_eq!(pulled.digest, place.bundle.digest);
}

fn downloads(place: &Place, rounds: usize) -> Vec<String> {
    let ours = best(rounds, || place.empty("cache"), |cache| pull(place, &cache));
    let line = "curl -sf \"$1\" | openssl dgst -sha256 >\"$2/digest\"";
    let theirs = best(
        rounds,
        || place.empty("theirs"),
        |to| shell(line, &[&place.object(), to.to_str().unwrap()]),
    );
    let against = "`curl \\| openssl dgst -sha256`, which keeps nothing";
    vec![row("pull by a channel: download, prove, keep", against, ours, theirs, Some(1.3))]
}

fn kept(place: &Place, rounds: usize) -> Vec<String> {
    let ours = best(rounds, || place.empty("cache"), |cache| pull(place, &cache));
    let line =
        "curl -sf \"$1\" | tee \"$2/x\" | openssl dgst -sha256 >\"$2/digest\"; sync \"$2/x\"";
    let theirs = best(
        rounds,
        || place.empty("theirs"),
        |to| shell(line, &[&place.object(), to.to_str().unwrap()]),
    );
    vec![row("the same", "the same with `tee FILE`, and `sync FILE`", ours, theirs, None)]
}

fn unpacks(place: &Place, rounds: usize) -> Vec<String> {
    let place_all = |cache: PathBuf| {
        let mut tree = Tree::new();
        let code = layer::config::CODE;
        layer::config::add(&mut tree, &place.bundle, code, &cache, TIME).unwrap();
    };
    let ours = best(rounds, || place.empty("cache"), place_all);
    let tgz = place.bundle.path.to_str().unwrap();
    let theirs = best(
        rounds,
        || place.empty("theirs"),
        |to| shell("tar -xzf \"$1\" -C \"$2\"", &[tgz, to.to_str().unwrap()]),
    );
    vec![row("unpack, prove, place in a tree", "`tar xz`", ours, theirs, Some(0.5))]
}
