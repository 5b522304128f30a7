//! The state machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use slipway::appliance::{Page, Run, State};
use slipway::layer::firstboot::Health;
use slipway::profile::{MasterMode, Probe};

use crate::firstboot::machine::{FAILS, Machine, RELEASE, boot, facts};

/// A machine on this host answers sooner.
const SOON: Duration = Duration::from_secs(30);

const GOOD: [&str; 6] = ["NETWORK", "PREFLIGHT", "CA", "PUPPETSERVER", "CONVERGING", "VERIFYING"];

#[test]
fn a_first_boot_goes_through_every_state_in_order_and_a_second_makes_no_secret_again() {
    let machine = Machine::new(&facts());
    boot(&machine);
    let first: Vec<&str> =
        ["BOOTING", "IDENTITY"].iter().chain(&GOOD).chain(&["READY"]).copied().collect();
    assert_eq!(machine.states(), first);
    assert!(!machine.has("fake/kernel/closed"), "the ports are open");
    let secrets = machine.secrets();
    assert!(secrets.values().all(|s| !s.is_empty()), "{secrets:?}");

    machine.power_on();
    boot(&machine);
    assert_eq!(machine.states(), ["BOOTING", "READY", "READY"], "it serves before its routine run");
    let runs: Vec<_> = machine.lines().iter().filter_map(|l| l.get("run").cloned()).collect();
    assert_eq!(runs, ["pending", "pending", "done"]);
    assert_eq!(machine.secrets(), secrets);
}

#[test]
fn a_line_says_which_boot_nonce_release_and_try_it_is_about() {
    let machine = Machine::new(&facts());
    boot(&machine);
    let lines = machine.lines();
    for (index, line) in lines.iter().filter(|l| l.get("state").is_some()).enumerate() {
        assert_eq!(line["slipway"], 1);
        assert_eq!(line["seq"], index + 1);
        assert_eq!(line["boot"], "boot-0");
        assert_eq!(line["nonce"], "0123abcd");
        assert_eq!(line["release"], RELEASE);
        assert_eq!(line["uptime"], 12.34);
    }
    let converging = lines.iter().find(|l| l["state"] == "CONVERGING").unwrap();
    assert_eq!((&converging["attempt"], &converging["of"]), (&1.into(), &3.into()));
}

#[test]
fn without_a_master_the_masters_states_are_left_out() {
    let mut facts = facts();
    facts.mode = MasterMode::Apply;
    let machine = Machine::new(&facts);
    boot(&machine);
    let states = machine.states();
    assert!(!states.iter().any(|s| s == "CA" || s == "PUPPETSERVER"), "{states:?}");
    assert_eq!(states.last().unwrap(), "READY");
}

#[test]
fn a_run_that_fails_once_is_tried_again_after_ten_seconds() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", "once");
    boot(&machine);
    assert_eq!(machine.read("fake/sleeps"), "10\n");
    let states = machine.states();
    assert_eq!(states[states.len() - 4..], ["CONVERGING", "CONVERGING", "VERIFYING", "READY"]);
    assert_eq!(
        machine.lines().iter().filter_map(|l| l["attempt"].as_u64()).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn a_site_that_never_converges_ends_failed_names_its_resources_and_stays_closed() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", FAILS);
    boot(&machine);
    assert_eq!(machine.read("fake/sleeps"), "10\n30\n");
    assert!(machine.has("fake/kernel/closed"));
    let lines = machine.lines();
    let failed: Vec<_> = lines.iter().filter(|l| l["state"] == "FAILED").collect();
    assert_eq!(failed.len(), 1);
    let failed = failed[0];
    assert_eq!((&failed["serving"], &failed["configured"]), (&false.into(), &false.into()));
    assert_eq!(failed["stage"], "CONVERGING");
    assert_eq!(failed["code"], "RESOURCES");
    assert_eq!(failed["message"], "2 resources failed: \"ö\"");
    assert_eq!(failed["hint"], "a b");
    assert_eq!(failed["failed"][0], "File[/ü]: it`s $(bad) \"q\" \\ x");
    assert_eq!(failed["failed"].as_array().unwrap().len(), 2);
    assert!(machine.read("fake/systemctl").contains("start slipway-retry.service"));
}

/// Whoever reaches the port learns what failed, but none of its details.
#[test]
fn over_the_network_a_failure_has_its_code_its_counts_and_its_titles_and_no_words() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", FAILS);
    boot(&machine);
    let status = machine.status_page();
    let answer = status.ask(b"GET / HTTP/1.1\r\n\r\n");
    let http: serde_json::Value =
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&http["code"], &http["stage"]), (&"RESOURCES".into(), &"CONVERGING".into()));
    let titles = ["File[/ü]", "Exec[mysql …]"];
    assert_eq!(
        http["resources"],
        serde_json::json!({ "total": 120, "failed": 2, "titles": titles })
    );
    assert!(http.get("failed").is_none() && http.get("message").is_none(), "{http}");
    assert!(!answer.contains("it`s") && !answer.contains("hunter22"), "{answer}");
    // somebody who manages machines reads the same words
    let page = Page::ask(&status.address(), SOON).unwrap();
    assert_eq!((page.state, page.serving, page.configured), (State::Failed, false, false));
    let failed = page.resources.unwrap();
    assert_eq!((failed.total, failed.failed, failed.titles.len()), (120, 2, 2));
    assert!(page.next_try.is_some(), "{answer}");
    // the text kept across a restart is the same
    assert!(!machine.read("var/lib/slipway/outcome.json").contains("it`s"));
    assert_eq!(mode(&machine, "run/slipway/failure"), 0o600);
}

fn mode(machine: &Machine, path: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    machine.root().join(path).metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_servers_reason_reaches_the_consoles_without_what_came_from_a_secret() {
    let machine = Machine::new(&facts());
    machine.script(
        "usr/lib/slipway/master-start",
        "[ \"$1\" = --begin ] || { echo 'ERROR: cannot log in as app:hunter22' >&2; exit 1; }",
    );
    boot(&machine);
    let lines = machine.lines();
    let last = lines.last().unwrap();
    assert_eq!(last["message"], "ERROR: cannot log in as app:[secret]");
}

#[test]
fn a_machine_that_failed_is_tried_again_after_one_two_and_five_minutes_and_says_when() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", FAILS);
    boot(&machine);
    let mut waits = vec![machine.read("run/slipway/wait")];
    for _ in 0..3 {
        machine.run("converge");
        waits.push(machine.read("run/slipway/wait"));
    }
    assert_eq!(waits, ["60\n", "120\n", "300\n", "300\n"]);
    let lines = machine.lines();
    assert!(lines.last().unwrap()["next_try"].as_u64().unwrap() > 1_700_000_000);
    let screen = machine.watch("banner");
    assert!(
        screen.contains("Next try:") && screen.contains("systemctl restart slipway-converge"),
        "{screen}"
    );
    let (_, status, _) = machine.run("../../bin/slipway-status");
    assert!(status.contains("next try "), "{status}");
    machine.write("fake/puppet", "ok");
    machine.run("converge");
    assert_eq!(machine.states().last().unwrap(), "READY");
    assert!(!machine.watch("banner").contains("Next try"));
}

#[test]
fn a_try_begins_at_once_when_what_was_lacking_comes() {
    let quiet = "5\n".repeat(12);
    for (what, sleep) in [
        ("nothing", String::new()),
        ("a disk grew", "echo 99999 >\"$SLIPWAY_ROOT/sys/class/block/vda/size\"".to_owned()),
        (
            "there is more memory",
            "echo 'MemTotal: 9014000 kB' >\"$SLIPWAY_ROOT/proc/meminfo\"".to_owned(),
        ),
        ("the clock was set", "echo '9012.34 20.00' >\"$SLIPWAY_ROOT/proc/uptime\"".to_owned()),
        (
            "an address arrived",
            "echo \"echo '2: eth0 inet 192.0.2.8/24'\" >>\"$SLIPWAY_ROOT/fake/bin/ip\"".to_owned(),
        ),
    ] {
        let machine = Machine::new(&facts());
        machine.write("sys/class/block/vda/size", "1000\n");
        machine.write("run/slipway/wait", "60\n");
        machine.script(
            "fake/bin/sleep",
            &format!("echo \"$1\" >>\"$SLIPWAY_ROOT/fake/sleeps\"\n{sleep}"),
        );
        let (code, _, log) = machine.run("retry");
        assert_eq!(code, 0, "{log}");
        let slept = machine.read("fake/sleeps");
        if sleep.is_empty() {
            assert_eq!(slept, quiet);
        } else {
            assert_eq!(slept, "5\n", "{what}");
            assert!(log.contains(what), "{log}");
        }
        assert!(machine.read("fake/systemctl").contains("start slipway-converge.service"));
    }
}

#[test]
fn the_timer_of_a_failed_machine_makes_it_ready() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", FAILS);
    boot(&machine);
    machine.write("fake/puppet", "ok");
    machine.run("converge");
    assert_eq!(machine.states().last().unwrap(), "READY");
    assert!(!machine.has("fake/kernel/closed"));
}

#[test]
fn a_ready_machine_keeps_its_state_through_good_runs_and_is_degraded_by_a_bad_one() {
    let machine = Machine::new(&facts());
    boot(&machine);
    let ready = machine.states();
    machine.run("converge");
    assert_eq!(machine.states(), ready, "a routine run says nothing");
    assert_eq!(machine.status_page().ask(b"").get(..15), Some("HTTP/1.1 200 OK"));
    machine.write("fake/puppet", FAILS);
    machine.run("converge");
    assert_eq!(machine.states()[ready.len()..], ["DEGRADED"]);
    assert!(!machine.has("fake/kernel/closed"), "the application goes on");
    let answer = machine.status_page().ask(b"");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "a balancer goes on sending: {answer}");
    assert!(answer.contains("\"serving\":true,\"configured\":false"), "{answer}");
    machine.write("fake/puppet", "ok");
    machine.run("converge");
    assert_eq!(machine.states().last().unwrap(), "READY");

    machine.power_on();
    machine.write("fake/puppet", FAILS);
    boot(&machine);
    assert_eq!(machine.states().last().unwrap(), "DEGRADED", "also after a reboot");
}

#[test]
fn a_catalog_that_is_not_the_sites_is_no_success() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", "empty");
    // left by an older release, or by somebody
    machine.write("var/lib/slipway/converged-release", RELEASE);
    boot(&machine);
    let lines = machine.lines();
    let last = lines.last().unwrap();
    assert_eq!((&last["state"], &last["code"]), (&"FAILED".into(), &"SENTINEL".into()));
    assert_eq!(last["stage"], "VERIFYING");
}

#[test]
fn a_puppet_that_dies_without_a_word_is_a_failure() {
    let machine = Machine::new(&facts());
    machine.write("fake/puppet", "die");
    boot(&machine);
    assert_eq!(machine.lines().last().unwrap()["code"], "NO_RESULT");
}

#[test]
fn a_machine_that_is_too_small_or_has_a_wrong_clock_is_told_what_it_needs() {
    for (path, text, code) in [
        ("proc/meminfo", "MemTotal: 1000000 kB\n", "MEMORY"),
        ("fake/ss", "LISTEN 0 50 127.0.0.1:8140\n", "PORT"),
        ("etc/puppet/code/releases/x/RELEASE_ID", "other\n", "RELEASE"),
    ] {
        let machine = Machine::new(&facts());
        machine.write(path, text);
        boot(&machine);
        let lines = machine.lines();
        let last = lines.last().unwrap();
        assert_eq!((&last["stage"], &last["code"]), (&"PREFLIGHT".into(), &code.into()));
        assert!(last["hint"].as_str().unwrap().len() > 10);
    }
    let mut facts = facts();
    facts.time = slipway::units::Timestamp::from_seconds(99_000_000_000);
    let machine = Machine::new(&facts);
    // systemd has set the clock to its own minimum, which is nobody's mistake
    machine.write("sys/class/rtc/rtc0/date", "2010-01-01\n");
    machine.write("sys/class/rtc/rtc0/time", "00:03:21\n");
    boot(&machine);
    let lines = machine.lines();
    let last = lines.last().unwrap();
    assert_eq!(last["code"], "CLOCK");
    assert_eq!(
        last["message"],
        "the hardware clock shows 2010-01-01 00:03 UTC; this image was made 5107-03-10 08:00 UTC"
    );
}

#[test]
fn ready_waits_for_the_application() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let health = Health { port, path: "/up?x=1".into(), status: 200, text: Some("fine".into()) };
    let mut facts = facts();
    facts.health = vec![health];
    let machine = Machine::new(&facts);
    let server = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 502 Bad\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbad",
            "HTTP/1.0 200 OK\r\n\r\nall fine",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /up?x=1 HTTP/1.0\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    boot(&machine);
    server.join().unwrap();
    assert_eq!(machine.states().last().unwrap(), "READY");
    assert_eq!(machine.read("fake/sleeps"), "3\n3\n");
}

#[test]
fn an_application_that_does_not_answer_is_a_failure_with_its_address() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut facts = facts();
    facts.health = vec![Health { port, path: "/".into(), status: 200, text: None }];
    let machine = Machine::new(&facts);
    boot(&machine);
    let lines = machine.lines();
    let last = lines.last().unwrap();
    assert_eq!((&last["state"], &last["code"]), (&"FAILED".into(), &"HEALTH".into()));
    assert!(last["message"].as_str().unwrap().contains(&port.to_string()));
}

#[test]
fn probes_are_answered_once_a_boot_and_only_to_a_nonce() {
    let mut facts = facts();
    facts.probes = vec![
        Probe::Unit { unit: "good.service".into() },
        Probe::Command { command: "echo one; echo \"it's \\\"two\\\"\"; exit 3".into() },
        Probe::Unit { unit: "bad.service".into() },
    ];
    let machine = Machine::new(&facts);
    boot(&machine);
    machine.run("converge");
    let lines = machine.lines();
    let probes: Vec<_> = lines.iter().filter(|l| l.get("probe").is_some()).collect();
    assert_eq!(probes.len(), 3);
    assert_eq!(
        probes.iter().map(|l| l["ok"].as_bool().unwrap()).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(probes[1]["detail"], "it's \"two\"");
    assert_eq!(lines.last().unwrap()["probes"], "done");

    machine.write("sys/class/dmi/id/product_family", "slipway-smoke-$(reboot)\n");
    machine.power_on();
    boot(&machine);
    assert_eq!(machine.lines().last().unwrap()["state"], "READY");
    assert_eq!(machine.lines().last().unwrap()["nonce"], "");
}

#[test]
fn the_status_page_says_200_only_when_the_application_serves_whatever_is_asked() {
    let machine = Machine::new(&facts());
    let page = machine.status_page();
    let early = Page::ask(&page.address(), SOON).unwrap();
    assert_eq!((early.state, early.release, early.serving), (State::Booting, None, false));
    let asked: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"",
        b"\0\xff\xfe$(reboot)`x`",
        &[b'A'; 30_000],
        b"GET /../../etc/shadow HTTP/1.1\r\n\r\n",
    ];
    for request in asked {
        let answer = page.ask(request);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    boot(&machine);
    for request in asked {
        let answer = page.ask(request);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head} {}",
            body.len()
        );
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["instance"], "11111111-2222-3333-4444-555555555555");
        assert!(body["ssh_fingerprint"].as_str().unwrap().starts_with("SHA256:"));
        assert_eq!((&body["serving"], &body["configured"]), (&true.into(), &true.into()));
    }
    let told = Page::ask(&page.address(), SOON).unwrap();
    assert_eq!((told.state, told.run, told.serving), (State::Ready, Run::Done, true));
    assert_eq!(told.release.as_deref(), Some(facts().release.as_str()));
    assert!(told.identity.instance.is_some() && told.identity.ssh_fingerprint.is_some());
}

/// A client that only connects, or reads nothing, holds up nobody; and the server stays a single
/// small process.
#[test]
fn fifteen_hundred_silent_connections_hold_up_nobody_and_cost_one_small_process() {
    let machine = Machine::new(&facts());
    boot(&machine);
    let page = machine.status_page();
    let mut silent: Vec<_> = (0..1500).map(|_| page.connect()).collect();
    // slow readers: they ask, but read nothing of the answer
    for stream in silent.iter_mut().step_by(3) {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n");
    }
    for _ in 0..50 {
        let answer = page.ask(b"GET / HTTP/1.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    assert!(page.descriptors() < 1000, "{}", page.descriptors());
    assert!(page.figure("VmRSS") < 32 << 10, "{} KiB", page.figure("VmRSS"));
    assert_eq!(page.figure("Threads"), 1);
    // each of them gets its answer in the end
    let mut last = silent.pop().unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn the_first_password_reaches_neither_the_serial_line_nor_http() {
    let machine = Machine::new(&facts());
    boot(&machine);
    let password = machine.read("var/lib/slipway/secrets/admin-password");
    let password = password.trim();
    assert_eq!(password.len(), 19);
    assert_eq!(machine.read("fake/password"), format!("admin:{password}\n"));
    assert!(!machine.read("dev/ttyS0").contains(password));
    assert!(!machine.status_page().ask(b"").contains(password));
}
