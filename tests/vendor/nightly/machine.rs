//! A night with steps of the tests' own: cut off behind each line of its journal, it goes on to the same end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use slipway::error::{Error, Kind, Result, Told};
use slipway::fleet::{
    Allowed, Began, Bill, Conclusion, Did, Engine, Event, Evidence, Free, Job, Keeper, Night,
    Outcome, Planned, Rules, Standing, Step, Steps, Target, Watch, Which, conclude,
};
use slipway::progress::{Progress, Quiet};
use slipway::smoke::Firmware;
use slipway::units::{ByteSize, Digest, GIB, Timestamp};

/// What goes wrong: customer, step, and how often.
#[derive(Default)]
struct Script {
    faults: BTreeMap<(&'static str, &'static str), usize>,
    errors: BTreeMap<(&'static str, &'static str), Kind>,
    groups: BTreeMap<&'static str, &'static str>,
    /// What was run, in order.
    ran: Mutex<Vec<String>>,
    /// How many ran at once, and the most.
    at_once: Mutex<(usize, usize)>,
}

impl Script {
    fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }
}

fn told() -> Told {
    Error::new(Kind::Refused, "the machine did not become READY").told()
}

impl Steps for Script {
    fn run(&self, job: &Job, _: &dyn Progress) -> Result<Did> {
        {
            let mut now = self.at_once.lock().unwrap();
            now.0 += 1;
            now.1 = now.1.max(now.0);
        }
        let key = |(name, step): &(&str, &str)| *name == job.customer && *step == job.step.name();
        self.ran.lock().unwrap().push(format!("{} {} {}", job.customer, job.step, job.attempt));
        let fault = self.faults.iter().find(|(k, _)| key(k)).map_or(0, |(_, count)| *count);
        let error = self.errors.iter().find(|(k, _)| key(k)).map(|(_, kind)| *kind);
        self.at_once.lock().unwrap().0 -= 1;
        if let Some(kind) = error {
            return Err(Error::new(kind, "it broke"));
        }
        let group = self.groups.get(job.customer.as_str()).copied().unwrap_or(&job.customer);
        let planned = (job.step == Step::Plan).then(|| planned(&job.customer, group));
        Ok(Did {
            evidence: Evidence { planned, ..Evidence::default() },
            fault: (job.attempt as usize <= fault).then(told),
            ..Did::default()
        })
    }

    fn free(&self) -> Result<Free> {
        Ok(Free { memory: 64 * GIB, disk: 64 * GIB })
    }
}

fn planned(customer: &str, group: &str) -> Planned {
    Planned {
        plan: Digest::of(customer),
        id: format!("{customer}-1.0.0+b1-00000000"),
        folder: customer.to_owned(),
        name: customer.to_owned(),
        site: "demo".to_owned(),
        release: "demo-1.0.0+b1".to_owned(),
        base: "debian-12".to_owned(),
        group: Digest::of(group),
        memory: ByteSize(GIB),
    }
}

struct Silent;

impl Watch for Silent {
    fn begins(&self, _: &Job) -> Box<dyn Progress + Send + '_> {
        Box::new(Quiet)
    }
    fn over(&self, _: &Outcome, _: &Night) {}
    fn waits(&self, _: &str) {}
}

/// A journal in memory that fails behind so many lines, as a full disk does.
struct Lines {
    events: Vec<Event>,
    room: usize,
}

impl Keeper for Lines {
    fn happened(&mut self, event: &Event) -> Result<()> {
        if self.events.len() >= self.room {
            return Err(Error::new(Kind::NoSpace, "cannot write"));
        }
        self.events.push(event.clone());
        Ok(())
    }
    fn bill(&mut self, _: &str, _: &Bill) -> Result<()> {
        Ok(())
    }
    fn rest(&mut self, _: &Night) -> Result<()> {
        Ok(())
    }
}

fn began(customers: &[&str], which: Which) -> Began {
    Began {
        at: Timestamp::from_seconds(0),
        slipway: "0.0.0".to_owned(),
        process: 1,
        customers: customers.iter().map(|name| (*name).to_owned()).collect(),
        rules: Rules {
            which,
            booted: None,
            firmware: vec![Firmware::Bios, Firmware::Uefi],
            reboot: false,
            reason: None,
            release: None,
        },
        changed_only: false,
    }
}

/// One call; returns the night and its whole journal.
fn call(
    steps: &Script,
    before: &[Event],
    began: Began,
    jobs: usize,
    room: usize,
) -> (Result<()>, Night, Vec<Event>) {
    let clock = AtomicI64::new(0);
    let clock = || Timestamp::from_seconds(clock.fetch_add(1, Ordering::Relaxed));
    let stop = AtomicBool::new(false);
    let allowed = Allowed { jobs, memory: None, free_disk: ByteSize(0) };
    let engine = Engine { steps, watch: &Silent, clock: &clock, allowed, stop: &stop };
    let mut lines = Lines { events: before.to_vec(), room };
    let mut night = Night::replay(before).unwrap_or_else(|| Night::new(&began));
    let began = Event::Began(began);
    night.apply(&began);
    let done = lines.happened(&began).and_then(|()| engine.run(&mut night, &mut lines));
    (done, night, lines.events)
}

/// Where each customer stands, in words.
fn ends(night: &Night) -> Vec<String> {
    let end = |name: &String| match night.standing(name) {
        Standing::Waiting => format!("{name} waits"),
        Standing::Failed(outcome) => format!("{name} failed at {}", outcome.step),
        Standing::Good { .. } if night.flaky(name).is_some() => format!("{name} flaky"),
        Standing::Good { .. } => format!("{name} good"),
    };
    night.customers().map(|(name, _)| end(name)).collect()
}

const CUSTOMERS: [&str; 5] = ["bad", "broken", "flaky", "fine", "unread"];

fn script() -> Script {
    Script {
        faults: [(("bad", "smoke-bios"), 9), (("flaky", "smoke-uefi"), 1), (("broken", "lint"), 9)]
            .into(),
        errors: [(("unread", "plan"), Kind::Input)].into(),
        ..Script::default()
    }
}

#[test]
fn a_night_that_is_cut_off_behind_any_line_goes_on_to_the_same_end_and_does_nothing_twice() {
    let whole = script();
    let (done, night, events) = call(&whole, &[], began(&CUSTOMERS, Which::Each), 1, usize::MAX);
    done.unwrap();
    let expected = [
        "bad failed at smoke-bios",
        "broken failed at lint",
        "fine good",
        "flaky flaky",
        "unread failed at plan",
    ];
    assert_eq!(ends(&night), expected);
    let all: BTreeSet<String> = whole.ran().into_iter().collect();
    assert_eq!(all.len(), whole.ran().len(), "{:?}", whole.ran());
    assert!(events.len() > 15, "{}", events.len());
    for cut in 0..=events.len() {
        let next = script();
        let (done, night, _) =
            call(&next, &events[..cut], began(&CUSTOMERS, Which::Each), 1, usize::MAX);
        done.unwrap();
        assert_eq!(ends(&night), expected, "behind line {cut}");
        // what the journal has is done; plans are asked for again
        let before: Vec<String> = events[..cut]
            .iter()
            .filter_map(|event| match event {
                Event::Outcome(o) => Some(format!("{} {} {}", o.customer, o.step, o.attempt)),
                Event::Began(_) | Event::Ended { .. } => None,
            })
            .collect();
        let twice: Vec<_> = next
            .ran()
            .into_iter()
            .filter(|job| before.contains(job) && !job.contains(" plan "))
            .collect();
        assert!(twice.is_empty(), "behind line {cut}: {twice:?}");
        let both: BTreeSet<String> = before.into_iter().chain(next.ran()).collect();
        assert_eq!(both, all, "behind line {cut}");
    }
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_night_and_the_next_call_goes_on() {
    let (_, _, whole) = call(&script(), &[], began(&CUSTOMERS, Which::Each), 1, usize::MAX);
    for room in 1..whole.len() {
        let (done, _, events) = call(&script(), &[], began(&CUSTOMERS, Which::Each), 2, room);
        assert_eq!(done.unwrap_err().kind(), Kind::NoSpace, "{room}");
        let (done, night, _) =
            call(&script(), &events, began(&CUSTOMERS, Which::Each), 2, usize::MAX);
        done.unwrap();
        assert_eq!(ends(&night).len(), CUSTOMERS.len());
        assert!(!ends(&night).iter().any(|end| end.contains("waits")), "{:?}", ends(&night));
    }
}

#[test]
fn one_bad_customer_never_costs_another_and_whose_fault_it_is_decides_the_end() {
    let conclude_with = |errors: &[((&'static str, &'static str), Kind)], customers: &[&str]| {
        let steps = Script { errors: errors.iter().copied().collect(), ..Script::default() };
        let (done, night, _) = call(&steps, &[], began(customers, Which::Each), 3, usize::MAX);
        done.unwrap();
        (conclude(&night), ends(&night))
    };
    let customers = ["a", "b", "c"];
    assert_eq!(conclude_with(&[], &customers).0, Conclusion::Good);
    let (end, all) = conclude_with(&[(("b", "build"), Kind::Refused)], &customers);
    assert_eq!(
        (end, all),
        (Conclusion::Failed, ["a good", "b failed at build", "c good"].map(str::to_owned).to_vec())
    );
    let errors = [(("b", "build"), Kind::Refused), (("c", "plan"), Kind::Network)];
    assert_eq!(conclude_with(&errors, &customers).0, Conclusion::Infrastructure);
    assert_eq!(conclude_with(&[], &[]).0, Conclusion::Idle);
}

#[test]
fn a_smoke_test_that_could_not_be_run_is_not_repeated_and_is_no_verdict() {
    let steps = Script { errors: [(("a", "smoke-bios"), Kind::Tool)].into(), ..Script::default() };
    let (_, night, _) = call(&steps, &[], began(&["a"], Which::Each), 1, usize::MAX);
    assert_eq!(steps.ran().iter().filter(|job| job.contains("smoke-bios")).count(), 1);
    assert_eq!(conclude(&night), Conclusion::Infrastructure);
}

#[test]
fn what_failed_by_the_machines_fault_is_tried_again_by_the_next_call_and_is_not_flaky_then() {
    let full = Script {
        errors: [(("a", "release"), Kind::NoSpace), (("b", "build"), Kind::Refused)].into(),
        ..Script::default()
    };
    let mut began = began(&["a", "b"], Which::Each);
    began.rules.release = Some(Target { channel: "nightly".to_owned(), store: None });
    let (_, night, events) = call(&full, &[], began.clone(), 1, usize::MAX);
    assert_eq!(ends(&night), ["a failed at release", "b failed at build"]);
    assert_eq!(ends(&Night::replay(&events).unwrap()), ends(&night), "a report says the same");
    let next = Script::default();
    let (_, night, events) = call(&next, &events, began.clone(), 1, usize::MAX);
    assert_eq!(ends(&night), ["a good", "b failed at build"]);
    assert_eq!(next.ran(), ["a plan 1", "b plan 1", "a release 1", "a publish 1"]);
    let next = Script::default();
    call(&next, &events, began, 1, usize::MAX).0.unwrap();
    assert_eq!(next.ran(), ["a plan 1", "b plan 1"]);
}

#[test]
fn one_of_a_group_is_booted_for_all_and_when_it_fails_the_next_one_is() {
    let groups = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")];
    let booted = |faults: &[(&'static str, &'static str)], jobs| {
        let steps = Script {
            groups: groups.into(),
            faults: faults.iter().map(|key| (*key, 9)).collect(),
            ..Script::default()
        };
        let names: Vec<&str> = groups.iter().map(|(name, _)| *name).collect();
        let (done, night, _) = call(&steps, &[], began(&names, Which::Group), jobs, usize::MAX);
        done.unwrap();
        let booted: BTreeSet<String> = steps
            .ran()
            .into_iter()
            .filter(|job| job.contains("smoke"))
            .map(|job| job[..1].to_owned())
            .collect();
        (booted.into_iter().collect::<Vec<_>>().concat(), ends(&night).join(", "))
    };
    for jobs in [1, 4] {
        let good = "a good, b good, c good, d good";
        assert_eq!(booted(&[], jobs), ("ad".to_owned(), good.to_owned()));
        let (who, ends) = booted(&[("a", "build")], jobs);
        assert_eq!(
            (who.as_str(), ends.as_str()),
            ("bd", "a failed at build, b good, c good, d good")
        );
        let (who, ends) = booted(&[("a", "smoke-uefi"), ("b", "smoke-bios")], jobs);
        assert_eq!(
            (who.as_str(), ends.as_str()),
            ("abcd", "a failed at smoke-uefi, b failed at smoke-bios, c good, d good")
        );
    }
}

#[test]
fn only_those_that_are_asked_for_are_booted_and_none_of_the_others_stands_for_them() {
    let groups = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")];
    for (which, expected) in [(Which::Each, "bcd"), (Which::Group, "bd")] {
        let steps = Script { groups: groups.into(), ..Script::default() };
        let mut began = began(&["a", "b", "c", "d"], which);
        began.rules.booted = Some(["b", "c", "d"].map(str::to_owned).to_vec());
        let (done, night, _) = call(&steps, &[], began, 1, usize::MAX);
        done.unwrap();
        let ran = steps.ran();
        let booted = ran.iter().filter(|job| job.contains("smoke-bios")).map(|job| &job[..1]);
        assert_eq!(booted.collect::<BTreeSet<_>>().into_iter().collect::<String>(), expected);
        assert_eq!(ends(&night).join(", "), "a good, b good, c good, d good");
    }
}

#[test]
fn nothing_is_begun_after_the_first_failure_where_that_is_asked_for() {
    let steps = Script { errors: [(("a", "plan"), Kind::Input)].into(), ..Script::default() };
    let began = began(&["a", "b"], Which::Each);
    let mut night = Night::new(&began);
    night.fail_fast();
    let stop = AtomicBool::new(false);
    let clock = || Timestamp::from_seconds(0);
    let allowed = Allowed { jobs: 1, memory: None, free_disk: ByteSize(0) };
    let engine = Engine { steps: &steps, watch: &Silent, clock: &clock, allowed, stop: &stop };
    engine.run(&mut night, &mut Lines { events: Vec::new(), room: usize::MAX }).unwrap();
    assert_eq!(steps.ran(), ["a plan 1"]);
    assert_eq!(ends(&night), ["a failed at plan", "b waits"]);
    assert_eq!(conclude(&night), Conclusion::Failed);
}

#[test]
fn no_more_jobs_run_at_once_than_are_allowed() {
    for jobs in 1..4 {
        let steps = Script::default();
        let names = ["a", "b", "c", "d", "e", "f"];
        call(&steps, &[], began(&names, Which::Each), jobs, usize::MAX).0.unwrap();
        let most = steps.at_once.lock().unwrap().1;
        assert!(most <= jobs, "{most} of {jobs}");
    }
}

#[test]
fn a_plan_that_is_another_one_when_the_night_goes_on_is_done_anew() {
    let (_, _, events) = call(&Script::default(), &[], began(&["a"], Which::Each), 1, usize::MAX);
    struct Other(Script);
    impl Steps for Other {
        fn run(&self, job: &Job, progress: &dyn Progress) -> Result<Did> {
            let mut did = self.0.run(job, progress)?;
            if let Some(planned) = &mut did.evidence.planned {
                planned.plan = Digest::of("another bundle");
            }
            Ok(did)
        }
        fn free(&self) -> Result<Free> {
            self.0.free()
        }
    }
    let steps = Other(Script::default());
    let mut night = Night::replay(&events).unwrap();
    night.apply(&Event::Began(began(&["a"], Which::Each)));
    let (stop, clock) = (AtomicBool::new(false), || Timestamp::from_seconds(0));
    let allowed = Allowed { jobs: 1, memory: None, free_disk: ByteSize(0) };
    let engine = Engine { steps: &steps, watch: &Silent, clock: &clock, allowed, stop: &stop };
    engine.run(&mut night, &mut Lines { events: Vec::new(), room: usize::MAX }).unwrap();
    let ran = steps.0.ran();
    assert_eq!(ran.len(), 5, "{ran:?}");
}
