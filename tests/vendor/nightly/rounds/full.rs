//! A disk that is full at any moment: a small filesystem of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Chance, Counts, assert_whole, releasing, rounds};
use crate::common::judge::judge;
use crate::common::small::{bundle, publish};
use crate::nightly::{fleet, night, verdicts};

const CUSTOMERS: [&str; 3] = ["acme", "north", "south"];
/// The size of the filesystem, in MiB: more than the rounds need.
const SIZE: u64 = 512;

/// A tmpfs. It needs root, as every mount does.
struct Small(tempfile::TempDir);

impl Small {
    fn mounted() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "only root can mount a filesystem: run this as root"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        judge("mount", &["-t", "tmpfs", "-o", &format!("size={SIZE}m"), "tmpfs", path]);
        Self(folder)
    }

    /// Takes all that is free; returns the file that has it.
    fn fill(&self) -> PathBuf {
        let filler = self.0.path().join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        // whoever writes meanwhile gives some back, or takes it
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        filler
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        judge("umount", &["--lazy", self.0.path().to_str().unwrap()]);
    }
}

#[test]
#[ignore = "takes long: scripts/night-faults runs it"]
fn a_night_on_a_disk_that_fills_says_so_and_the_next_one_goes_on_when_there_is_room() {
    let small = Small::mounted();
    let folder = small.0.path();
    fleet(folder, &CUSTOMERS, &releasing());
    night(folder, &[]);
    publish(folder, &bundle(folder, "2"));
    let begun = Instant::now();
    night(folder, &[]);
    let whole = begun.elapsed();
    let mut counts = Counts::default();
    for round in 0..rounds(50) {
        publish(folder, &bundle(folder, &(round + 3).to_string()));
        let (output, filler) = std::thread::scope(|scope| {
            let night = scope.spawn(|| night(folder, &[]).0);
            std::thread::sleep(whole.mul_f64(Chance::of(round).below(1000) as f64 / 1000.0));
            let filler = small.fill();
            (night.join().unwrap(), filler)
        });
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => counts.one("was over before"),
            Some(code) => {
                assert!(is_clear(&said), "round {round}: {code}: {said}");
                assert!(!said.contains("panicked"), "round {round}: {said}");
                counts.one(format!("said that the disk is full, exit code {code}"));
            }
            None => panic!("round {round}: {said}"),
        }
        fs::remove_file(filler).unwrap();
        let (output, report) = night(folder, &[]);
        assert!(matches!(output.status.code(), Some(0 | 3)), "round {round}: {:?}", output.status);
        assert_eq!(verdicts(&report).len(), CUSTOMERS.len());
        assert_whole(folder, &CUSTOMERS, round);
        make_room(folder);
    }
    counts.show("nights whose disk was full from some moment on:");
}

fn is_clear(said: &str) -> bool {
    ["No space left on device", "free some space"].iter().any(|words| said.contains(words))
}

/// What a store keeps for ever would fill the filesystem some time.
fn make_room(folder: &Path) {
    let _ = fs::remove_dir_all(folder.join("out/bundles"));
}
