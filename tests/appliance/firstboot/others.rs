//! The disk's growth, and what people see.

use std::os::unix::fs::symlink;

use crate::firstboot::machine::{FAILS, Machine, facts};

/// A disk of `sectors` whose third partition, root, ends at `end`.
fn disk(machine: &Machine, disk: &str, part: &str, sectors: u64, end: u64) {
    let folder = format!("sys/devices/{disk}/{part}");
    machine.write(&format!("sys/devices/{disk}/size"), &format!("{sectors}\n"));
    machine.write(&format!("{folder}/partition"), "3\n");
    machine.write(&format!("{folder}/start"), "135168\n");
    machine.write(&format!("{folder}/size"), &format!("{}\n", end - 135_168));
    machine.write(&format!("{folder}/uevent"), &format!("MAJOR=259\nDEVNAME={part}\nPARTN=3\n"));
    std::fs::create_dir_all(machine.root().join("sys/dev/block")).unwrap();
    symlink(format!("../../devices/{disk}/{part}"), machine.root().join("sys/dev/block/259:3"))
        .unwrap();
    machine.write(
        "proc/self/mountinfo",
        "22 1 0:20 / /proc rw - proc proc rw\n1 0 259:3 / / rw,relatime shared:1 - ext4 /dev/root rw\n",
    );
    for program in ["sfdisk", "partx", "resize2fs"] {
        machine.record(program);
    }
}

#[test]
fn root_grows_whatever_the_driver_calls_its_disk() {
    for (name, part) in
        [("vda", "vda3"), ("sda", "sda3"), ("nvme0n1", "nvme0n1p3"), ("xvda", "xvda3")]
    {
        let machine = Machine::new(&facts());
        disk(&machine, name, part, 209_715_200, 4_194_304);
        assert_eq!(machine.run("grow").0, 0);
        let dev = machine.root().join("dev");
        let dev = dev.display();
        let calls = machine.read("fake/calls");
        let calls: Vec<&str> = calls.lines().collect();
        assert_eq!(
            calls[0],
            format!("sfdisk --quiet --force --no-reread --no-tell-kernel -N 3 {dev}/{name}")
        );
        assert_eq!(calls[1], format!("partx --update --nr 3 {dev}/{name}"));
        assert_eq!(calls[2], format!("resize2fs {dev}/{part}"));
        assert_eq!(machine.states(), ["BOOTING"]);
    }
}

#[test]
fn a_disk_that_is_full_grown_is_not_written_to_but_a_cut_growth_is_ended() {
    let machine = Machine::new(&facts());
    disk(&machine, "sda", "sda3", 4_194_304 + 2048, 4_194_304);
    assert_eq!(machine.run("grow").0, 0);
    let calls = machine.read("fake/calls");
    assert!(calls.starts_with("resize2fs ") && calls.lines().count() == 1, "{calls}");
}

#[test]
fn a_profile_that_forbids_growth_is_obeyed() {
    let mut facts = facts();
    facts.grow = false;
    let machine = Machine::new(&facts);
    disk(&machine, "sda", "sda3", 209_715_200, 4_194_304);
    assert_eq!(machine.run("grow").0, 0);
    assert_eq!(machine.read("fake/calls"), "");
    assert_eq!(machine.states(), ["BOOTING"]);
}

fn converged(puppet: &str) -> Machine {
    let mut facts = facts();
    facts.product = "Acmé \"$(x)\" 100%".into();
    facts.banner = Some("Call 555\nfor help".into());
    let machine = Machine::new(&facts);
    machine.write("fake/puppet", puppet);
    machine.write("etc/shadow", "root:*:1::::::\nadmin:$y$x:0:0:99999:7:::\n");
    for script in ["identity", "converge"] {
        machine.run(script);
    }
    machine
}

#[test]
fn the_banner_shows_what_somebody_at_the_console_needs() {
    let machine = converged("ok");
    let password = machine.read("var/lib/slipway/secrets/admin-password");
    let screen = machine.watch("banner");
    for part in [
        "Acmé \"$(x)\" 100%",
        "Release demo-1.0.0+b1",
        "Call 555\nfor help",
        "State: READY",
        "eth0",
        "192.0.2.7\n",
        "SHA256:",
        password.trim(),
        "Alt+F2",
    ] {
        assert!(screen.contains(part), "{part} in\n{screen}");
    }
    assert!(!screen.contains("Cause"));
}

#[test]
fn the_banner_forgets_the_first_password_when_it_was_changed() {
    let machine = converged("ok");
    let password = machine.read("var/lib/slipway/secrets/admin-password");
    machine.write("etc/shadow", "admin:$y$x:20781:0:99999:7:::\n");
    let screen = machine.watch("banner");
    assert!(!screen.contains(password.trim()));
    assert!(!machine.has("var/lib/slipway/secrets/admin-password"));
}

#[test]
fn a_banner_drawn_while_the_first_password_is_set_does_not_forget_it() {
    let machine = Machine::new(&facts());
    // chpasswd dates the password today, as if somebody had changed it; and the banner is drawn at
    // that very moment
    machine.script(
        "fake/bin/chpasswd",
        "cat >/dev/null; echo 'admin:$y$x:20781:0:99999:7:::' >\"$SLIPWAY_ROOT/etc/shadow\"\n\
         \"$SLIPWAY_ROOT/usr/lib/slipway/banner\" >\"$SLIPWAY_ROOT/fake/drawn\" &\n\
         for _ in $(seq 1000); do grep -q 'Log in:' \"$SLIPWAY_ROOT/fake/drawn\" && break; /bin/sleep 0.02; done; kill $!",
    );
    machine
        .script("fake/bin/chage", "echo 'admin:$y$x:0:0:99999:7:::' >\"$SLIPWAY_ROOT/etc/shadow\"");
    assert_eq!(machine.run("identity").0, 0);
    assert!(machine.read("fake/drawn").contains("Log in:"), "no banner was drawn");
    let password = machine.read("var/lib/slipway/secrets/admin-password");
    assert_eq!(password.trim().len(), 19, "{password:?}");
    assert!(machine.watch("banner").contains(password.trim()));
}

#[test]
fn a_failure_says_its_cause_and_what_to_do_on_the_banner_and_in_slipway_status() {
    let machine = converged(FAILS);
    let screen = machine.watch("banner");
    for part in [
        "State: FAILED",
        "Cause:      2 resources failed: \"ö\" (RESOURCES, stage CONVERGING)",
        "What to do: a b",
    ] {
        assert!(screen.contains(part), "{part} in\n{screen}");
    }
    let (code, status, _) = machine.run("../../bin/slipway-status");
    assert_eq!(code, 1);
    for part in [
        "state     FAILED\n",
        "(RESOURCES)\n",
        "failed    File[/ü]: it`s $(bad) \"q\" \\ x\n",
        "failed    Exec[b]:  [31mred\n",
    ] {
        assert!(status.contains(part), "{part} in\n{status}");
    }
    assert!(!status.contains('\u{1b}'));
}

#[test]
fn slipway_status_of_a_ready_machine_ends_with_0() {
    let machine = converged("ok");
    let (code, status, _) = machine.run("../../bin/slipway-status");
    assert_eq!(code, 0);
    assert!(status.contains("state     READY\n"), "{status}");
}

#[test]
fn the_banner_shows_the_address_that_the_profile_has_for_the_application() {
    let machine = converged("ok");
    machine.write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 erp.acme.example erp\n");
    for (open, shown) in [
        ("https://{address}:8443/start", "https://192.0.2.7:8443/start"),
        ("https://{hostname}/", "https://erp.acme.example/"),
        ("https://erp.example/?a=*", "https://erp.example/?a=*"),
    ] {
        machine.write("etc/slipway/open", &format!("{open}\n"));
        let screen = machine.watch("banner");
        assert!(screen.contains(&format!("\nApplication: {shown}\n")), "{screen}");
    }
}

#[test]
fn the_banner_says_which_adapter_lacks_what_and_shows_addresses_that_exist() {
    let machine = converged("ok");
    machine.write("etc/slipway/health/0", "80\n/\n200\n\n");
    machine.write("etc/slipway/address", "80\n");
    machine.write("sys/class/net/enp1s0/carrier", "0\n");
    machine.write("sys/class/net/enp2s0/carrier", "1\n");
    let screen = machine.watch("banner");
    for part in [
        "  eth0         192.0.2.7\n",
        "  enp1s0       no cable: connect",
        "  enp2s0       no address: no DHCP server answers",
        "Application: http://192.0.2.7/\n",
        "ssh admin@192.0.2.7\n",
    ] {
        assert!(screen.contains(part), "{part} in\n{screen}");
    }
    machine.script("fake/bin/ip", ":");
    std::fs::remove_dir_all(machine.root().join("sys/class/net/eth0")).unwrap();
    std::fs::remove_dir_all(machine.root().join("sys/class/net/enp1s0")).unwrap();
    std::fs::remove_dir_all(machine.root().join("sys/class/net/enp2s0")).unwrap();
    let screen = machine.watch("banner");
    assert!(screen.contains("the machine has no network adapter. Add one"), "{screen}");
    assert!(!screen.contains("ssh admin@") && !screen.contains("http://"), "{screen}");
}

#[test]
fn nobody_is_sent_to_look_for_failed_resources_where_none_failed() {
    let machine = converged("ok");
    machine.write("proc/meminfo", "MemTotal: 1000000 kB\n");
    machine.run("converge");
    let (_, status, _) = machine.run("../../bin/slipway-status");
    assert!(status.contains("(MEMORY)") && !status.contains("\nfailed "), "{status}");
    assert!(!status.contains("first boot"), "{status}");
}
