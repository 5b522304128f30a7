//! The smoke test against guests that misbehave in each way that it distinguishes. They are real
//! machines under QEMU; only the operating system is missing (see `common::guest`).

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::common::bench::{Bench, RELEASE, run, text};
use crate::common::guest::Script;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use slipway::appliance::State;
use slipway::error::Kind;
use slipway::manifest::NetworkRecord;
use slipway::profile::{Format, Probe};
use slipway::progress::Progress;
use slipway::smoke::{self, BootReport, TestNetwork};
use slipway::units::Digest;

#[test]
fn a_failed_appliance_is_reported_with_state_resource_and_hint() {
    let more = r#","stage":"CONVERGING","code":"resources","message":"1 resource failed","hint":"free some space","failed":["File[/srv/app]: no space left"]"#;
    let script = Script::new()
        .line("[    0.000000] Linux version 6.1")
        .state("BOOTING", RELEASE, "")
        .state("CONVERGING", RELEASE, r#","attempt":1,"of":3"#)
        .state("FAILED", RELEASE, more);
    let bench = Bench::new(&script);
    let output = bench.run(&[]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(11), "{shown}");
    for part in [
        "CONVERGING 1/3",
        "FAILED in stage CONVERGING: 1 resource failed",
        "failed: File[/srv/app]: no space left",
        "help: free some space",
        "Linux version 6.1",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
    let report = bench.report();
    assert_eq!(report["verdict"]["kind"], "failed");
    assert_eq!(report["boots"][0]["states"].as_array().unwrap().len(), 3);
    assert!(text(&std::fs::read(bench.path("report/serial-1.log")).unwrap()).contains("FAILED"));
    assert_eq!(bench.left_in_scratch(), 0);
}

#[test]
fn a_machine_starts_from_every_format() {
    let bench = Bench::new(&Script::new().state("FAILED", RELEASE, ""));
    let raw = bench.path("guest.raw");
    // a whole number of MiB, as Azure requires
    std::fs::OpenOptions::new().write(true).open(&raw).unwrap().set_len(4 << 20).unwrap();
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Raw) {
        let image = bench.path(&format!("machine.{}", slipway::format::extension(format)));
        let mut convert = Command::new(env!("CARGO_BIN_EXE_slipway"));
        convert.arg("convert").arg(&raw).args(["--to", format.name(), "--out"]).arg(&image);
        let converted = convert.output().unwrap();
        assert!(converted.status.success(), "{format}: {}", text(&converted.stderr));
        let output = bench.command_on(&image, &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(11), "{format}: {}", text(&output.stderr));
    }
}

#[test]
fn no_file_of_the_host_is_shown_to_a_machine_whose_disk_names_it() {
    let bench = Bench::new(&Script::new());
    // a sector that would be the machine's first if the description were believed
    let secret = bench.path("secret");
    std::fs::write(&secret, [0x55; 4096]).unwrap();
    let image = bench.path("evil.vmdk");
    let description = format!(
        "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\
         RW 8 FLAT \"{}\" 0\n",
        secret.display()
    );
    let mut bytes = vec![0; 65536];
    bytes[..8].copy_from_slice(b"KDMV\x01\0\0\0");
    for (at, number) in [(20, 128u64), (28, 1), (36, 20)] {
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    bytes[44] = 255;
    bytes[512..][..description.len()].copy_from_slice(description.as_bytes());
    std::fs::write(&image, bytes).unwrap();
    // QEMU itself believes it
    let read = Command::new("qemu-img")
        .args(["dd", "-f", "vmdk", "-O", "raw", "bs=512", "count=1"])
        .arg(format!("if={}", image.display()))
        .arg(format!("of={}", bench.path("read").display()))
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", text(&read.stderr));
    assert_eq!(std::fs::read(bench.path("read")).unwrap(), [0x55; 512]);
    let output = bench.command_on(&image, &["--timeout", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("VMDK"), "{}", text(&output.stderr));
    assert_eq!(bench.left_in_scratch(), 0);
}

#[test]
fn the_picture_of_the_screen_is_a_png_that_a_reader_accepts() {
    let bench = Bench::new(&Script::new().state("FAILED", RELEASE, ""));
    assert_eq!(bench.run(&[]).status.code(), Some(11));
    let file = std::fs::File::open(bench.path("report/screen-1.png")).unwrap();
    let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    assert!(reader.info().width >= 640 && reader.info().height >= 400);
}

#[test]
fn the_report_on_stdout_is_json_and_nothing_else() {
    let bench = Bench::new(&Script::new().state("FAILED", RELEASE, ""));
    let output = bench.run(&["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["exit_code"], &report["accelerator"]), (&11.into(), &"tcg".into()));
    assert_eq!(report, bench.report());
}

/// The report that the program wrote reads back as the one that the library returned.
#[test]
fn a_report_that_was_written_is_read_back() {
    let more = r#","stage":"CONVERGING","code":"resources","hint":"free some space","failed":["File[/srv/app]: no space left"]"#;
    let script = Script::new()
        .line("[    2.4] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI")
        .state("BOOTING", RELEASE, "")
        .state("FAILED", RELEASE, more);
    let bench = Bench::new(&script);
    let mut order = bench.order();
    order.again = Some(smoke::Again::CutAt(State::Booting));
    let report = run(&order);
    assert_eq!((report.exit_code, report.boots.len()), (11, 2), "{}", report.summary);
    assert_eq!(BootReport::read(&bench.path("report")).unwrap(), report);
}

#[test]
fn reports_of_every_released_form_are_read_and_of_no_later_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/boots");
    let mut codes = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let report = BootReport::parse(&bytes).unwrap();
        assert_eq!(report.verdict.exit_code(), report.exit_code);
        assert_eq!(report.verdict.summary(), report.summary);
        assert!(report.boots.iter().all(|boot| !boot.states.is_empty()));
        codes.push(report.exit_code);
        // nothing that was written is lost, and unknown fields are ignored
        let mut written: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_value(&report).unwrap(), written);
        written["later"] = "x".into();
        written["boots"][0]["later"] = Value::Null;
        written["boots"][0]["states"][0]["later"] = 1.into();
        written["verdict"]["later"] = true.into();
        let text = written.to_string();
        assert_eq!(BootReport::parse(text.as_bytes()).unwrap(), report);
        written["format"] = 2.into();
        let newer = BootReport::parse(written.to_string().as_bytes()).unwrap_err();
        assert_eq!(newer.kind(), Kind::Refused, "{newer}");
    }
    codes.sort_unstable();
    assert_eq!(codes, [0, 10, 11, 11]);
}

#[test]
fn a_kernel_panic_is_told_apart_from_the_reset_that_it_ends_in() {
    let script = Script::new()
        .state("BOOTING", RELEASE, "")
        .line("[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs")
        .line("[    2.2] CPU: 0 PID: 1 Comm: swapper/0")
        .reset();
    let bench = Bench::new(&script);
    let output = bench.run(&[]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(12), "{shown}");
    assert!(shown.contains("VFS: Unable to mount root fs") && shown.contains("swapper/0"));
}

#[test]
fn what_the_kernel_complains_about_is_told_beside_the_verdict() {
    let warning = "[    2.5] WARNING: CPU: 1 PID: 254 at crypto/api.c:174 crypto_wait_for_test";
    let script = Script::new()
        .line("[    2.4] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI")
        .state("BOOTING", RELEASE, "");
    let script = (0..9).fold(script, |script, _| script.line(warning));
    let bench = Bench::new(&script.state("FAILED", RELEASE, ""));
    let output = bench.run(&[]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(11), "{shown}");
    assert!(shown.contains("the kernel complains: invalid opcode: 0000 [#1]"), "{shown}");
    assert!(shown.contains("and 5 more in the report"), "{shown}");
    let complaints = bench.report()["boots"][0]["complaints"].clone();
    let about: Vec<&Value> =
        complaints.as_array().unwrap().iter().map(|found| &found["about"]).collect();
    assert_eq!((about[0], about[1], about.len()), (&"oops".into(), &"warning".into(), 10));
}

#[test]
fn a_machine_whose_timer_came_too_late_is_started_again_but_not_for_ever() {
    let script = Script::new().line(
        "[    0.1] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug",
    );
    let output = Bench::new(&script).run(&[]);
    assert_eq!(output.status.code(), Some(12));
    assert_eq!(text(&output.stderr).matches("starting it again").count(), 2);
}

#[test]
fn another_release_is_the_wrong_one() {
    let bench = Bench::new(&Script::new().state("READY", "demo-0.9.0+b7", ""));
    let output = bench.run(&[]);
    assert_eq!(output.status.code(), Some(13));
    assert!(text(&output.stderr).contains("expected demo-1.0.0+b1"));
}

#[test]
fn output_of_another_boot_does_not_count() {
    let stale = r#"{"slipway":1,"nonce":"0011223344556677","release":"demo-1.0.0+b1","state":"READY","uptime":9}"#;
    let bench = Bench::new(&Script::new().line(stale));
    let output = bench.run(&["--timeout", "3"]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    assert!(shown.contains("no state line of this boot"), "{shown}");
}

#[test]
fn a_silent_machine_is_not_waited_for_in_silence_and_times_out_and_points_at_its_screen() {
    let bench = Bench::new(&Script::new());
    // longer than a log may stay silent
    let output = bench.run(&["--timeout", "12"]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    let goes_on = "\n  the machine is on, and says nothing yet: ";
    assert!(shown.contains(goes_on), "{shown}");
    assert!(!text(&bench.run(&["--timeout", "12", "--quiet"]).stderr).contains("says nothing yet"));
    assert!(shown.contains("nothing was heard from the boot loader"), "{shown}");
    assert!(shown.contains("picture of the screen"), "{shown}");
}

#[test]
fn a_disk_that_uefi_cannot_boot_times_out_as_well() {
    let bench = Bench::new(&Script::new());
    let output = bench.run(&["--firmware", "uefi", "--timeout", "4"]);
    assert_eq!(output.status.code(), Some(10), "{}", text(&output.stderr));
    assert_eq!(bench.report()["firmware"], "uefi");
}

#[test]
fn a_machine_that_goes_off_or_resets_by_itself_is_not_waited_for() {
    for (script, reason) in
        [(Script::new().power_off(), "guest-shutdown"), (Script::new().reset(), "guest-reset")]
    {
        let bench = Bench::new(&script);
        let start = Instant::now();
        let output = bench.run(&[]);
        assert_eq!(output.status.code(), Some(15), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(reason));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn ready_without_a_status_page_is_a_failed_probe() {
    let bench = Bench::new(&Script::new().state("READY", RELEASE, ""));
    let report = run(&bench.order());
    assert_eq!(report.exit_code, 14, "{}", report.summary);
    assert!(report.summary.contains("port 8008"), "{}", report.summary);
}

#[test]
fn qemu_makes_the_network_that_the_profile_expects_and_the_report_names_the_address() {
    let bench = Bench::new(&Script::new().state("READY", RELEASE, ""));
    let networks = [
        ("192.168.178.20/24", "192.168.178.1", "192.168.178.1"),
        ("10.1.2.2/31", "10.1.2.3", "9.9.9.9"),
        ("10.1.2.3/32", "192.0.2.1", "192.0.2.1"),
        ("172.16.0.9/12", "172.31.255.254", "172.16.0.1"),
    ];
    for (address, gateway, dns) in networks {
        let mut order = bench.order();
        order.network = TestNetwork::of(&NetworkRecord {
            address: Some(address.to_owned()),
            gateway: Some(gateway.to_owned()),
            dns: vec![dns.to_owned()],
            ..NetworkRecord::default()
        })
        .unwrap();
        // the machine has no network of its own; QEMU reports that its port is forwarded
        let report = run(&order);
        assert_eq!(report.exit_code, 14, "{address}: {}", report.summary);
        assert!(!report.summary.contains("not forwarded"), "{}", report.summary);
        assert_eq!(format!("{}", report.network.address), address.split('/').next().unwrap());
    }
    let told = bench.report();
    assert_eq!(
        (&told["network"]["fixed"], &told["network"]["address"]),
        (&true.into(), &"172.16.0.9".into())
    );
}

/// Remembers all messages.
#[derive(Debug, Default)]
struct Said(Mutex<Vec<String>>);

impl Progress for Said {
    fn step(&self, name: &str, _: Option<u64>) {
        self.0.lock().unwrap().push(format!("step {name}"));
    }

    fn advance(&self, _: u64) {}

    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(format!("note {line}"));
    }
}

#[test]
fn what_is_said_meanwhile_is_the_stage_that_runs_and_the_probe_that_fails() {
    let script = Script::new()
        .state("CONVERGING", RELEASE, r#","attempt":1,"of":3"#)
        .state("READY", RELEASE, "");
    let said = Said::default();
    smoke::run(&Bench::new(&script).order(), &said).unwrap();
    let said = said.0.into_inner().unwrap();
    let place = |part: &str| {
        said.iter()
            .position(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {said:?}"))
    };
    let order = [
        place("step the machine is on"),
        place("CONVERGING 1/3"),
        place("READY"),
        place("step asking: GET / on port 8008"),
        place("note not yet: GET / on port 8008"),
        place("note failed: GET / on port 8008"),
    ];
    assert!(order.is_sorted(), "{said:?}");
}

#[test]
fn probes_that_the_machine_runs_are_told_in_the_profiles_order() {
    let script = Script::new()
        .state("READY", RELEASE, "")
        .line(r#"{"slipway":1,"nonce":"{nonce}","probe":1,"ok":false,"detail":"inactive"}"#)
        .line(r#"{"slipway":1,"nonce":"{nonce}","probe":0,"ok":true,"detail":"active"}"#)
        .line(r#"{"slipway":1,"nonce":"{nonce}","probes":"done"}"#);
    let bench = Bench::new(&script);
    let unit = |name: &str| Probe::Unit { unit: name.to_owned() };
    let mut order = bench.order();
    order.probes = vec![unit("a.service"), unit("b.service"), unit("c.service")];
    let report = run(&order);
    let seen: Vec<(Option<usize>, bool, &str)> =
        report.boots[0].probes.iter().map(|p| (p.index, p.ok, p.detail.as_str())).collect();
    assert_eq!(
        seen[1..],
        [
            (Some(0), true, "active"),
            (Some(1), false, "inactive"),
            (Some(2), false, "the machine did not run it")
        ]
    );
}

#[test]
fn the_power_is_cut_at_the_named_state_and_the_same_disk_starts_again() {
    // this guest stores nothing, so it passes the state twice and is READY only in the second boot
    let script = Script::new()
        .state("CONVERGING", RELEASE, r#","attempt":1,"of":3"#)
        .wait()
        .state("READY", RELEASE, "");
    let bench = Bench::new(&script);
    let mut order = bench.order();
    order.again = Some(smoke::Again::CutAt(State::Converging));
    let report = run(&order);
    let states = |boot: usize| -> Vec<State> {
        report.boots[boot].states.iter().map(|t| t.line.state).collect()
    };
    assert_eq!(states(0), [State::Converging]);
    assert_eq!(states(1), [State::Converging, State::Ready]);
    assert_ne!(report.boots[0].nonce, report.boots[1].nonce);
    assert_eq!(report.exit_code, 14, "only the status page is missing: {}", report.summary);
}

#[test]
fn the_artifact_is_only_read() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(&Script::new().state("FAILED", RELEASE, ""));
    let image = bench.path("guest.raw");
    std::fs::set_permissions(&image, std::fs::Permissions::from_mode(0o444)).unwrap();
    let before = Digest::of(std::fs::read(&image).unwrap());
    let modified = image.metadata().unwrap().modified().unwrap();
    let kept = bench.path("kept.qcow2");
    let output = bench.run(&["--disk-size", "2 GiB", "--keep-disk", kept.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(11), "{}", text(&output.stderr));
    assert_eq!(Digest::of(std::fs::read(&image).unwrap()), before);
    assert_eq!(image.metadata().unwrap().modified().unwrap(), modified);
    let info =
        Command::new("qemu-img").args(["info", "--output=json"]).arg(&kept).output().unwrap();
    let info: Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!(info["virtual-size"], 2_u64 << 30);
    assert_eq!(info.get("backing-filename"), None);
}

#[test]
fn wrong_arguments_are_refused_before_anything_starts() {
    let bench = Bench::new(&Script::new());
    let output = bench.run(&["--disk-size", "512 KiB"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("smaller than the image's 1 MiB"));
    let output = bench.run(&["--cut-at", "LUNCH"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("one of BOOTING"));
}

/// Starts a test of a silent machine, and returns once QEMU runs.
fn start(bench: &Bench) -> Child {
    let child = bench.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while machines(&bench.path("scratch")).is_empty() {
        assert!(Instant::now() < deadline, "QEMU does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// The processes with a path in `scratch` among their arguments.
fn machines(scratch: &Path) -> Vec<String> {
    let needle = scratch.to_str().unwrap().to_owned();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    arguments.map(|bytes| text(&bytes)).filter(|line| line.contains(&needle)).collect()
}

fn assert_no_machine_within(limit: Duration, scratch: &Path) {
    let deadline = Instant::now() + limit;
    while !machines(scratch).is_empty() {
        assert!(Instant::now() < deadline, "left behind: {:?}", machines(scratch));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_signal_ends_the_machine_and_cleans_up() {
    for sent in [Signal::INT, Signal::TERM, Signal::HUP] {
        let bench = Bench::new(&Script::new());
        let mut child = start(&bench);
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{sent:?}");
        assert_no_machine_within(Duration::from_secs(5), &bench.path("scratch"));
        assert_eq!(bench.left_in_scratch(), 0, "{sent:?}");
    }
}

#[test]
fn a_killed_test_leaves_no_machine_and_the_next_one_cleans_up() {
    let bench = Bench::new(&Script::new());
    // each finds the machine at another moment, the first before there is a machine
    for moment in [0, 0, 0, 2, 10, 50] {
        let mut child = start(&bench);
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_no_machine_within(Duration::from_secs(20), &bench.path("scratch"));
        // the next one removes what this one left
        assert_eq!(bench.left_in_scratch(), 1);
    }
    assert_eq!(bench.run(&["--timeout", "1"]).status.code(), Some(10));
    assert_eq!(bench.left_in_scratch(), 0);
}
