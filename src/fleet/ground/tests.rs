use super::*;
use crate::fleet::job::Rules;
use crate::fleet::policy::Which;
use crate::journal::Journal;

const NOON: i64 = 1_764_504_000;

fn write(ground: &Ground, name: &str, at: i64, ended: bool) {
    ground.make(name).unwrap();
    let (mut journal, _) = Journal::open(&ground.journal(name, None)).unwrap();
    let at = Timestamp::from_seconds(at);
    let rules = Rules {
        which: Which::Each,
        booted: None,
        firmware: Vec::new(),
        reboot: false,
        reason: None,
        release: None,
    };
    let began = Began {
        at,
        slipway: "0.0.0".to_owned(),
        process: 1,
        customers: Vec::new(),
        rules,
        changed_only: false,
    };
    journal.append(&Event::Began(began)).unwrap();
    if ended {
        journal.append(&Event::Ended { at }).unwrap();
    }
}

fn choose(ground: &Ground, now: i64) -> String {
    ground.choose(&ground.past().unwrap(), Timestamp::from_seconds(now), None).unwrap()
}

#[test]
fn a_night_that_was_cut_off_goes_on_for_a_day_even_past_midnight_and_one_that_ended_never() {
    let out = tempfile::tempdir().unwrap();
    let ground = Ground::of(out.path());
    assert_eq!(choose(&ground, NOON), "2025-11-30");
    write(&ground, "2025-11-30", NOON, true);
    assert_eq!(choose(&ground, NOON), "2025-11-30-2");
    write(&ground, "2025-11-30-2", NOON + 1, false);
    assert_eq!(choose(&ground, NOON + STALE - 60), "2025-11-30-2");
    assert_eq!(choose(&ground, NOON + STALE + 60), "2025-12-01");
}

#[test]
fn an_old_night_that_cannot_be_read_is_left_out_and_named() {
    let out = tempfile::tempdir().unwrap();
    let ground = Ground::of(out.path());
    write(&ground, "2025-11-29", NOON - STALE, true);
    ground.make("2025-11-28").unwrap();
    std::fs::write(ground.journal("2025-11-28", None), "nonsense\n").unwrap();
    let past = ground.past().unwrap();
    assert_eq!((past.nights.len(), past.unread.len()), (1, 1));
    assert!(past.unread[0].contains("2025-11-28"), "{:?}", past.unread);
}

#[test]
fn pictures_of_consoles_are_the_users_alone_and_out_is_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let ground = Ground::of(&root.path().join("out"));
    drop(ground.lock(None).unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(ground.path()), 0o700);
    // as any new folder
    std::fs::create_dir(root.path().join("other")).unwrap();
    assert_eq!(mode(&root.path().join("out")), mode(&root.path().join("other")));
}
