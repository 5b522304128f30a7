//! Slurm on this machine alone: its controller, one node, and munge, in a folder of the test's own. All of it ends with
//! the test.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::judge::judge;
use super::servers::free_port;

/// A cluster of one node.
pub struct Slurm {
    folder: tempfile::TempDir,
    daemons: Vec<Child>,
}

/// How long anything of it may take.
const PATIENCE: Duration = Duration::from_secs(300);

impl Slurm {
    /// Starts one, whose jobs run as the user of the test.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // munge wants that everybody may look into the folder of its socket
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut slurm = Self { folder, daemons: Vec::new() };
        slurm.munge();
        fs::write(slurm.configuration(), slurm.text()).unwrap();
        slurm.daemon("slurmctld", &["-D"]);
        slurm.daemon("slurmd", &["-D"]);
        slurm.wait("a node that is idle", || slurm.ask("sinfo", &["-h", "-o", "%T"]) == "idle");
        slurm
    }

    /// What SLURM_CONF must say.
    pub fn configuration(&self) -> PathBuf {
        self.at("slurm.conf")
    }

    /// Waits until no job is left.
    pub fn wait_until_idle(&self) {
        self.wait("no job is left", || self.ask("squeue", &["-h"]).is_empty());
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn munge(&mut self) {
        let key = self.at("key");
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o400).open(&key).unwrap();
        file.write_all(&[7; 1024]).unwrap();
        let option = |name: &str, file: &str| format!("--{name}={}", self.at(file).display());
        let options = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            option("key-file", "key"),
            option("socket", "socket"),
            option("pid-file", "munge.pid"),
            option("log-file", "munge.log"),
            option("seed-file", "seed"),
        ];
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        self.daemon("munged", &options);
        self.wait("munge's socket", || self.at("socket").exists());
    }

    /// On one host, as slurm.conf(5) has it: no accounting, no cgroups, everything on loopback.
    fn text(&self) -> String {
        let folder = self.folder.path().display();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host = host.split('.').next().unwrap();
        let processors = std::thread::available_parallelism().unwrap();
        let (control, node) = (free_port(), free_port());
        let user = judge("id", &["-un"]);
        let user = user.trim();
        format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={control}\nSlurmdPort={node}\n\
             AuthType=auth/munge\nAuthInfo=socket={folder}/socket\nCredType=cred/munge\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSlurmUser={user}\nSlurmdUser={user}\n\
             StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool\n\
             SlurmctldPidFile={folder}/slurmctld.pid\nSlurmdPidFile={folder}/slurmd.pid\n\
             SlurmctldLogFile={folder}/slurmctld.log\nSlurmdLogFile={folder}/slurmd.log\n\
             AccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nReturnToService=2\nMpiDefault=none\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN\n\
             PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
        )
    }

    fn daemon(&mut self, program: &str, arguments: &[&str]) {
        for folder in ["state", "spool"] {
            fs::create_dir_all(self.at(folder)).unwrap();
        }
        let log = fs::File::create(self.at(&format!("{program}.out"))).unwrap();
        // Debian has them in /usr/sbin, which is not in every user's PATH
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
        let mut command = Command::new(program);
        command.args(arguments).env("SLURM_CONF", self.configuration()).env("PATH", path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemons.push(
            command
                .spawn()
                .unwrap_or_else(|e| panic!("{program}: {e}: run scripts/install-tools test")),
        );
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        let output =
            command.args(arguments).env("SLURM_CONF", self.configuration()).output().unwrap();
        match output.status.success() {
            true => String::from_utf8(output.stdout).unwrap().trim().to_owned(),
            // a controller that does not answer yet has no empty queue
            false => String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn wait(&self, what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn logs(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.at(name)).unwrap_or_default();
        ["munged.out", "slurmctld.log", "slurmctld.out", "slurmd.log", "slurmd.out"]
            .map(read)
            .concat()
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_child(daemon),
                rustix::process::Signal::TERM,
            );
            let _ = daemon.wait();
        }
    }
}

/// A program's environment in which it finds this cluster.
pub fn within<'a>(command: &'a mut Command, slurm: &Slurm) -> &'a mut Command {
    let conf: &Path = &slurm.configuration();
    command.env("SLURM_CONF", conf)
}
