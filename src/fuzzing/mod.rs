//! The targets of fuzzers: every parser of foreign bytes, behind one function that takes any input.
//!
//! The functions are here and not beside the fuzzer, because many parsers are private, and because
//! the ordinary tests replay the committed inputs (`fuzz/corpus`) through the same functions. They
//! are compiled only for tests and with the feature `fuzzing`; see `docs/fuzzing.md`.
//!
//! None may panic, hang, or take more memory than the input justifies. Whatever could be read is
//! checked against itself: written and read again, or read in another way.

mod bundles;
mod disks;
mod images;
mod memory;
mod mend;
#[cfg(test)]
mod seeds;
mod texts;
mod trees;
mod vendor;

pub use bundles::{bundle, records};
pub use disks::{ext4, fat, pe, table};
pub use images::{ova, qcow2, stream, vhd, vmdk};
pub use texts::{base, profile, site, smoke};
pub use trees::{cache, tar};
pub use vendor::{app, vendor};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// Every target by its name: that of its fuzzer in `fuzz/fuzz_targets` and of its folder in
/// `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 19] = [
    ("tar", tar),
    ("cache", cache),
    ("bundle", bundle),
    ("records", records),
    ("qcow2", qcow2),
    ("vmdk", vmdk),
    ("vhd", vhd),
    ("ova", ova),
    ("stream", stream),
    ("table", table),
    ("fat", fat),
    ("ext4", ext4),
    ("pe", pe),
    ("profile", profile),
    ("base", base),
    ("site", site),
    ("smoke", smoke),
    ("app", app),
    ("vendor", vendor),
];

/// The first byte, which selects what is done with the others.
fn choice(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The largest total size of one target's committed inputs, in bytes.
    const CORPUS_LIMIT: u64 = 200 * 1024;

    #[test]
    fn every_committed_input_is_taken_by_its_target() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, target) in TARGETS {
            let mut total = 0;
            for file in std::fs::read_dir(corpus.join(name)).unwrap() {
                let path = file.unwrap().path();
                let data = std::fs::read(&path).unwrap();
                total += data.len() as u64;
                let taken = std::panic::catch_unwind(|| target(&data));
                assert!(taken.is_ok(), "{}", path.display());
            }
            assert!((1..=CORPUS_LIMIT).contains(&total), "{name} has {total} bytes");
        }
    }

    #[test]
    fn every_target_has_a_fuzzer_and_no_fuzzer_is_without_a_target() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let in_folder = |folder: &str| -> BTreeSet<String> {
            let files = std::fs::read_dir(fuzz.join(folder)).unwrap();
            let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
            files.map(|file| stem(&file.unwrap().path())).collect()
        };
        assert_eq!(in_folder("fuzz_targets"), names);
        assert_eq!(in_folder("corpus"), names);
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        assert!(names.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
    }
}
