//! `kill -9` at any moment of a real process: what is left can be read, and the next process
//! continues.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use slipway::bundle::{self, Bundle};
use slipway::key::{Keyring, Sites, Trust};
use slipway::progress::Quiet;
use slipway::units::Digest;

use crate::common::vendor::TIME;
use crate::signed::place::{Place, snapshot};

/// The number of moments at which a run is killed.
const MOMENTS: u32 = 20;
/// Incompressible bytes, so that a bundle takes time to write and to read.
const LARGE: usize = 24 << 20;

/// A key, the trust in it, two releases.
struct Stage<'a> {
    place: &'a Place,
    bundles: [Bundle; 2],
}

impl<'a> Stage<'a> {
    fn new(place: &'a Place) -> Self {
        let folder = place.folder.path();
        let (_, public) = Keyring::new(folder.join("keys")).make("ci", None).unwrap();
        let mut trust = Trust::default();
        trust.add(public, Sites::named(["large"]).unwrap());
        trust.save(&folder.join("trust")).unwrap();
        Self { place, bundles: [1, 2].map(|build| large(folder, build)) }
    }

    fn command(&self, channel: &str, cache: &Path, arguments: &[&str]) -> Command {
        let folder = self.place.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.arg("bundle").args(arguments).args(["--channel", channel]);
        command.env("SLIPWAY_KEYS", folder.join("keys")).env("SLIPWAY_CACHE", cache);
        command.env("SLIPWAY_TRUST", folder.join("trust")).env_remove("SLIPWAY_KEY_FILE");
        command.envs(self.place.variables.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn publish(&self, bundle: &Bundle, channel: &str, url: &str) -> Command {
        let file = bundle.path.to_str().unwrap();
        let cache = self.place.folder.path().join("publisher");
        self.command(channel, &cache, &["publish", file, "--to", url])
    }

    fn pull(&self, channel: &str, url: &str, cache: &Path, out: &Path) -> Command {
        let out = out.to_str().unwrap();
        self.command(channel, cache, &["pull", "large", "--store", url, "--out", out])
    }

    /// Which of the two bundles a file is, byte for byte.
    fn which(&self, file: &Path) -> usize {
        let digest = Digest::of(fs::read(file).unwrap());
        self.bundles.iter().position(|b| b.digest == digest).unwrap()
    }
}

/// A bundle of 24 MiB, determined by its build number.
fn large(folder: &Path, build: u32) -> Bundle {
    let site = folder.join(format!("site-{build}"));
    for below in ["manifests", "data"] {
        fs::create_dir_all(site.join(below)).unwrap();
    }
    let mut bytes = vec![0; LARGE];
    blake3::Hasher::new().update(&build.to_le_bytes()).finalize_xof().fill(&mut bytes);
    fs::write(site.join("data/noise"), bytes).unwrap();
    fs::write(site.join("manifests/site.pp"), "").unwrap();
    fs::write(site.join("SITE.toml"), "site = \"large\"\nversion = \"1.0.0\"\n").unwrap();
    let (out, cache) = (folder.join("out"), folder.join("apt"));
    let request = bundle::Request {
        site: &site,
        build,
        commit: None,
        created: TIME,
        out: &out,
        cache: &cache,
        // hundreds of bundles with the same manifest, on which other tests ask puppet
        inputs: bundle::Inputs { puppet: false, ..bundle::Inputs::default() },
    };
    bundle::build(&request, &Quiet).unwrap()
}

fn finish(mut command: Command) -> Duration {
    let begun = Instant::now();
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    begun.elapsed()
}

/// Kills it after `time`, and says whether it was still running.
fn kill(mut command: Command, time: Duration) -> bool {
    let mut child: Child = command.spawn().unwrap();
    std::thread::sleep(time);
    let early = child.try_wait().unwrap().is_none();
    // SIGKILL
    child.kill().unwrap();
    child.wait().unwrap();
    early
}

/// The moments, from the start of a process to a little after its usual end.
fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    (0..MOMENTS).map(move |n| whole * 11 * n / (10 * (MOMENTS - 1)))
}

/// A channel has the earlier release or the complete later one; the next publisher finishes the
/// work.
fn killed_while_publishing(place: &Place) -> (u32, u32) {
    let stage = Stage::new(place);
    let (mut early, mut old) = (0, 0);
    let mut whole = Duration::ZERO;
    for (n, moment) in (0..).zip(std::iter::once(None).chain((0..MOMENTS).map(Some))) {
        let (channel, url) = (format!("c{n}"), format!("{}/s{n}", place.url));
        finish(stage.publish(&stage.bundles[0], &channel, &url));
        let Some(moment) = moment else {
            // how long it takes when nobody kills it
            whole = finish(stage.publish(&stage.bundles[1], &channel, &url));
            continue;
        };
        let time = moments(whole).nth(moment as usize).unwrap();
        early += u32::from(kill(stage.publish(&stage.bundles[1], &channel, &url), time));
        let (cache, out) = (place.cache("reader"), place.folder.path().join("pulled.tgz"));
        finish(stage.pull(&channel, &url, &cache, &out));
        old += u32::from(stage.which(&out) == 0);
        finish(stage.publish(&stage.bundles[1], &channel, &url));
        finish(stage.pull(&channel, &url, &cache, &out));
        assert_eq!(stage.which(&out), 1, "killed after {time:?}");
    }
    (early, old)
}

/// The pulled file is complete or absent, and the next pull with the same cache is right.
fn killed_while_pulling(place: &Place) -> (u32, u32) {
    let stage = Stage::new(place);
    let url = format!("{}/pulled", place.url);
    finish(stage.publish(&stage.bundles[0], "stable", &url));
    let fresh = |name: &str| -> (PathBuf, PathBuf) {
        let folder = place.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        (folder.join("cache"), folder.join("large.tgz"))
    };
    let (cache, out) = fresh("undisturbed");
    let whole = finish(stage.pull("stable", &url, &cache, &out));
    let (mut early, mut parts) = (0, 0);
    for (n, time) in moments(whole).enumerate() {
        let (cache, out) = fresh(&format!("killed-{n}"));
        early += u32::from(kill(stage.pull("stable", &url, &cache, &out), time));
        if out.exists() {
            assert_eq!(stage.which(&out), 0, "killed after {time:?}");
        }
        let left = snapshot(&cache);
        parts += u32::from(
            left.iter().any(|(p, b)| p.extension().is_some_and(|e| e == "part") && !b.is_empty()),
        );
        // without a network: the last good one or a clear error, never half of one
        let mut offline = stage.pull("stable", &url, &cache, &out);
        let offline = offline.arg("--offline").output().unwrap();
        if !offline.status.success() {
            let said = String::from_utf8_lossy(&offline.stderr);
            assert!(said.contains("without --offline"), "killed after {time:?}: {said}");
        }
        finish(stage.pull("stable", &url, &cache, &out));
        assert_eq!(stage.which(&out), 0, "killed after {time:?}");
        fs::remove_dir_all(cache.parent().unwrap()).unwrap();
    }
    (early, parts)
}

#[test]
fn a_publisher_that_is_killed_leaves_the_channel_as_it_was_or_as_it_was_to_be() {
    for place in Place::both("killed-publish") {
        let (early, old) = killed_while_publishing(&place);
        println!(
            "{}: {early} of {MOMENTS} killed before the end, {old} times the old release",
            place.url
        );
        assert!(early >= MOMENTS / 3, "{early}");
    }
}

#[test]
fn a_pull_that_is_killed_leaves_a_cache_that_the_next_one_goes_on_with() {
    for place in Place::both("killed-pull") {
        let (early, parts) = killed_while_pulling(&place);
        println!("{}: {early} of {MOMENTS} killed before the end, {parts} left a part", place.url);
        assert!(early >= MOMENTS / 3, "{early}");
    }
}
