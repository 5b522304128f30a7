//! Bits that flip in the cache, and entries that are cut short or gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use slipway::units::Digest;

use super::{Chance, Counts, releasing, rounds};
use crate::common::small::slipway;
use crate::nightly::{customer, fleet, night};

/// All files below a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() && !path.is_symlink() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.retain(|path| path.metadata().is_ok_and(|meta| meta.len() > 0));
    found.sort();
    found
}

fn image(folder: &Path) -> Option<Digest> {
    let entries = fs::read_dir(folder.join("out/acme")).ok()?.map(|entry| entry.unwrap().path());
    let path = entries.filter(|path| path.extension().is_some_and(|end| end == "qcow2")).max()?;
    Some(Digest::of(fs::read(path).unwrap()))
}

/// Damages one file of the cache; says how.
fn damage(path: &Path, chance: &mut Chance) -> &'static str {
    let mut bytes = fs::read(path).unwrap();
    let at = chance.below(bytes.len() as u64) as usize;
    match chance.below(4) {
        0 => {
            fs::remove_file(path).unwrap();
            return "gone";
        }
        1 => {
            bytes.truncate(at);
            fs::write(path, bytes).unwrap();
            return "cut short";
        }
        _ => {}
    }
    bytes[at] ^= 1 << chance.below(8);
    fs::write(path, bytes).unwrap();
    "a bit flipped"
}

#[test]
#[ignore = "takes long: scripts/night-faults runs it"]
fn what_is_damaged_in_the_cache_is_never_in_a_release() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    fleet(folder, &["acme"], &releasing());
    // two plans in turn, so that every round builds; what they give is known from a sound cache
    let plan = |round: u64| format!("[branding]\nproduct = \"Shop {}\"\n", round % 2);
    let mut sound = BTreeMap::new();
    for round in 0..2 {
        customer(folder, "acme", &plan(round));
        assert_eq!(night(folder, &[]).0.status.code(), Some(0));
        sound.insert(round, image(folder).unwrap());
    }
    let cache = folder.join("cache");
    let mut counts = Counts::default();
    for round in 0..rounds(200) {
        customer(folder, "acme", &plan(round));
        fs::remove_dir_all(folder.join("out/acme")).unwrap();
        let mut chance = Chance::of(round);
        let all = files(&cache);
        let path = &all[chance.below(all.len() as u64) as usize];
        let what = damage(path, &mut chance);
        let name = path.strip_prefix(&cache).unwrap().iter().next().unwrap().to_string_lossy();
        let (output, _) = night(folder, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "round {round}: {said}");
        let then = match output.status.code() {
            Some(0 | 3) => {
                assert_eq!(
                    image(folder).as_ref(),
                    sound.get(&(round % 2)),
                    "round {round}: {path:?}"
                );
                "the right image"
            }
            code => {
                println!("round {round}: {path:?} {what}: {code:?}\n{said}");
                "refused"
            }
        };
        counts.one(format!("{what} in {name}: {then}"));
        // whatever became of it, the next night is well again or says what to do
        let (output, _) = night(folder, &[]);
        if !matches!(output.status.code(), Some(0 | 3)) {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("help: "), "round {round}: no remedy: {said}");
            counts.one(format!("{what} in {name}: refused until somebody acts"));
            slipway(folder, &["cache", "clear"]).output().unwrap();
            let _ = fs::remove_dir_all(&cache);
            assert!(matches!(night(folder, &[]).0.status.code(), Some(0 | 3)), "round {round}");
        }
        assert_eq!(image(folder).as_ref(), sound.get(&(round % 2)), "round {round}: {path:?}");
    }
    counts.show("damage in the cache:");
}
