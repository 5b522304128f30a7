//! A thousand customers: who has something is known at once, and also behind a call that was killed while it wrote.

use std::path::Path;
use std::process::Stdio;
use std::time::{Instant, UNIX_EPOCH};

use slipway::inventory::Inventory;
use slipway::key::{SecretKey, Trust};
use slipway::release::{Lane, ReleasePointer};
use slipway::signed::{self, Allow, Channel, Claim, Memory, Names};
use slipway::units::{Digest, Timestamp};

use super::channel::{release, who_has};
use super::{built, said, text};
use crate::common::small::{slipway, store};

/// Components of a real image.
const COMPONENTS: usize = 1000;

/// What one customer's release is, in a cache that has seen it.
struct Many<'a> {
    folder: &'a Path,
    key: SecretKey,
    trust: Trust,
    now: Timestamp,
    profile: String,
    record: serde_json::Value,
    inventory: serde_json::Value,
}

impl<'a> Many<'a> {
    /// From the one release that the project has.
    fn new(folder: &'a Path, id: &str) -> Self {
        let made = folder.join("out/tiny/releases").join(id);
        let read = |name: &str| serde_json::from_str(&text(&made.join(name))).unwrap();
        let key = folder.join("keys/vendor");
        let key = SecretKey::read(&key, &mut || panic!("it has no passphrase")).unwrap();
        let trust = Trust::read(&folder.join("trust/allowed_signers")).unwrap();
        let profile = text(&folder.join("profiles/tiny.toml"));
        let (record, inventory) = (read("release.json"), read("inventory.json"));
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        let now = Timestamp { seconds: now, nanos: 0 };
        Self { folder, key, trust, now, profile, record, inventory }
    }

    /// A list of as many components as a real image has; no two customers' are the same.
    fn inventory(&self, customer: &str) -> Vec<u8> {
        let mut inventory = self.inventory.clone();
        let components = inventory["components"].as_array_mut().unwrap();
        let package = |number: usize| {
            let (name, version) = match number {
                0 => ("openssl".to_owned(), "3.0.11-1~deb12u1".to_owned()),
                1 => (format!("only-{customer}"), "1.0-1".to_owned()),
                _ => (format!("package-{number}"), format!("{number}.2-1")),
            };
            serde_json::json!({
                "purl": format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12"),
                "sort": "package", "name": name, "version": version, "architecture": "amd64",
                "supplier": "Somebody <somebody@lists.example>", "licence": "GPL-2.0-or-later AND MIT",
            })
        };
        components.extend((0..COMPONENTS).map(package));
        let bytes = serde_json::to_vec_pretty(&inventory).unwrap();
        Inventory::parse(&bytes).unwrap();
        bytes
    }

    fn add(&self, customer: &str) {
        let own = self.profile.replace("name = \"Tiny\"", &format!("name = \"{customer} Ltd\""));
        std::fs::write(self.folder.join(format!("profiles/{customer}.toml")), own).unwrap();
        let inventory = self.inventory(customer);
        let id = format!("{customer}-1.0.0+b1-0a1b2c3d");
        let mut record = self.record.clone();
        record["id"] = id.clone().into();
        record["customer"] = customer.into();
        for part in record["files"].as_array_mut().unwrap() {
            if part["name"] == "inventory.json" {
                part["sha256"] = Digest::of(&inventory).to_string().into();
                part["size"] = inventory.len().into();
            }
        }
        let record = serde_json::to_vec(&record).unwrap();
        for bytes in [&record, &inventory] {
            let path = self.folder.join(format!("cache/stock/{}.json", Digest::of(bytes)));
            std::fs::write(path, bytes).unwrap();
        }
        self.point(customer, id, Digest::of(&record));
    }

    fn point(&self, customer: &str, id: String, sha256: Digest) {
        let (site, channel) = ("tiny".parse().unwrap(), "stable".parse().unwrap());
        let name = Lane { site: &site, customer, channel: &channel }.name();
        let expires = Timestamp { seconds: self.now.seconds + 86_400, ..self.now };
        let (lane, issued) = (name.clone(), self.now);
        let pointer = ReleasePointer {
            site: site.clone(),
            lane,
            seq: 1,
            release: id,
            sha256,
            issued,
            expires,
        };
        let signed = signed::sign(pointer, &self.key).unwrap();
        let asked = Channel { site: site.as_str(), name: &name };
        let claim = Claim::<ReleasePointer>::parse(&signed.bytes).unwrap();
        let proven = claim.verify(&self.trust, asked, self.now).unwrap();
        let accepted = proven.accept(None, Allow::default(), self.now).unwrap();
        let names = Names::of(&store(self.folder)).unwrap();
        let memory = Memory::<ReleasePointer>::new(&self.folder.join("cache"), &names, asked);
        memory.keep(&accepted, None, &self.trust, self.now).unwrap();
    }
}

/// Says what it took. Nothing fails by it: `scripts/bench-who-has` runs it with an optimized program.
#[test]
#[ignore = "a thousand releases: scripts/bench-who-has"]
fn who_has_it_among_a_thousand_customers() {
    let folder = built();
    let folder = folder.path();
    let id = release(folder);
    who_has(folder, &["tiny"]);
    let many = Many::new(folder, &id);
    (0..1000).for_each(|number| many.add(&format!("customer-{number}")));
    for (wanted, count) in
        [("openssl@<3.0.11-1~deb12u2", 1000), ("only-customer-7", 1), ("nothing", 0)]
    {
        let began = Instant::now();
        let (holders, _) = who_has(folder, &[wanted, "--offline"]);
        println!("{wanted}: {count} of 1000 releases in {:.2?}", began.elapsed());
        let all = slipway(folder, &["who-has", wanted, "--offline"]).output().unwrap();
        assert_eq!(holders.len(), count, "{wanted}: {}", said(&all));
    }
}

#[test]
fn a_call_that_was_killed_while_it_filled_the_cache_leaves_nothing_that_is_believed() {
    let folder = built();
    let folder = folder.path();
    release(folder);
    let stock = folder.join("cache/stock");
    // killed as soon as the cache has so many files, under any name: a record, the list, one that is being written
    for files in 0..4 {
        let _ = std::fs::remove_dir_all(&stock);
        let there = || std::fs::read_dir(&stock).map_or(0, Iterator::count);
        let mut call = slipway(folder, &["who-has", "tiny"]);
        let mut call = call.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while there() < files && call.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = call.kill();
        call.wait().unwrap();
        // whatever was written carries its digest in its name
        for entry in std::fs::read_dir(&stock).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let digest = Digest::of(std::fs::read(&path).unwrap());
            assert!(name.starts_with('.') || name == format!("{digest}.json"), "{name}");
        }
        assert_eq!(who_has(folder, &["tiny"]), (vec!["tiny".to_owned()], Some(0)), "{files}");
    }
}
