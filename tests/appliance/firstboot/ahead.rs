//! The first try's run begins while the server starts.

use slipway::profile::MasterMode;

use crate::firstboot::machine::{FAILS, Machine, boot, facts};

#[test]
fn the_first_run_is_begun_before_the_server_answers_and_no_other_is_made() {
    let machine = Machine::new(&facts());
    machine.script(
        "usr/lib/slipway/master-start",
        "until [ -s \"$SLIPWAY_ROOT/fake/runs\" ]; do /bin/sleep 0.005; done\n\
         echo master >>\"$SLIPWAY_ROOT/fake/runs\"\n: >\"$SLIPWAY_ROOT/run/fake-master\"",
    );
    boot(&machine);
    assert_eq!(machine.states().last().unwrap(), "READY");
    assert_eq!(machine.read("fake/runs"), "begun\nmaster\n");
}

#[test]
fn a_second_try_is_a_run_of_its_own() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", "once");
    boot(&machine);
    assert_eq!(machine.states().last().unwrap(), "READY");
    assert_eq!(machine.read("fake/runs"), "begun\nrun\n");
}

#[test]
fn without_a_master_nothing_is_begun_ahead() {
    let mut facts = facts();
    facts.mode = MasterMode::Apply;
    let machine = Machine::new(&facts);
    boot(&machine);
    assert_eq!(machine.read("fake/runs"), "run\n");
}

/// The server does not start at the first try; the run that waited for it has ended before the
/// second try's begins.
#[test]
fn a_run_whose_server_does_not_start_is_recalled() {
    let machine = Machine::new(&facts());
    machine.script(
        "usr/lib/slipway/master-start",
        "tries=$SLIPWAY_ROOT/fake/tries\necho try >>\"$tries\"\n\
         until [ \"$(grep -c begun \"$SLIPWAY_ROOT/fake/runs\")\" = \"$(grep -c try \"$tries\")\" ]; do /bin/sleep 0.005; done\n\
         [ \"$(grep -c try \"$tries\")\" = 2 ] || { echo 'no memory' >&2; exit 1; }\n\
         : >\"$SLIPWAY_ROOT/run/fake-master\"",
    );
    // each run records its end: a recalled one has none
    let run = machine.read("usr/lib/slipway/converge-once");
    let ends = "trap 'echo end >>\"$SLIPWAY_ROOT/fake/runs\"' EXIT\n";
    let body = run.strip_prefix("#!/bin/sh\n").unwrap();
    machine.script("usr/lib/slipway/converge-once", &format!("{ends}{body}"));
    boot(&machine);
    assert_eq!(machine.states().last().unwrap(), "READY");
    assert_eq!(machine.read("fake/runs"), "begun\nbegun\nend\n");
    assert_eq!(machine.read("fake/sleeps"), "10\n");
}

#[test]
fn what_an_earlier_run_said_does_not_speak_for_one_that_was_begun_ahead() {
    let machine = Machine::new(&facts());
    machine.write("run/slipway/converge.json", "{\"converged\":true}");
    machine.write("var/lib/slipway/converged-release", "another\n");
    // it ends without a result and without writing the sentinel
    machine.write("fake/puppet", "die");
    boot(&machine);
    let lines = machine.lines();
    let failed = lines.iter().find(|l| l["state"] == "FAILED").unwrap();
    assert_eq!(failed["code"], "NO_RESULT");
    assert!(!machine.has("var/lib/slipway/converged-release"));
}

#[test]
fn a_routine_run_is_begun_ahead_too_and_its_failure_is_told() {
    let machine = Machine::new(&facts());
    boot(&machine);
    machine.write("fake/puppet", FAILS);
    machine.run("converge");
    assert_eq!(machine.states().last().unwrap(), "DEGRADED");
    assert_eq!(machine.read("fake/runs"), "begun\nbegun\nrun\nrun\n");
}
