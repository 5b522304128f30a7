//! What explains a release's images and proves how they were made, as others judge it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use slipway::key::{Namespace, Trust};
use slipway::release::PAYLOAD;
use slipway::units::{Digest, Timestamp};

use super::{image, released, said, text};
use crate::common::evidence::{accepted, cosign, refuses};
use crate::common::project::repository;
use crate::common::small::{project, publish, run, slipway};

pub fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// The public key, as PEM.
pub fn pem(folder: &Path) -> std::path::PathBuf {
    let shown = slipway(folder, &["key", "show", "vendor", "--pem"]).output().unwrap();
    assert!(shown.status.success(), "{}", said(&shown));
    let path = folder.join("vendor.pem");
    std::fs::write(&path, shown.stdout).unwrap();
    path
}

#[test]
fn the_provenance_is_a_signed_slsa_statement_of_the_images_for_in_toto_and_for_cosign() {
    let (folder, release) = released();
    let (key, envelope) = (pem(folder.path()), release.join("provenance.dsse.json"));
    let statement: Value =
        serde_json::from_str(&accepted("provenance", &[&envelope, &key])[0]).unwrap();
    let image = image(&release);
    let digest = Digest::of(std::fs::read(&image).unwrap()).to_string();
    assert_eq!(statement["subject"][0]["digest"]["sha256"], digest.as_str());
    let record = json(&release.join("release.json"));
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(definition["internalParameters"]["plan"], record["plan"]);
    let inputs = definition["resolvedDependencies"].as_array().unwrap();
    let bundle = &record["bundle"]["digest"];
    assert!(inputs.iter().any(|input| input["digest"]["sha256"] == *bundle), "{inputs:?}");

    let verified = cosign(&key, &envelope, &image);
    assert!(verified.status.success(), "{}", said(&verified));
    let other = folder.path().join("other.img");
    std::fs::write(&other, "another image").unwrap();
    assert!(!cosign(&key, &envelope, &other).status.success());

    let payload = json(&envelope)["payload"].as_str().unwrap().to_owned();
    // one character of base64 inside the statement
    let changed = format!("{}A{}", &payload[..100], &payload[101..]);
    let changed = if changed == payload { payload.replacen('A', "B", 1) } else { changed };
    assert!(refuses("provenance", &envelope, &[&key], &payload, &changed));
    std::fs::write(&envelope, text(&envelope).replace(&payload, &changed)).unwrap();
    assert!(!cosign(&key, &envelope, &image).status.success());
}

#[test]
fn both_lists_of_a_releases_components_hold_the_same_and_others_accept_them_and_no_damaged_copy() {
    let (_folder, release) = released();
    let (spdx, cyclonedx) = (release.join("sbom.spdx.json"), release.join("sbom.cdx.json"));
    let listed = accepted("spdx", &[&spdx]);
    assert_eq!(listed, accepted("cyclonedx", &[&cyclonedx]));
    let inventory = json(&release.join("inventory.json"));
    let components = inventory["components"].as_array().unwrap();
    let held: BTreeSet<_> = components.iter().map(|c| c["purl"].as_str().unwrap()).collect();
    assert_eq!(held, listed.iter().map(String::as_str).collect());
    let digest = Digest::of(std::fs::read(image(&release)).unwrap()).to_string();
    for file in [&spdx, &cyclonedx] {
        assert!(text(file).contains(&digest), "{}", file.display());
    }
    for (before, after) in [
        ("\"SPDX-2.3\"", "\"SPDX-2.9\""),
        ("\"licenseDeclared\": \"NOASSERTION\"", "\"licenseDeclared\": \"Nonsense-1.0\""),
        ("\"SHA256\"", "\"SHA257\""),
        ("SPDXRef-Image", "SPDXRef Image"),
        ("\"created\": \"2", "\"created\": \"x"),
    ] {
        assert!(refuses("spdx", &spdx, &[], before, after), "{before}");
    }
    for (before, after) in [
        ("\"SHA-256\"", "\"SHA-257\""),
        ("\"bomFormat\"", "\"format\""),
        ("urn:uuid:", "urn:"),
        ("\"operating-system\"", "\"system\""),
    ] {
        assert!(refuses("cyclonedx", &cyclonedx, &[], before, after), "{before}");
    }
}

/// The bundle's own manifest says what it brings, and npm's lock file what is inside the app.
#[test]
fn the_apps_their_npm_packages_and_the_modules_of_the_bundle_are_told_with_its_own_digests() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    let site = folder.join("site");
    for below in ["site/manifests", "modules/greeting/manifests"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    let app = repository("examples/demo-vendor/apps/guestbook");
    let text = format!(
        "site = \"tiny\"\nversion = \"1.0.0\"\n[apps]\nguestbook = {{ path = \"{}\" }}\n\
         [modules]\ngreeting = {{ path = \"../modules/greeting\" }}\n",
        app.display()
    );
    std::fs::write(site.join("SITE.toml"), text).unwrap();
    std::fs::write(site.join("manifests/site.pp"), "include greeting\n").unwrap();
    let module = folder.join("modules/greeting");
    let metadata = r#"{"name":"acme-greeting","version":"2.0.0","author":"acme","license":"MIT"}"#;
    std::fs::write(module.join("metadata.json"), metadata).unwrap();
    std::fs::write(module.join("manifests/init.pp"), "class greeting {}\n").unwrap();
    run(folder, &["bundle", "build", "site", "--no-puppet-check"]);
    let bundle = folder.join("out/bundles/tiny-1.0.0+b1.tgz");
    publish(folder, &bundle);
    run(folder, &["build", "tiny"]);
    let listed = slipway(folder, &["sbom", "tiny", "--format", "inventory"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let of_sort = |sort: &str| -> Vec<&Value> {
        listed["components"].as_array().unwrap().iter().filter(|c| c["sort"] == sort).collect()
    };
    let shown = slipway(folder, &["bundle", "show", bundle.to_str().unwrap(), "--json"]);
    let manifest: Value = serde_json::from_slice(&{ shown }.output().unwrap().stdout).unwrap();
    let (apps, modules) = (of_sort("app"), of_sort("module"));
    assert_eq!(apps[0]["sha256"], manifest["apps"][0]["digest"]);
    assert_eq!(modules[0]["tree"], manifest["modules"][0]["digest"]);
    assert_eq!(modules[0]["purl"], "pkg:puppet/acme/greeting@2.0.0");
    assert_eq!((apps.len(), modules.len()), (1, 1));
    let lock = json(&app.join("package-lock.json"));
    let locked = lock["packages"].as_object().unwrap().iter().filter(|(path, _)| !path.is_empty());
    let locked: BTreeSet<String> = locked
        .map(|(path, package)| {
            let name = path.rsplit("node_modules/").next().unwrap().replace('@', "%40");
            format!("pkg:npm/{name}@{}", package["version"].as_str().unwrap())
        })
        .collect();
    let npm: BTreeSet<String> =
        of_sort("npm").iter().map(|c| c["purl"].as_str().unwrap().to_owned()).collect();
    assert_eq!(npm, locked);
    assert!(of_sort("npm").iter().all(|c| c["licence"].is_string()));
}

/// What was written once is read by every later version.
#[test]
fn the_first_provenance_that_was_signed_still_opens() {
    let record = |name: &str| repository("tests/records/provenance").join(name);
    let trust = Trust::read(&record("allowed_signers")).unwrap();
    let envelope = std::fs::read(record("provenance-1.dsse.json")).unwrap();
    let now = Timestamp::from_seconds(1_800_000_000);
    let opened = trust.open("tiny", Namespace::Provenance, &envelope, PAYLOAD, now).unwrap();
    let statement: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert!(trust.open("tiny", Namespace::Release, &envelope, PAYLOAD, now).is_err());
}
