//! Time zones are checked against a table at once, for each base.

use std::path::Path;
use std::process::Command;

use slipway::profile::{self, Known};

use super::{NASTY, all_accepted, all_refused, refused, with};

#[test]
fn a_time_zone_is_one_of_the_database() {
    all_refused("system.timezone", &NASTY);
    all_refused(
        "system.timezone",
        &[
            "/etc/passwd",
            "Europe/../../etc/shadow",
            "Europe/",
            "Europe",
            "Europe//Berlin",
            "utc",
            "Europe/Munich",
            "CEST",
            "UTC+1",
            "posix/Europe/Berlin",
            "localtime",
        ],
    );
    all_accepted(
        "system.timezone",
        &[
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+5",
            "GB-Eire",
            "EST5EDT",
        ],
    );
    let label = |written: &str| {
        refused(&format!("system.timezone = \"{written}\"")).errors[0].label.clone()
    };
    assert_eq!(label("europe/berlin"), "write \"Europe/Berlin\"");
    assert_eq!(label("Berlin"), "write \"Europe/Berlin\"");
    assert_eq!(label("New York"), "write \"America/New_York\"");
    // a German city is not in the zone of the city with the most similar name
    assert_eq!(label("Europe/Munich"), "not a name of the time zone database");
}

#[test]
fn a_base_that_lacks_the_old_names_gets_todays_name_as_help() {
    let known = Known {
        bases: vec!["debian-12".to_owned(), "debian-13".to_owned()],
        without_old_zones: vec!["debian-13".to_owned()],
        ..Known::default()
    };
    let load = |base: &str, more: &str| {
        let text = with(&format!("base = \"{base}\"\nsystem.timezone = \"US/Eastern\"\n{more}"));
        profile::load_text(Path::new("profiles/x.toml"), &text, &known)
    };
    load("debian-12", "").unwrap_or_else(|errors| panic!("{errors}"));
    load("debian-13", "packages = [\"tzdata-legacy\"]").unwrap_or_else(|errors| panic!("{errors}"));
    let errors = load("debian-13", "").expect_err("an old name");
    assert_eq!(errors.errors.len(), 1, "{errors}");
    assert_eq!(errors.errors[0].label, "write \"America/New_York\"");
    assert!(errors.to_string().contains("tzdata-legacy"), "{errors}");
}

#[test]
fn the_shipped_bases_know_which_of_them_have_the_old_names() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    let has =
        |name| slipway::base::Definition::find(&images, name).expect("it").has_old_time_zones();
    let names = ["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04"];
    assert_eq!(names.map(has), [true, false, true, false]);
}

/// The judge is the distribution's own package: `tzdata` where this is Debian 12 or Ubuntu 22.04,
/// with `tzdata-legacy` on newer ones. An older state of it may lack the newest zones, but never
/// knows others.
#[test]
fn the_table_has_every_name_of_the_distributions_package() {
    let output = Command::new("dpkg").args(["-L", "tzdata"]).output().expect("dpkg");
    let files = String::from_utf8(output.stdout).expect("UTF-8");
    let zones = files.lines().filter_map(|file| file.strip_prefix("/usr/share/zoneinfo/"));
    let zones = zones.filter(|zone| {
        let path = Path::new("/usr/share/zoneinfo").join(zone);
        let plain = !zone.starts_with("posix/") && !zone.starts_with("right/");
        plain && path.is_file() && std::fs::read(path).expect("a zone").starts_with(b"TZif")
    });
    let mut count = 0;
    // names that are no places: a link to the machine's own zone, a default, and one that means
    // "not set"
    for zone in zones.filter(|zone| !["localtime", "posixrules", "Factory"].contains(zone)) {
        all_accepted("system.timezone", &[zone]);
        count += 1;
    }
    assert!(count > 400, "{count}");
}
