//! Whether the application serves, apart from converging.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slipway::layer::firstboot::Health;

use crate::firstboot::machine::{FAILS, Machine, boot, facts};

/// An application that answers 200 or, on demand, 500.
struct Application {
    port: u16,
    well: Arc<AtomicBool>,
}

impl Application {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let well = Arc::new(AtomicBool::new(true));
        let now = well.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let word = if now.load(Ordering::SeqCst) { "200 OK" } else { "500 Bad" };
                let _ = stream.write_all(format!("HTTP/1.0 {word}\r\n\r\n").as_bytes());
            }
        });
        Self { port, well }
    }

    fn is_well(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }

    fn machine(&self) -> Machine {
        let mut facts = facts();
        facts.health = vec![Health { port: self.port, path: "/".into(), status: 200, text: None }];
        Machine::new(&facts)
    }
}

/// The monitor until it has looked `looks` times more.
fn monitor(machine: &Machine, looks: usize) {
    machine.write("fake/left", &looks.to_string());
    machine.script(
        "fake/bin/sleep",
        "left=$(($(cat \"$SLIPWAY_ROOT/fake/left\") - 1)); echo \"$left\" >\"$SLIPWAY_ROOT/fake/left\"\n\
         echo \"$1\" >>\"$SLIPWAY_ROOT/fake/sleeps\"; [ \"$left\" -gt 0 ] || kill \"$PPID\"",
    );
    machine.run("health");
    machine.script("fake/bin/sleep", "echo \"$1\" >>\"$SLIPWAY_ROOT/fake/sleeps\"");
}

fn page(machine: &Machine) -> (String, serde_json::Value) {
    let answer = machine.status_page().ask(b"GET / HTTP/1.1\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn a_dead_application_is_told_within_its_looks_and_one_that_came_back_at_once() {
    let application = Application::new();
    let machine = application.machine();
    boot(&machine);
    assert_eq!(page(&machine).0, "200");
    monitor(&machine, 2);
    assert_eq!(machine.states().last().unwrap(), "READY", "all is well: nothing is said");
    application.is_well(false);
    monitor(&machine, 2);
    assert_eq!(page(&machine).0, "200", "Puppet may be restarting it");
    monitor(&machine, 3);
    let (status, body) = page(&machine);
    assert_eq!((status.as_str(), &body["state"]), ("503", &"DEGRADED".into()));
    assert_eq!((&body["serving"], &body["configured"]), (&false.into(), &true.into()));
    assert_eq!((&body["stage"], &body["code"]), (&"SERVING".into(), &"HEALTH".into()));
    assert!(machine.watch("banner").contains("the application does not answer"));
    application.is_well(true);
    monitor(&machine, 1);
    let (status, body) = page(&machine);
    assert_eq!((status.as_str(), &body["state"]), ("200", &"READY".into()));
}

#[test]
fn after_a_restart_it_serves_as_soon_as_the_application_answers_and_converges_afterwards() {
    let application = Application::new();
    let machine = application.machine();
    boot(&machine);
    machine.power_on();
    application.is_well(false);
    machine.run("grow");
    monitor(&machine, 5);
    assert_eq!(machine.states(), ["BOOTING"], "nobody blames an application that starts");
    assert_eq!(page(&machine).0, "503");
    application.is_well(true);
    monitor(&machine, 1);
    let (status, body) = page(&machine);
    assert_eq!((status.as_str(), &body["run"]), ("200", &"pending".into()));
    // a run in progress that fails does not interrupt the service
    machine.write("fake/puppet", FAILS);
    machine.run("converge");
    let (status, body) = page(&machine);
    assert_eq!((status.as_str(), &body["state"]), ("200", &"DEGRADED".into()));
    assert_eq!((&body["run"], &body["code"]), (&"done".into(), &"RESOURCES".into()));
    assert!(machine.watch("banner").contains("The application answers"));
    // and after one more restart, the last run's result is not forgotten
    machine.power_on();
    machine.run("grow");
    monitor(&machine, 1);
    let (status, body) = page(&machine);
    assert_eq!((status.as_str(), &body["state"]), ("200", &"DEGRADED".into()));
    assert_eq!((&body["configured"], &body["code"]), (&false.into(), &"LAST_RUN".into()));
}

#[test]
fn an_application_that_never_comes_after_a_restart_is_told_after_two_minutes() {
    let application = Application::new();
    let machine = application.machine();
    boot(&machine);
    machine.power_on();
    application.is_well(false);
    machine.run("grow");
    machine.write("fake/sleeps", "");
    monitor(&machine, 60);
    assert_eq!(machine.states().last().unwrap(), "DEGRADED");
    let slept: u32 = machine.read("fake/sleeps").lines().map(|s| s.parse::<u32>().unwrap()).sum();
    assert!((100..=130).contains(&slept), "{slept}");
}

#[test]
fn a_routine_run_waits_for_the_application_but_not_for_ever() {
    let application = Application::new();
    let machine = application.machine();
    boot(&machine);
    machine.power_on();
    machine.write("fake/sleeps", "");
    machine.write("run/slipway/status", "BOOTING\n");
    let (code, _, log) = machine.run("converge");
    assert_eq!(code, 0, "{log}");
    assert_eq!(machine.read("fake/sleeps"), "2\n".repeat(60));
    assert_eq!(machine.states().last().unwrap(), "READY");
}

#[test]
fn a_site_without_health_checks_is_not_said_to_answer() {
    let machine = Machine::new(&facts());
    boot(&machine);
    let screen = machine.watch("banner");
    assert!(screen.contains("The machine is configured.\n"), "{screen}");
    assert!(!screen.contains("answers"), "{screen}");
}
