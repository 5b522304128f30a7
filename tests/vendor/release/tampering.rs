//! Everything that somebody could change in a release: each change is found, and all of them at once.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use slipway::key::{Keyring, Namespace, SecretKey};
use slipway::release::PAYLOAD;
use slipway::units::Digest;

use super::{faults, image, released, text};

/// One change: its name, what does it, and the rule and the file of a fault that must be found.
type Change = (&'static str, fn(&Release), &'static str, &'static str);

/// A release that may be changed.
struct Release {
    project: PathBuf,
    folder: PathBuf,
}

impl Release {
    fn path(&self, name: &str) -> PathBuf {
        match name {
            "IMAGE" => image(&self.folder),
            name => self.folder.join(name),
        }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        // an image has another name beside the release
        let _ = fs::remove_file(&path);
        fs::write(path, bytes).unwrap();
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).unwrap();
        change(&mut bytes);
        self.write(name, bytes);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Changes the record, and signs it as an attacker with the vendor's own key would.
    fn resigned(&self, change: impl FnOnce(&mut Value)) {
        let mut record: Value = serde_json::from_str(&text(&self.path("release.json"))).unwrap();
        change(&mut record);
        self.write("release.json", serde_json::to_string_pretty(&record).unwrap());
        self.sign("release.json", &self.key("vendor"), Namespace::Release);
    }

    /// Changes another file, and signs that as well.
    fn relisted(&self, name: &str, change: impl FnOnce(String) -> String) {
        let changed = change(text(&self.path(name)));
        self.write(name, &changed);
        self.resigned(|record| {
            let files = record["files"].as_array_mut().unwrap();
            let file = files.iter_mut().find(|file| file["name"] == name).unwrap();
            file["size"] = json!(changed.len());
            file["sha256"] = json!(Digest::of(&changed).to_string());
        });
    }

    /// Leaves a file out, and signs that.
    fn unlisted(&self, name: &str) {
        self.remove(name);
        self.resigned(|record| {
            record["files"].as_array_mut().unwrap().retain(|file| file["name"] != name);
        });
    }

    fn sign(&self, name: &str, key: &SecretKey, namespace: Namespace) {
        let signature = key.sign(namespace, &Digest::of(fs::read(self.path(name)).unwrap()));
        self.write(&format!("{name}.sig"), signature.unwrap().to_string());
    }

    fn key(&self, name: &str) -> SecretKey {
        let path = Keyring::new(self.project.join("keys")).path(name).unwrap();
        SecretKey::read(&path, &mut || unreachable!()).unwrap()
    }
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 1;
}

const CHANGES: &[Change] = &[
    ("a bit of the image's header", |r| r.edit("IMAGE", |b| flip(b, 9)), "changed", "IMAGE"),
    (
        "a bit in the image's middle",
        |r| {
            r.edit("IMAGE", |b| {
                let middle = b.len() / 2;
                flip(b, middle);
            })
        },
        "changed",
        "IMAGE",
    ),
    (
        "the image's last bit",
        |r| {
            r.edit("IMAGE", |b| {
                let last = b.len() - 1;
                flip(b, last);
            })
        },
        "changed",
        "IMAGE",
    ),
    (
        "an image that is cut off",
        |r| r.edit("IMAGE", |b| b.truncate(b.len() / 2)),
        "changed",
        "IMAGE",
    ),
    ("a byte behind the image", |r| r.edit("IMAGE", |b| b.push(0)), "changed", "IMAGE"),
    ("an empty image", |r| r.write("IMAGE", ""), "changed", "IMAGE"),
    ("no image", |r| r.remove("IMAGE"), "missing", "IMAGE"),
    ("no build.json", |r| r.remove("build.json"), "missing", "build.json"),
    ("another build.json", |r| r.edit("build.json", |b| flip(b, 9)), "changed", "build.json"),
    ("no IMPORT.md", |r| r.remove("IMPORT.md"), "missing", "IMPORT.md"),
    ("another IMPORT.md", |r| r.write("IMPORT.md", "call +1 555"), "changed", "IMPORT.md"),
    ("no inventory", |r| r.remove("inventory.json"), "missing", "inventory.json"),
    ("no SPDX document", |r| r.remove("sbom.spdx.json"), "missing", "sbom.spdx.json"),
    (
        "another CycloneDX document",
        |r| r.edit("sbom.cdx.json", |b| flip(b, 99)),
        "changed",
        "sbom.cdx.json",
    ),
    (
        "a component less in the SPDX document",
        |r| drop_package(r),
        "contradiction",
        "inventory.json",
    ),
    (
        "no inventory, and a record without it",
        |r| {
            r.resigned(|v| {
                v["files"].as_array_mut().unwrap().retain(|f| f["name"] != "inventory.json")
            });
        },
        "missing",
        "release.json",
    ),
    ("no SHA256SUMS", |r| r.remove("SHA256SUMS"), "missing", "SHA256SUMS"),
    ("no signature of SHA256SUMS", |r| r.remove("SHA256SUMS.sig"), "missing", "SHA256SUMS.sig"),
    (
        "SHA256SUMS of other digests",
        |r| r.edit("SHA256SUMS", |b| flip(b, 3)),
        "signature",
        "SHA256SUMS.sig",
    ),
    ("SHA256SUMS without a line", |r| drop_line(r), "contradiction", "SHA256SUMS"),
    ("SHA256SUMS with another line", |r| add_line(r, "evil.sh"), "contradiction", "SHA256SUMS"),
    ("SHA256SUMS with a line twice", |r| add_line(r, "IMPORT.md"), "unreadable", "SHA256SUMS"),
    (
        "SHA256SUMS that is none",
        |r| r.write("SHA256SUMS", "nonsense\n"),
        "unreadable",
        "SHA256SUMS",
    ),
    (
        "a record that is none",
        |r| r.write("release.json", "nonsense"),
        "unreadable",
        "release.json",
    ),
    ("an empty record", |r| r.write("release.json", ""), "unreadable", "release.json"),
    ("no record", |r| r.remove("release.json"), "missing", "release.json"),
    (
        "a record of a newer format",
        |r| r.resigned(|v| v["format"] = json!(99)),
        "unreadable",
        "release.json",
    ),
    (
        "a record with a space more",
        |r| r.edit("release.json", |b| b.push(b' ')),
        "signature",
        "release.json.sig",
    ),
    ("no signature", |r| r.remove("release.json.sig"), "missing", "release.json.sig"),
    ("an empty signature", |r| r.write("release.json.sig", ""), "signature", "release.json.sig"),
    (
        "a signature that is cut off",
        |r| r.edit("release.json.sig", |b| b.truncate(100)),
        "signature",
        "release.json.sig",
    ),
    (
        "a signature by nobody who is trusted",
        |r| {
            r.sign("release.json", &SecretKey::generate("evil").unwrap(), Namespace::Release);
        },
        "signature",
        "release.json.sig",
    ),
    (
        "a signature that was made for a bundle",
        |r| {
            r.sign("release.json", &r.key("vendor"), Namespace::Bundle);
        },
        "signature",
        "release.json.sig",
    ),
    (
        "a signature that was made for a pointer",
        |r| {
            r.sign("release.json", &r.key("vendor"), Namespace::ReleasePointer);
        },
        "signature",
        "release.json.sig",
    ),
    (
        "the signature of SHA256SUMS at the record",
        |r| {
            fs::copy(r.path("SHA256SUMS.sig"), r.path("release.json.sig")).unwrap();
        },
        "signature",
        "release.json.sig",
    ),
    (
        "a site that the key is not trusted for",
        |r| r.resigned(|v| v["site"] = json!("demo")),
        "signature",
        "release.json.sig",
    ),
    (
        "another id",
        |r| r.resigned(|v| v["id"] = json!("tiny-1.0.0+b2-00000000")),
        "contradiction",
        "release.json",
    ),
    (
        "another customer",
        |r| r.resigned(|v| v["customer"] = json!("acme")),
        "contradiction",
        "release.json",
    ),
    (
        "another plan",
        |r| r.resigned(|v| v["plan"] = json!("0".repeat(64))),
        "contradiction",
        "IMAGE",
    ),
    (
        "another bundle",
        |r| r.resigned(|v| v["bundle"]["digest"] = json!("0".repeat(64))),
        "contradiction",
        "IMAGE",
    ),
    (
        "another base",
        |r| r.resigned(|v| v["base"]["name"] = json!("debian-13")),
        "contradiction",
        "IMAGE",
    ),
    (
        "another format",
        |r| r.resigned(|v| v["artifacts"][0]["format"] = json!("raw")),
        "contradiction",
        "IMAGE",
    ),
    (
        "another size",
        |r| r.resigned(|v| v["artifacts"][0]["size"] = json!("1 B")),
        "changed",
        "IMAGE",
    ),
    (
        "another digest",
        |r| r.resigned(|v| v["artifacts"][0]["sha256"] = json!("0".repeat(64))),
        "changed",
        "IMAGE",
    ),
    (
        "no digest",
        |r| r.resigned(|v| v["artifacts"][0]["sha256"] = json!(null)),
        "contradiction",
        "IMAGE",
    ),
    ("no images", |r| r.resigned(|v| v["artifacts"] = json!([])), "contradiction", "release.json"),
    (
        "a file outside the folder",
        |r| {
            r.resigned(|v| v["files"][0]["name"] = json!("../../../trust/allowed_signers"));
        },
        "contradiction",
        "release.json",
    ),
    (
        "a hidden file",
        |r| r.resigned(|v| v["files"][0]["name"] = json!(".bashrc")),
        "contradiction",
        "release.json",
    ),
    (
        "a file twice",
        |r| {
            r.resigned(|v| v["files"][1] = v["files"][0].clone());
        },
        "contradiction",
        "release.json",
    ),
    (
        "a reason to go untested that says nothing",
        |r| {
            r.resigned(|v| v["smoke"] = json!({ "without": "" }));
        },
        "smoke",
        "release.json",
    ),
    ("no tests", |r| r.resigned(|v| v["smoke"] = json!({ "booted": [] })), "smoke", "release.json"),
    (
        "a test whose report is not there",
        |r| {
            r.resigned(|v| {
        v["smoke"] = json!({ "booted": [
            { "firmware": "bios", "image_sha256": "0".repeat(64), "report": "smoke-bios.json" } ] });
    })
        },
        "missing",
        "smoke-bios.json",
    ),
    (
        "a signed inventory of something else",
        |r| r.relisted("inventory.json", |text| text.replace("bundle/tiny", "bundle/other")),
        "contradiction",
        "inventory.json",
    ),
    (
        "a signed inventory of a newer kind",
        |r| r.relisted("inventory.json", |_| "{\"format\": 99}".to_owned()),
        "unreadable",
        "inventory.json",
    ),
    (
        "a signed SPDX document that lacks a component",
        |r| r.relisted("sbom.spdx.json", |text| text.replace("bundle/tiny", "bundle/other")),
        "contradiction",
        "inventory.json",
    ),
    (
        "a signed CycloneDX document with another version",
        |r| r.relisted("sbom.cdx.json", |text| text.replace("\"1.0.0+b1\"", "\"1.0.0+b2\"")),
        "contradiction",
        "inventory.json",
    ),
    (
        "a provenance by nobody who is trusted",
        |r| {
            let evil = SecretKey::generate("evil").unwrap();
            r.relisted("provenance.dsse.json", |_| evil.seal(PAYLOAD, b"{}").unwrap());
        },
        "contradiction",
        "provenance.dsse.json",
    ),
    (
        "a provenance that says nothing",
        |r| r.relisted("provenance.dsse.json", |_| r.key("vendor").seal(PAYLOAD, b"{}").unwrap()),
        "contradiction",
        "provenance.dsse.json",
    ),
    ("no provenance", |r| r.unlisted("provenance.dsse.json"), "missing", "release.json"),
    (
        "a provenance of another run than the record names",
        |r| r.resigned(|record| record["maker"] = json!({ "run": "https://ci.example/2" })),
        "contradiction",
        "provenance.dsse.json",
    ),
    (
        "a statement of a rebuild that is none",
        |r| r.write("rebuilt.dsse.json", "yes, I did"),
        "contradiction",
        "rebuilt.dsse.json",
    ),
    (
        "a statement of a rebuild by nobody who is trusted",
        |r| restate(r, &SecretKey::generate("evil").unwrap(), |_| ()),
        "contradiction",
        "rebuilt.dsse.json",
    ),
    (
        "a statement of a rebuild of another record",
        |r| restate(r, &r.key("vendor"), |record| record["name"] = json!("Tinier")),
        "contradiction",
        "rebuilt.dsse.json",
    ),
    (
        "a statement of a rebuild of other images",
        |r| {
            restate(r, &r.key("vendor"), |record| {
                record["artifacts"][0]["sha256"] = json!(Digest::of("other").to_string());
            });
        },
        "contradiction",
        "rebuilt.dsse.json",
    ),
    (
        "a provenance in the place of a statement of a rebuild",
        |r| r.write("rebuilt.dsse.json", text(&r.path("provenance.dsse.json"))),
        "contradiction",
        "rebuilt.dsse.json",
    ),
    ("no list of components", |r| r.unlisted("sbom.spdx.json"), "missing", "sbom.spdx.json"),
    ("a further file", |r| r.write("setup.exe", "MZ"), "foreign", "setup.exe"),
    ("a further folder", |r| fs::create_dir(r.path("drivers")).unwrap(), "foreign", "drivers"),
    (
        "a link in a file's place",
        |r| {
            r.remove("IMPORT.md");
            std::os::unix::fs::symlink("build.json", r.path("IMPORT.md")).unwrap();
        },
        "foreign",
        "IMPORT.md",
    ),
    (
        "a folder in a file's place",
        |r| {
            r.remove("IMPORT.md");
            fs::create_dir(r.path("IMPORT.md")).unwrap();
        },
        "foreign",
        "IMPORT.md",
    ),
];

/// As an attacker who has the key would: the record has the new document's digest.
fn drop_package(release: &Release) {
    let mut document: Value = serde_json::from_str(&text(&release.path("sbom.spdx.json"))).unwrap();
    document["packages"].as_array_mut().unwrap().pop().unwrap();
    let document = document.to_string();
    release.write("sbom.spdx.json", &document);
    release.resigned(|record| {
        let mut files = record["files"].as_array_mut().unwrap().iter_mut();
        let file = files.find(|file| file["name"] == "sbom.spdx.json").unwrap();
        file["size"] = json!(document.len());
        file["sha256"] = json!(Digest::of(&document).to_string());
    });
}

/// States that a release was built again whose record is this one's but for `change`.
fn restate(release: &Release, key: &SecretKey, change: impl FnOnce(&mut Value)) {
    let mut record: Value = serde_json::from_str(&text(&release.path("release.json"))).unwrap();
    change(&mut record);
    let record = serde_json::to_string_pretty(&record).unwrap() + "\n";
    let other = slipway::release::Release::parse(record.as_bytes()).unwrap();
    let now = slipway::units::Timestamp::from_seconds(1_700_000_000);
    let statement = slipway::release::attest(&other, Digest::of(&record), key, now).unwrap();
    release.write("rebuilt.dsse.json", statement);
}

fn drop_line(release: &Release) {
    let sums = text(&release.path("SHA256SUMS"));
    let rest: String = sums.lines().skip(1).map(|line| format!("{line}\n")).collect();
    release.write("SHA256SUMS", rest);
    release.sign("SHA256SUMS", &release.key("vendor"), Namespace::Release);
}

fn add_line(release: &Release, name: &str) {
    let line = format!("{}  {name}\n", Digest::of(name));
    release.edit("SHA256SUMS", |bytes| bytes.extend(line.into_bytes()));
    release.sign("SHA256SUMS", &release.key("vendor"), Namespace::Release);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn each_of_fifty_changes_to_a_release_is_refused() {
    assert!(CHANGES.len() >= 50, "{}", CHANGES.len());
    let (project, release) = released();
    let image = image(&release).file_name().unwrap().to_string_lossy().into_owned();
    for (n, (what, change, rule, file)) in CHANGES.iter().enumerate() {
        let folder = project.path().join(format!("changed-{n}"));
        copy(&release, &folder);
        let changed = Release { project: project.path().to_owned(), folder };
        change(&changed);
        let found = faults(project.path(), &changed.folder);
        let wanted = (*rule, if *file == "IMAGE" { image.as_str() } else { file });
        let is_it = |(rule, file): &(String, String)| (rule.as_str(), file.as_str()) == wanted;
        assert!(found.iter().any(is_it), "{what}: {found:?}");
        fs::remove_dir_all(&changed.folder).unwrap();
    }
}

#[test]
fn all_that_is_wrong_is_listed_and_not_the_first_thing_alone() {
    let (project, release) = released();
    let changed = Release { project: project.path().to_owned(), folder: release };
    changed.write("IMPORT.md", "changed");
    changed.remove("build.json");
    changed.write("setup.exe", "MZ");
    let found = faults(project.path(), &changed.folder);
    for wanted in [("changed", "IMPORT.md"), ("missing", "build.json"), ("foreign", "setup.exe")] {
        assert!(found.contains(&(wanted.0.to_owned(), wanted.1.to_owned())), "{found:?}");
    }
}
