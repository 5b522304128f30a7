//! The profiles that we ship, and the schema that their editors read.

use std::path::{Path, PathBuf};

use slipway::profile::{self, Audience, Known, SCHEMA_FILE, SHARED};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
}

/// The bases that we ship.
fn known() -> Known {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    Known { bases: profile::names(&images).expect("the folder") }
}

#[test]
fn every_shipped_profile_is_valid_and_carries_the_editors_hint() {
    let paths = profile::all(&folder()).expect("the folder");
    assert!(paths.len() >= 3, "{paths:?}");
    for path in paths {
        if let Err(errors) = profile::load(&path, &known()) {
            panic!("{errors}");
        }
        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.starts_with(&format!("#:schema {SCHEMA_FILE}\n")), "{}", path.display());
    }
}

#[test]
fn every_shipped_parent_is_valid_and_carries_the_editors_hint() {
    for path in profile::all(&folder().join(SHARED)).expect("the folder") {
        if let Err(errors) = profile::check_parent(&path, &known()) {
            panic!("{errors}");
        }
        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.starts_with(&format!("#:schema {SCHEMA_FILE}\n")), "{}", path.display());
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let files = [
        (Audience::Customer, folder().join(SCHEMA_FILE), "slipway schema"),
        (Audience::Parent, folder().join(SHARED).join(SCHEMA_FILE), "slipway schema --parent"),
    ];
    for (audience, path, command) in files {
        let text = std::fs::read_to_string(&path).expect("the schema");
        let committed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let stale = format!("{} is stale: {command} > {0}", path.display());
        assert!(committed == profile::schema(audience), "{stale}");
    }
}

#[test]
fn the_schema_has_a_description_for_every_key() {
    let schema = profile::schema(Audience::Customer);
    let tables = schema["definitions"].as_object().expect("definitions").values();
    for table in tables.chain([&schema]).filter(|table| table.get("properties").is_some()) {
        for (key, property) in table["properties"].as_object().expect("an object") {
            assert!(property["description"].is_string(), "{key}: {property}");
        }
    }
}

#[test]
fn a_loaded_profile_reads_back_from_an_image_record() {
    for path in profile::all(&folder()).expect("the folder") {
        let loaded = profile::load(&path, &known()).expect("valid");
        let json = serde_json::to_string(&loaded.profile).expect("JSON");
        let again: profile::Profile = serde_json::from_str(&json).expect("the same");
        assert_eq!(again, loaded.profile);
    }
}
