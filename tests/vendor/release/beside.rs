//! What a release says beside the disk of its images is searched for leaks, too.

use std::path::Path;

use serde_json::Value;

use super::{make, said, text};
use crate::common::small::{bundle, project, publish, run};

const OTHER: &str = "base = \"debian-12\"\nsite = \"tiny\"\nchannel = \"stable\"\nstore = \"file:///srv/store\"\n\
     [customer]\nid = \"zenith\"\nname = \"Zenith Mining Ltd\"\n";

/// The faults of a refused release: rule, file and reason.
fn refused(folder: &Path) -> Vec<(String, String, String)> {
    let output = make(folder, &["--without-smoke", "the test has no machine"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let faults = told["faults"].as_array().unwrap().iter();
    faults.map(|f| (word(&f["rule"]), word(&f["file"]), word(&f["reason"]))).collect()
}

#[test]
fn another_customers_name_in_a_package_or_in_a_text_keeps_an_image_from_being_released() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    std::fs::write(folder.join("profiles/zenith.toml"), OTHER).unwrap();
    let profile = folder.join("profiles/tiny.toml");
    let formats = text(&profile).replace("[\"qcow2\"]", "[\"qcow2\", \"ova\"]");
    std::fs::write(&profile, formats).unwrap();
    publish(folder, &bundle(folder, "1"));
    run(folder, &["build", "tiny"]);

    let out = folder.join("out/tiny");
    let page = out.join("IMPORT.md");
    let good = text(&page);
    std::fs::write(&page, format!("{good}\nAs with Zenith Mining Ltd, ask Marta.\n")).unwrap();
    let faults = refused(folder);
    let [(rule, file, reason)] = &faults[..] else { panic!("{faults:#?}") };
    assert_eq!((rule.as_str(), file.as_str()), ("leak", "IMPORT.md"), "{reason}");
    assert!(reason.starts_with("release:/IMPORT.md at byte "), "{reason}");
    assert!(reason.contains("the name of the customer \"zenith\""), "{reason}");
    let allow = "[[release.allow]]\nrule = \"other-customer\"\npath = \"release:/IMPORT.md\"\nreason = \"a sister\"\n";
    let before = text(&profile);
    std::fs::write(&profile, format!("{before}{allow}")).unwrap();
    let made = make(folder, &["--without-smoke", "the test has no machine"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));

    std::fs::write(&page, good).unwrap();
    std::fs::remove_dir_all(out.join("releases")).unwrap();
    let files = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let ova = files.into_iter().find(|path| path.extension().is_some_and(|e| e == "ova")).unwrap();
    let mut bytes = std::fs::read(&ova).unwrap();
    let (old, new) = (b"The product and what can be set", b"<!-- of zenith --> can be set  ");
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    bytes[at..][..old.len()].copy_from_slice(new);
    std::fs::remove_file(&ova).unwrap();
    std::fs::write(&ova, bytes).unwrap();
    let faults = refused(folder);
    let found = faults.iter().any(|(rule, _, reason)| {
        rule == "leak"
            && reason.contains(".ovf at byte")
            && reason.contains("the id of the customer")
    });
    assert!(found, "{faults:#?}");
}
