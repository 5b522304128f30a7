//! Many customers with one base: the cost of each further one.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fastcdc::v2020::StreamCDC;
use slipway::format::Written;
use slipway::profile::Format;

use crate::inputs::{Inputs, name};
use crate::run::{best, remove, shell};
use crate::table::{Figure, Row};

/// What each customer gets.
const FORMATS: [Format; 2] = [Format::Ova, Format::Qcow2];
/// The size of the pieces, in bytes, into which a deduplicating store would cut files.
const PIECE: usize = 16 << 10;

/// The cost of customers, in order.
pub struct Curve {
    /// Seconds after each.
    seconds: Vec<f64>,
    /// Bytes of all artifacts after each.
    bytes: Vec<u64>,
    /// The same, including the cache, with each content counted once.
    unique: Vec<u64>,
    /// Seconds that copying and hashing the first customer's artifacts takes.
    floor: f64,
}

impl Curve {
    /// Builds all customers, the first one with an empty cache of encoded regions.
    pub fn measure(inputs: &Inputs) -> Self {
        inputs.forget();
        let mut curve =
            Self { seconds: Vec::new(), bytes: Vec::new(), unique: Vec::new(), floor: 0.0 };
        let (mut total, mut store) = (0.0, Store::default());
        for customer in 0..inputs.scale.customers {
            let begun = Instant::now();
            let contents = inputs.project.contents(&name(customer));
            let disk = slipway::build::assemble(&contents).unwrap();
            let written = inputs.write(&disk, &FORMATS, &name(customer), Some(&inputs.cache()));
            total += begun.elapsed().as_secs_f64();
            if customer == 0 {
                curve.floor = floor(inputs, &written);
            }
            let length: u64 = written.iter().map(|w| w.size).sum();
            for artifact in &written {
                store.add(&artifact.path);
                remove(&artifact.path);
            }
            files(&inputs.cache()).iter().for_each(|path| store.add(path));
            curve.seconds.push(total);
            curve.bytes.push(curve.bytes.last().unwrap_or(&0) + length);
            curve.unique.push(store.unique);
        }
        curve
    }

    /// The rows about many customers.
    pub fn rows(&self) -> Vec<Row> {
        let count = self.seconds.len();
        vec![
            Row {
                work: format!("{count} customers, each an OVA and a qcow2"),
                against: "the first one, with an empty cache".into(),
                ours: Figure::Seconds(self.seconds[count - 1]),
                peer: Figure::Seconds(self.seconds[0]),
                reach: Some(3.0),
            },
            Row {
                work: format!("{count} customers, each an OVA and a qcow2"),
                against: "`cp` and `openssl dgst -sha256` of the same files".into(),
                ours: Figure::Seconds(self.seconds[count - 1]),
                peer: Figure::Seconds(self.floor * count as f64),
                reach: None,
            },
            Row {
                work: "their files and the cache, each content once".into(),
                against: "the first one's files".into(),
                ours: Figure::Bytes(self.unique[count - 1] as f64),
                peer: Figure::Bytes(self.bytes[0] as f64),
                reach: Some(1.2),
            },
        ]
    }

    /// Some points of the curve.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| customers | seconds | artifacts | each content once |\n| --- | --- | --- | --- |\n",
        );
        let count = self.seconds.len();
        for at in [1, 2, 3, 5, 10, 20, 30, 40, 50].into_iter().filter(|at| *at <= count) {
            let (seconds, bytes, unique) = (
                self.seconds[at - 1],
                self.bytes[at - 1] as f64 / 1e6,
                self.unique[at - 1] as f64 / 1e6,
            );
            writeln!(text, "| {at} | {seconds:.1} | {bytes:.0} MB | {unique:.0} MB |").unwrap();
        }
        text
    }

    /// The plot: seconds over customers, with and without the cache.
    pub fn svg(&self) -> String {
        let (width, height, left, bottom) = (640.0, 320.0, 60.0, 40.0);
        let count = self.seconds.len();
        let most = self.seconds[0] * count as f64;
        let x = |customers: f64| left + customers / count as f64 * (width - left - 20.0);
        let y = |seconds: f64| height - bottom - seconds / most * (height - bottom - 30.0);
        let mut line = format!("M{:.1},{:.1}", x(0.0), y(0.0));
        for (index, seconds) in self.seconds.iter().enumerate() {
            write!(line, " L{:.1},{:.1}", x((index + 1) as f64), y(*seconds)).unwrap();
        }
        let alone = format!("M{:.1},{:.1} L{:.1},{:.1}", x(0.0), y(0.0), x(count as f64), y(most));
        let last = self.seconds[count - 1];
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="{left}" y="18" font-size="14">Seconds for customers' images (an OVA and a qcow2 each)</text>
<path d="{alone}" fill="none" stroke="#bbb" stroke-width="2" stroke-dasharray="6 4"/>
<path d="{line}" fill="none" stroke="#1565c0" stroke-width="3"/>
<path d="M{left},30 L{left},{base} L{right},{base}" fill="none" stroke="#333"/>
<text x="{right}" y="{under}" text-anchor="end">{count} customers</text>
<text x="{before}" y="40" text-anchor="end">{most:.0} s</text>
<text x="{before}" y="{base}" text-anchor="end">0</text>
<text x="{inside}" y="{over}" text-anchor="end" fill="#1565c0">slipway: {last:.1} s</text>
<text x="{inside}" y="60" text-anchor="end" fill="#777">each from nothing</text>
</svg>
"##,
            base = height - bottom,
            right = width - 20.0,
            under = height - bottom + 20.0,
            before = left - 6.0,
            inside = width - 110.0,
            over = y(last) - 10.0,
        )
    }
}

/// The least time in which anybody could write these files and compute their digests.
fn floor(inputs: &Inputs, written: &[Written]) -> f64 {
    let copy = inputs.path("floor");
    let line = "cp \"$1\" \"$2\"; openssl dgst -sha256 \"$2\" >/dev/null; sync \"$2\"";
    let seconds = written.iter().map(|artifact| {
        best(inputs.scale.rounds, || remove(&copy), || shell(line, &[&artifact.path, &copy]))
    });
    let seconds = seconds.sum();
    remove(&copy);
    seconds
}

/// A store that keeps every content once.
#[derive(Default)]
struct Store {
    known: HashSet<[u8; 32]>,
    seen: HashSet<PathBuf>,
    unique: u64,
}

impl Store {
    fn add(&mut self, path: &Path) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        let file = File::open(path).unwrap();
        for piece in StreamCDC::new(file, PIECE / 4, PIECE, PIECE * 4) {
            let piece = piece.unwrap();
            if self.known.insert(*blake3::hash(&piece.data).as_bytes()) {
                self.unique += piece.length as u64;
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}
