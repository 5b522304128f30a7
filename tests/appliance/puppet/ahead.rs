//! A run of the agent that begins while the master starts.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::scripts;

/// A shipped file with its absolute paths redirected into `folder`.
fn placed(name: &str, folder: &Path) -> String {
    let (_, text) = scripts().into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
    let here = folder.to_str().unwrap();
    let roots = ["/etc/", "/usr/lib/slipway/", "/usr/share/", "/var/", "/run/"];
    roots.iter().fold(text, |text, root| {
        // a path begins a word or is in quotes
        [" ", "\"", "'", "="].iter().fold(text, |text, before| {
            text.replace(&format!("{before}{root}"), &format!("{before}{here}{root}"))
        })
    })
}

fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_masters_port_waits_for_the_master_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let (master, other) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let text = placed("/await-master.rb", folder.path());
    let awaiting = folder.path().join("await-master.rb");
    fs::write(&awaiting, text.replace("PORT = 8140", &format!("PORT = {}", port(&master))))
        .unwrap();
    let story = "$stdout.sync = true\n\
        ARGV.each { |port| Net::HTTP.new('127.0.0.1', port.to_i).start.finish; puts port }";
    let mut ruby = Command::new("ruby");
    ruby.arg("-r").arg(&awaiting).args(["-e", story]);
    ruby.args([port(&other).to_string(), port(&master).to_string()]);
    let mut child = ruby.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), port(&other).to_string());

    master.set_nonblocking(true).unwrap();
    let counter = folder.path().join("run/puppetserver/restart");
    fs::create_dir_all(counter.parent().unwrap()).unwrap();
    for content in [None, Some(""), Some("0")] {
        if let Some(content) = content {
            fs::write(&counter, content).unwrap();
        }
        std::thread::sleep(Duration::from_millis(500));
        assert!(master.accept().is_err(), "connected while the counter was {content:?}");
    }
    fs::write(&counter, "1").unwrap();
    assert_eq!(said.next().unwrap().unwrap(), port(&master).to_string());
    assert!(child.wait().unwrap().success());
    assert!(master.accept().is_ok());
}

#[test]
fn plugins_that_were_just_copied_are_not_compared_and_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let awaiting = folder.path().join("await-master.rb");
    fs::write(&awaiting, placed("/await-master.rb", folder.path())).unwrap();
    // exactly the question that Puppet::Agent asks before a run
    let story = "require 'puppet/agent'\nrequire 'puppet/configurer'\n\
        p [Puppet::Configurer.should_pluginsync?, ENV['SLIPWAY_PLUGINS']]";
    for (given, told) in [(Some("copied"), "[false, nil]\n"), (None, "[true, nil]\n")] {
        let mut ruby = Command::new("ruby");
        ruby.arg("-r").arg(&awaiting).args(["-e", &format!("require 'puppet'\n{story}")]);
        ruby.envs(given.map(|given| ("SLIPWAY_PLUGINS", given)));
        let output = ruby.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), told, "{output:?}");
    }
}

/// An environment and the folders beside it: modules by (folder, name), each with a plugin that
/// names it.
fn plugins(root: &Path, modules: &[(&str, &str)]) {
    for (folder, name) in modules {
        let module = root.join(folder).join(name);
        for (part, file) in [("lib/facter", format!("{name}.rb")), ("lib", "shared.rb".into())] {
            fs::create_dir_all(module.join(part)).unwrap();
            fs::write(module.join(part).join(file), format!("{folder}/{name}")).unwrap();
        }
    }
    let chown = "#!/bin/sh\n# an ordinary user who tests cannot give files away\n";
    program(&root.join("bin/chown"), chown);
}

fn copy(root: &Path) -> Option<i32> {
    program(&root.join("plugin-copy"), &placed("/plugin-copy", root));
    let mut command = Command::new(root.join("plugin-copy"));
    command.arg(root.join("environment")).arg(root.join("cache"));
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", root.join("bin").display());
    command.env("PATH", path).status().unwrap().code()
}

const OWN: &str = "environment/modules";
const SITES: &str = "etc/puppet/code/modules";
const DISTRIBUTIONS: &str = "usr/share/puppet/modules";

#[test]
fn the_plugins_that_are_copied_are_those_that_the_master_would_give() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let modules = [
        (OWN, "both"),
        (OWN, "no-module"),
        (OWN, "mine"),
        (SITES, "slipway"),
        (DISTRIBUTIONS, "both"),
        (DISTRIBUTIONS, "stdlib"),
    ];
    plugins(root, &modules);
    // the master must not serve a hidden module's own files
    fs::write(root.join(DISTRIBUTIONS).join("both/lib/hidden.rb"), "").unwrap();
    let facts = root.join(OWN).join("mine/facts.d");
    program(&facts.join("where.sh"), "#!/bin/sh\n");
    assert_eq!(copy(root), Some(0));

    let lib = root.join("cache/lib");
    let read = |name: &str| fs::read_to_string(lib.join(name)).unwrap();
    for (name, from) in
        [("both", OWN), ("mine", OWN), ("slipway", SITES), ("stdlib", DISTRIBUTIONS)]
    {
        assert_eq!(read(&format!("facter/{name}.rb")), format!("{from}/{name}"));
    }
    assert_eq!(read("shared.rb"), format!("{OWN}/both"), "the first in the path wins");
    assert!(!lib.join("hidden.rb").exists() && !lib.join("facter/no-module.rb").exists());
    let fact = root.join("cache/facts.d/where.sh").metadata().unwrap();
    assert_eq!(fact.permissions().mode() & 0o777, 0o755);
    assert_eq!(copy(root), Some(1), "what was copied before is to be compared");
}

#[test]
fn a_copy_that_may_differ_from_the_masters_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    plugins(&other, &[(OWN, "mine")]);
    fs::write(other.join("environment/environment.conf"), "modulepath = ours:$basemodulepath\n")
        .unwrap();
    assert_eq!(copy(&other), Some(1));

    let usual = folder.path().join("usual");
    plugins(&usual, &[(OWN, "mine")]);
    fs::write(usual.join("environment/environment.conf"), "modulepath = modules:$basemodulepath\n")
        .unwrap();
    assert_eq!(copy(&usual), Some(0));

    let torn = folder.path().join("torn");
    plugins(&torn, &[(OWN, "mine")]);
    symlink("nowhere", torn.join(OWN).join("mine/lib/dangling.rb")).unwrap();
    assert_eq!(copy(&torn), Some(1));
}

#[test]
fn a_run_that_is_recalled_takes_its_agent_along() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("etc/slipway")).unwrap();
    fs::write(root.join("etc/slipway/master.env"), "SLIPWAY_MASTER=puppetserver\n").unwrap();
    program(&root.join("usr/lib/slipway/plugin-copy"), "#!/bin/sh\nexit 1\n");
    fs::write(root.join("usr/lib/slipway/master-common.sh"), "server=s\nvardir=v\n").unwrap();
    let pid = root.join("pid");
    program(
        &root.join("bin/ruby"),
        &format!("#!/bin/sh\necho $$ >{0}.new\nmv {0}.new {0}\nexec sleep 600\n", pid.display()),
    );
    program(&root.join("converge-once"), &placed("/converge-once", root));
    let mut command = Command::new(root.join("converge-once"));
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", root.join("bin").display());
    let mut run = command
        .args(["--ahead".as_ref(), root.join("run/result.json").as_os_str()])
        .env("PATH", path)
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !pid.exists() {
        assert!(Instant::now() < end && run.try_wait().unwrap().is_none(), "no agent was started");
        std::thread::sleep(Duration::from_millis(10));
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&run),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    run.wait().unwrap();
    let agent = fs::read_to_string(&pid).unwrap().trim().to_owned();
    let gone = || match fs::read_to_string(format!("/proc/{agent}/stat")) {
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    };
    while !gone() {
        assert!(Instant::now() < end, "agent {agent} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!root.join("run/result.json").exists());
}
