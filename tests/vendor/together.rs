//! Two builds of one customer at the same moment.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::common::small::{bundle, project, publish, run, slipway};

fn artifacts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("out/tiny")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Starts a build, and reads what it says until it says that it waits.
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
    // which names it gives
    run(folder, &["build", "tiny"]);
    let expected = artifacts(folder);
    let record = expected.iter().find(|path| {
        path.to_string_lossy().contains("+b1-") && path.extension().unwrap() == "json"
    });
    let record = record.unwrap().file_name().unwrap().to_string_lossy().into_owned();
    expected.iter().for_each(|path| std::fs::remove_file(path).unwrap());

    // a third build, as far as these two can tell: both have begun before either goes on
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
