use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
enum Event {
    Begun { job: String },
    Ended { job: String, seconds: u32 },
}

fn begun(job: &str) -> Event {
    Event::Begun { job: job.to_owned() }
}

/// Three events, one with a line's end in it.
fn events() -> Vec<Event> {
    vec![begun("acme"), Event::Ended { job: "ü\n\"".to_owned(), seconds: 7 }, begun("birch")]
}

fn written(events: &[Event]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let (mut journal, found) = Journal::open(&path).unwrap();
    assert_eq!(found, []);
    events.iter().for_each(|event| journal.append(event).unwrap());
    (folder, path)
}

#[test]
fn what_happened_is_there_when_it_is_opened_again_and_goes_on() {
    let (_folder, path) = written(&events());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("{\"journal\":1}\n{\"event\":\"begun\",\"job\":\"acme\"}\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 4);
    let (mut journal, found) = Journal::open(&path).unwrap();
    assert_eq!(found, events());
    journal.append(&begun("cedar")).unwrap();
    // whoever only looks waits for nobody
    assert_eq!(read::<Event>(&path).unwrap().last(), Some(&begun("cedar")));
}

#[test]
fn a_file_that_was_cut_anywhere_has_its_whole_lines_and_goes_on() {
    let (_folder, path) = written(&events());
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let ends = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        let whole = &events()[..ends.saturating_sub(1)];
        assert_eq!(read::<Event>(&path).unwrap(), whole, "{length}");
        let (mut journal, found) = Journal::open(&path).unwrap();
        assert_eq!(found, whole, "{length}");
        journal.append(&begun("again")).unwrap();
        drop(journal);
        let expected = [whole, &[begun("again")]].concat();
        assert_eq!(Journal::<Event>::open(&path).unwrap().1, expected, "{length}");
    }
}

#[test]
fn a_last_line_that_lost_its_bytes_is_cut() {
    let (_folder, path) = written(&events());
    let bytes = std::fs::read(&path).unwrap();
    for tail in [&b"\0\0\0\0"[..], b"\0\0\"}\n", b"{\"event\":\n", b"\xff"] {
        std::fs::write(&path, [&bytes, tail].concat()).unwrap();
        let (mut journal, found) = Journal::open(&path).unwrap();
        assert_eq!(found, events());
        journal.append(&begun("again")).unwrap();
        drop(journal);
        assert_eq!(Journal::<Event>::open(&path).unwrap().1.len(), 4);
    }
}

#[test]
fn a_damaged_line_before_the_last_is_an_error_that_names_it_and_changes_nothing() {
    let (_folder, path) = written(&events());
    let mut bytes = std::fs::read(&path).unwrap();
    let third = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
    bytes[third] = 0;
    std::fs::write(&path, &bytes).unwrap();
    let error = Journal::<Event>::open(&path).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    let expected = format!("{}: line 3 of the journal is damaged at byte {third}", path.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn fields_of_later_versions_pass_and_events_of_later_versions_are_never_cut() {
    let (_folder, path) = written(&[]);
    let head = std::fs::read_to_string(&path).unwrap();
    let later = "{\"event\":\"begun\",\"job\":\"acme\",\"host\":\"node-7\"}\n";
    std::fs::write(&path, format!("{head}{later}")).unwrap();
    assert_eq!(Journal::<Event>::open(&path).unwrap().1, [begun("acme")]);
    let text = format!("{head}{later}{{\"event\":\"paused\"}}\n");
    std::fs::write(&path, &text).unwrap();
    let error = Journal::<Event>::open(&path).unwrap_err();
    assert!(error.to_string().contains("line 3 of the journal is not understood"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    for text in ["dear diary\n", "dear diary", "{}\n", "{\"journal\":2}\n", "\n"] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(Journal::<Event>::open(&path).unwrap_err().kind(), Kind::Refused, "{text:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(read::<Event>(&folder.path().join("none")).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn a_line_that_could_not_be_written_to_its_end_is_cut_before_the_next_one() {
    let (_folder, path) = written(&[]);
    let (mut journal, _) = Journal::open(&path).unwrap();
    // as a full disk leaves it
    journal.torn = true;
    journal
        .file
        .write_all_at(b"{\"event\":\"begun\",\"job\":\"a name that is longer", journal.end)
        .unwrap();
    journal.append(&begun("acme")).unwrap();
    drop(journal);
    assert_eq!(Journal::<Event>::open(&path).unwrap().1, [begun("acme")]);
}

/// Names the file for the process that writes until it is killed.
const PATH: &str = "JOURNAL_OF_THE_KILLED";

#[test]
#[ignore = "the other test starts it, to kill it"]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let (mut journal, found) = Journal::<u64>::open(path.as_ref()).unwrap();
    for number in found.len() as u64.. {
        journal.append(&number).unwrap();
        eprintln!("wrote {number}");
    }
}

#[test]
fn what_a_killed_process_was_told_is_written_stays_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    for round in 1..4 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "journal::tests::writes_until_it_is_killed", "--ignored"]);
        command.arg("--nocapture").env(PATH, &path).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let last = said.nth(round * 3).unwrap().unwrap();
        // one writer at a time
        let error = Journal::<u64>::open(&path).unwrap_err();
        assert!(error.to_string().contains("another process writes"), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
        let (_journal, found) = Journal::<u64>::open(&path).unwrap();
        assert!(found.iter().copied().eq(0..found.len() as u64), "{found:?}");
        let told: u64 = last.strip_prefix("wrote ").unwrap().parse().unwrap();
        assert!(found.len() as u64 > told, "{told}: {found:?}");
    }
}
