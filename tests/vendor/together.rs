//! Two builds of one customer at the same moment, and one that is told to stop.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use slipway::desk::{Desk, Pulling};
use slipway::error::Kind;
use slipway::project::{Project, Surroundings};
use slipway::units::Timestamp;

use crate::common::ends::{Ends, moments};
use crate::common::small::{bundle, project, publish, run, slipway};

fn artifacts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("out/tiny")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Starts a build, and reads its output until it says that it waits.
fn waiting(folder: &Path) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = slipway(folder, &["build", "tiny", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("another build is making") {
        assert!(said.read_line(&mut text).unwrap() > 0, "it did not wait: {text}");
    }
    (child, said)
}

#[test]
fn the_second_build_of_a_customer_waits_for_the_first_and_takes_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    publish(folder, &bundle(folder, "1"));
    // to learn the artifacts' names
    run(folder, &["build", "tiny"]);
    let expected = artifacts(folder);
    let record = expected.iter().find(|path| {
        path.to_string_lossy().contains("+b1-") && path.extension().unwrap() == "json"
    });
    let record = record.unwrap().file_name().unwrap().to_string_lossy().into_owned();
    expected.iter().for_each(|path| std::fs::remove_file(path).unwrap());

    // this looks like a third build to the two: both have begun before either continues
    let third = folder.join("out/tiny").join(format!(".{record}.slipway-new"));
    let held = File::create(&third).unwrap();
    held.lock().unwrap();
    let both = [waiting(folder), waiting(folder)];
    drop(held);
    let mut took = 0;
    let mut results = Vec::new();
    for (child, mut said) in both {
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{rest}");
        took += usize::from(rest.contains("that build is complete, and this is its result"));
        results.push(output.stdout);
    }
    assert_eq!(took, 1, "one builds, the other takes its result");
    assert_eq!(results[0], results[1]);
    assert_eq!(artifacts(folder), expected, "one image, its record, and the pointer");
}

#[test]
fn a_build_that_is_told_to_stop_leaves_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    publish(folder, &bundle(folder, "1"));
    let surroundings = Surroundings {
        project: Some(folder.to_owned()),
        cache: Some(folder.join("own-cache")),
        ..Surroundings::default()
    };
    let desk = Desk::open(Project::open(&surroundings).unwrap(), Pulling::default()).unwrap();
    let ticket = desk.order("tiny", Timestamp::from_seconds(1_780_000_000)).unwrap();
    let out = folder.join("out/tiny");
    let left = |folder: PathBuf| std::fs::read_dir(folder).map_or(0, |entries| entries.count());
    let mut stopped = 0;
    // from the bundle to the base, which does not exist yet, to the image's last byte
    for after in moments() {
        let Err(error) = desk.build(&ticket, &Ends::after(after)) else { break };
        assert_eq!(error.kind(), Kind::Interrupted, "{after}: {error:?}");
        assert_eq!((left(out.clone()), left(folder.join("own-cache/base/tmp"))), (0, 0), "{after}");
        stopped += 1;
    }
    assert!(stopped > 5, "{stopped}");
    assert_eq!(left(out), 5, "one image, its record, the pointer, the digests and the page");
}
