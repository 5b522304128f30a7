//! A machine for the scripts: a folder that stands for `/`, with fakes for everything that only a
//! real machine has.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use slipway::appliance::Address;
use slipway::layer::firstboot::{self, FirstBootFacts};
use slipway::profile::MasterMode;
use slipway::tree::{Node, Tree};
use slipway::units::Timestamp;

pub const RELEASE: &str = "demo-1.0.0+b1";

pub fn facts() -> FirstBootFacts {
    FirstBootFacts {
        product: "Demo".into(),
        banner: None,
        release: RELEASE.into(),
        site: "demo".into(),
        mode: MasterMode::Puppetserver,
        interval_minutes: 30,
        grow: true,
        time: Timestamp::from_seconds(1_700_000_000),
        health: vec![],
        probes: vec![],
    }
}

/// The parts of a base that the layers look at.
pub fn base() -> Tree {
    let mut tree = Tree::new();
    for program in [
        "usr/sbin/nft",
        "usr/sbin/sfdisk",
        "usr/bin/partx",
        "usr/bin/flock",
        "usr/sbin/logrotate",
        "usr/lib/x86_64-linux-gnu/security/pam_faillock.so",
        "usr/lib/x86_64-linux-gnu/security/pam_pwquality.so",
        "usr/sbin/resize2fs",
        "usr/bin/ip",
        "usr/bin/ss",
        "usr/bin/ssh-keygen",
        "usr/sbin/sshd",
        "usr/sbin/chpasswd",
        "usr/bin/chage",
        "usr/bin/perl",
        "usr/bin/ruby",
        "usr/bin/curl",
        "usr/bin/dbus-daemon",
        "usr/bin/sudo",
        "usr/lib/systemd/systemd-networkd",
        "usr/lib/systemd/systemd-resolved",
        "usr/lib/systemd/systemd-timesyncd",
        "usr/share/zoneinfo/Etc/UTC",
    ] {
        tree.put_file(program, 0o755, Timestamp::default(), "").unwrap();
    }
    for (path, text) in [
        ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ("/etc/shadow", "root:!:1::::::\n"),
        ("/etc/group", "root:x:0:\nsudo:x:27:\nadm:x:4:\nsystemd-journal:x:999:\n"),
        (
            "/etc/pam.d/common-auth",
            "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\nauth\trequired\tpam_permit.so\n",
        ),
        ("/etc/pam.d/common-account", "account\t[success=1 default=ignore]\tpam_unix.so\n"),
        ("/etc/logrotate.conf", "weekly\ninclude /etc/logrotate.d\n"),
        ("/etc/pam.d/sshd", "auth x\n@include common-account\n"),
        ("/usr/lib/pam.d/systemd-user", "@include common-account\n"),
        ("/etc/skel/.profile", "# x\n"),
        ("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n"),
    ] {
        tree.put_file(path, 0o640, Timestamp::default(), text).unwrap();
    }
    tree
}

/// Writes the tree's files and links below `root`.
pub fn lay_out(tree: &Tree, root: &Path) {
    for (path, entry) in tree {
        let to = root.join(&path.to_string()[1..]);
        match &entry.node {
            Node::Directory => fs::create_dir_all(&to).unwrap(),
            Node::File(content) => {
                fs::write(&to, content.read().unwrap()).unwrap();
                let mode = u32::from(entry.meta.mode) | 0o200;
                fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
            }
            Node::Symlink(target) => symlink(std::str::from_utf8(target).unwrap(), &to).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// One boot: the early units, then the driver to its end.
pub fn boot(machine: &Machine) {
    // a machine that was READY is asked for its health while it starts
    for script in ["grow", "identity", "health --once", "converge"] {
        if script.starts_with("health") && !machine.has("var/lib/slipway/stamps/ready") {
            continue;
        }
        let (code, _, log) = machine.run(script);
        assert_eq!(code, 0, "{script}: {log}");
    }
}

/// The status page of a machine. It ends with this value.
pub struct StatusPage {
    child: Child,
    pub port: u16,
}

impl StatusPage {
    /// Its address.
    pub fn address(&self) -> Address {
        Address { host: "127.0.0.1".to_owned(), port: self.port }
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// The answer to `request`.
    pub fn ask(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // it may have answered and hung up before all of a long request is sent
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// A line of the server's /proc/PID/status, in its unit.
    pub fn figure(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for StatusPage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Machine {
    folder: tempfile::TempDir,
}

/// What a try of the fake Puppet does, which it reads from /fake/puppet.
pub const SUCCEEDS: &str = "ok";
pub const FAILS: &str = "fail";

impl Machine {
    pub fn new(facts: &FirstBootFacts) -> Self {
        Self::of(base(), facts)
    }

    /// A machine from a tree that other layers have edited.
    pub fn of(mut tree: Tree, facts: &FirstBootFacts) -> Self {
        firstboot::add(&mut tree, facts).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let machine = Self { folder };
        let root = machine.root();
        lay_out(&tree, &root);
        for (path, text) in [
            ("proc/uptime", "12.34 20.00\n"),
            ("proc/meminfo", "MemTotal: 2014000 kB\nMemFree: 1 kB\n"),
            ("proc/sys/kernel/random/uuid", "11111111-2222-3333-4444-555555555555\n"),
            ("sys/class/dmi/id/product_family", "slipway-smoke-0123abcd\n"),
            ("sys/class/net/lo/carrier", "1\n"),
            ("sys/class/net/eth0/carrier", "1\n"),
            ("dev/ttyS0", ""),
            ("etc/puppet/code/releases/x/RELEASE_ID", RELEASE),
            ("fake/puppet", SUCCEEDS),
        ] {
            machine.write(path, text);
        }
        let environments = root.join("etc/puppet/code/environments");
        fs::create_dir_all(&environments).unwrap();
        symlink("../releases/x", environments.join("production")).unwrap();
        symlink("/dev/urandom", root.join("dev/urandom")).unwrap();
        machine.fakes();
        machine.power_on();
        machine
    }

    /// Fakes for programs that would touch the real machine, or that another room provides.
    fn fakes(&self) {
        let bin = "fake/bin";
        self.script(&format!("{bin}/sleep"), "echo \"$1\" >>\"$SLIPWAY_ROOT/fake/sleeps\"");
        self.script(&format!("{bin}/systemctl"), "echo \"$*\" >>\"$SLIPWAY_ROOT/fake/systemctl\"\n\
            case \"$*\" in *puppetserver*) exit 3 ;; *is-active*bad*) echo failed; exit 3 ;; *is-active*) echo active ;; esac");
        self.script(&format!("{bin}/ip"), "echo '2: eth0    inet 192.0.2.7/24 scope global eth0'");
        self.script(&format!("{bin}/ss"), "cat \"$SLIPWAY_ROOT/fake/ss\" 2>/dev/null; :");
        // these power cuts do not lose pages, so waiting for the test machine's disk would prove
        // nothing
        self.script(&format!("{bin}/sync"), ":");
        self.script(&format!("{bin}/chage"), ":");
        self.script(&format!("{bin}/chgrp"), ":");
        self.script(&format!("{bin}/chpasswd"), "cat >\"$SLIPWAY_ROOT/fake/password\"");
        // the firewall's state is in the kernel, and lost after a power cut
        self.script(&format!("{bin}/nft"), "closed=$SLIPWAY_ROOT/fake/kernel/closed\n\
            case $1 in list) [ -e \"$closed\" ] ;; -f) cp \"$2\" \"$SLIPWAY_ROOT/fake/kernel/rules\"\n\
            case $(head -n 1 \"$2\") in '# closed') : >\"$closed\" ;; *) rm -f \"$closed\" ;; esac ;; esac");
        self.script(
            &format!("{bin}/usermod"),
            "echo \"usermod $*\" >>\"$SLIPWAY_ROOT/fake/calls\"",
        );
        // the real one reads the secrets of the machine that it runs on
        self.script("usr/lib/slipway/mask", "exec sed 's/hunter22/[secret]/g'");
        // a certificate authority that a kill leaves half-made
        self.script("usr/lib/slipway/master-setup", "ca=$SLIPWAY_ROOT/fake/ca\n\
            if [ \"$1\" = --check ]; then [ -e \"$ca/cert\" ]; exit; fi\n\
            rm -rf \"$ca\"; mkdir \"$ca\"; echo \"$1\" >\"$ca/key\"; /bin/sleep 0.02; mv \"$ca/key\" \"$ca/cert\"");
        self.script(
            "usr/lib/slipway/master-start",
            "[ -e \"$SLIPWAY_ROOT/fake/ca/cert\" ] || { echo 'no certificate' >&2; exit 1; }\n\
             : >\"$SLIPWAY_ROOT/run/fake-master\"",
        );
        // discs: readers that we did not write stand for the kernel's
        self.script(&format!("{bin}/mount"), include_str!("mount.sh"));
        self.script(&format!("{bin}/umount"), "chmod -R u+w \"$1\"; rm -rf \"$1\"");
        self.script(&format!("{bin}/udevadm"), ":");
        self.script("usr/lib/slipway/master-stop", "rm -f \"$SLIPWAY_ROOT/run/fake-master\"");
        self.script("usr/lib/slipway/converge-once", include_str!("converge-once.sh"));
    }

    pub fn script(&self, path: &str, body: &str) {
        self.write(path, &format!("#!/bin/sh\n{body}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.root().join(path), mode).unwrap();
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn write(&self, path: &str, text: &str) {
        let to = self.root().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_default()
    }

    pub fn has(&self, path: &str) -> bool {
        self.root().join(path).symlink_metadata().is_ok()
    }

    /// Everything that is not on the disk is lost, the boot gets a new number, and the early units
    /// run in systemd's order.
    pub fn power_on(&self) {
        for gone in ["run", "fake/kernel"] {
            let _ = fs::remove_dir_all(self.root().join(gone));
        }
        fs::create_dir_all(self.root().join("fake/kernel")).unwrap();
        let boots: u32 = self.read("fake/boots").parse().unwrap_or(0);
        self.write("fake/boots", &(boots + 1).to_string());
        self.write("proc/sys/kernel/random/boot_id", &format!("boot-{boots}\n"));
        self.write("dev/ttyS0", "");
        if !self.has("var/lib/slipway/stamps/ready") {
            self.write("fake/kernel/closed", "");
        }
    }

    /// Adds a fake program that only records how it was called.
    pub fn record(&self, program: &str) {
        let body = format!("echo \"{program} $*\" >>\"$SLIPWAY_ROOT/fake/calls\"");
        self.script(&format!("fake/bin/{program}"), &body);
    }

    /// The first output of a program that does not end by itself.
    pub fn watch(&self, script: &str) -> String {
        let file = self.root().join("fake/screen");
        let out = fs::File::create(&file).unwrap();
        let mut child = self.command(script).stdout(out).process_group(0).spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let end = std::time::Instant::now() + Duration::from_secs(20);
        // a page ends with the clock, and the second page proves that it draws again
        while self.read("fake/screen").matches("Log in:").count() < 2 {
            assert!(std::time::Instant::now() < end, "{}", self.read("fake/screen"));
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        let _ = child.wait();
        self.read("fake/screen")
    }

    fn command(&self, script: &str) -> Command {
        let root = self.root();
        let mut words = script.split(' ');
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(root.join("usr/lib/slipway").join(program));
        command.args(words);
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", root.join("fake/bin").display());
        command.env("SLIPWAY_ROOT", &root).env("PATH", path).stdin(Stdio::null());
        command
    }

    /// Runs one script to its end: exit code, standard output, standard error.
    pub fn run(&self, script: &str) -> (i32, String, String) {
        self.run_with(script, &[])
    }

    /// The same with arguments.
    pub fn run_with(&self, script: &str, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(script).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Starts the status page as systemd does, with the listening socket as its descriptor 3.
    pub fn status_page(&self) -> StatusPage {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let program = self.root().join("usr/lib/slipway/status-http");
        let mut command = Command::new("sh");
        // the server must not inherit the files that the tests' own process has open
        command.args(["-c", "exec 3<&0 0</dev/null; exec \"$0\""]).arg(program);
        command.env("SLIPWAY_ROOT", self.root()).stdin(OwnedFd::from(listener));
        StatusPage { child: command.spawn().unwrap(), port }
    }

    /// Starts a script in its own process group, as systemd would in a control group.
    pub fn start(&self, script: &str) -> Child {
        let quiet = self
            .command(script)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        quiet.unwrap()
    }

    /// Starts a script and kills all of it after `delay`; says whether it had ended by itself.
    pub fn cut(&self, script: &str, delay: Duration) -> bool {
        let mut child = self.start(script);
        std::thread::sleep(delay);
        let ended = child.try_wait().unwrap().is_some();
        let pid = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        let _ = child.wait();
        ended
    }

    /// The lines on the serial port of this boot, each read by a JSON parser.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let text = self.read("dev/ttyS0");
        assert!(text.is_ascii());
        text.lines().filter(|l| !l.is_empty()).map(|l| serde_json::from_str(l).expect(l)).collect()
    }

    /// The states of this boot in order.
    pub fn states(&self) -> Vec<String> {
        let state = |l: &serde_json::Value| Some(l.get("state")?.as_str()?.to_owned());
        self.lines().iter().filter_map(state).collect()
    }

    /// Every file that a machine must not share with another, by path.
    pub fn secrets(&self) -> BTreeMap<String, String> {
        let paths = [
            "etc/ssh/ssh_host_ed25519_key",
            "etc/ssh/ssh_host_ed25519_key.pub",
            "etc/ssh/ssh_host_ecdsa_key",
            "var/lib/slipway/secrets/site",
            "var/lib/slipway/secrets/admin-password",
            "var/lib/slipway/instance-id",
            "var/lib/slipway/ssh-fingerprint",
            "etc/slipway/hiera/instance.yaml",
        ];
        paths.iter().map(|p| ((*p).to_owned(), self.read(p))).collect()
    }
}
