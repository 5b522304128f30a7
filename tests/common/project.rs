//! A test's own project folder: profiles, the shipped bases, a store. Everything is done through
//! the program, as a user does it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Condvar, Mutex, PoisonError};

use serde_json::Value;
use slipway::build::Contents;
use slipway::desk::{Desk, Pulling};
use slipway::progress::Quiet;
use slipway::project::{self, Surroundings};
use slipway::units::Timestamp;

/// The running machines, and for each waiting test how often it will start one.
static QUEUE: Mutex<Queue> = Mutex::new(Queue { running: 0, waiting: Vec::new() });
static MOVED: Condvar = Condvar::new();

struct Queue {
    running: usize,
    waiting: Vec<usize>,
}

/// How long a machine may take to converge, in seconds.
const PATIENCE: &str = "4000";

/// A machine's turn: two run at a time. One alone would often leave the processors idle, and more
/// would slow each other down until they exceed their limits, which do not account for the others.
/// A test that starts more than once goes first; otherwise it would run alone at the end.
struct Turn;

impl Turn {
    fn wait(starts: usize) -> Self {
        let mut queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push(starts);
        let behind = |queue: &mut Queue| {
            queue.running == 2 || queue.waiting.iter().any(|other| *other > starts)
        };
        let mut queue = MOVED.wait_while(queue, behind).unwrap_or_else(PoisonError::into_inner);
        let place = queue.waiting.iter().position(|other| *other == starts).unwrap();
        queue.waiting.swap_remove(place);
        queue.running += 1;
        MOVED.notify_all();
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        QUEUE.lock().unwrap_or_else(PoisonError::into_inner).running -= 1;
        MOVED.notify_all();
    }
}

/// A folder with profiles/, images/ and out/store.
pub struct Project {
    root: tempfile::TempDir,
    /// Environment variables of its commands, in addition to the tests' own.
    variables: Vec<(String, String)>,
}

/// A published bundle.
pub struct Published {
    /// The SHA-256 of its .tgz.
    pub sha256: String,
    /// The .tgz.
    pub file: PathBuf,
}

/// The result of one smoke test.
pub struct Smoke {
    /// The exit code.
    pub code: Option<i32>,
    /// The report.
    pub report: Value,
    /// The output for people.
    pub shown: String,
    /// The first boot's output on the serial console.
    pub serial: String,
}

impl Project {
    /// The shipped bases and the shipped demo profile; nothing is published yet.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same, with these variables for its commands.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::create_dir(root.path().join("profiles")).unwrap();
        std::os::unix::fs::symlink(repository("images"), root.path().join("images")).unwrap();
        let demo = std::fs::read_to_string(repository("profiles/demo.toml")).unwrap();
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let project = Self { root, variables };
        project.profile("demo", &demo);
        project
    }

    /// The project that `slipway init --example` makes in an empty folder, with the key and the bundle of its
    /// README, published to this store.
    pub fn begun(store: &str, variables: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut init = Command::new(env!("CARGO_BIN_EXE_slipway"));
        let output = init.arg("init").arg(root.path()).arg("--example").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let project = Self { root, variables };
        project.run(&["key", "new", "vendor", "--trust", "--no-passphrase"]);
        std::fs::create_dir_all(project.root().join("out/store")).unwrap();
        project.run(&["bundle", "build", "sites/demo", "--publish", store, "--channel", "stable"]);
        project
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes a profile.
    pub fn profile(&self, name: &str, text: &str) {
        std::fs::write(self.root().join(format!("profiles/{name}.toml")), text).unwrap();
    }

    /// Runs the program in the project's folder, with the cache that all tests share.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(arguments).current_dir(self.root()).env("SLIPWAY_CACHE", cache());
        command.env_remove("SLIPWAY_PROJECT").env_remove("SLIPWAY_TRUST");
        command.env("SLIPWAY_KEYS", self.root().join("keys")).env_remove("SLIPWAY_KEY_FILE");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The same; it must succeed.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "slipway {arguments:?}: {}\n{shown}", output.status);
        output
    }

    /// Builds a site of the demo vendor, and publishes it to the channel stable of the project's
    /// store, signed by a key that the project trusts.
    pub fn publish(&self, site: &str) {
        let store = format!("file://{}", self.root().join("out/store").display());
        std::fs::create_dir_all(self.root().join("out/store")).unwrap();
        self.publish_to(site, &store);
    }

    /// The same in any store; returns what was published.
    pub fn publish_to(&self, site: &str, store: &str) -> Published {
        if !self.root().join("keys/vendor").exists() {
            self.run(&["key", "new", "vendor", "--no-passphrase"]);
        }
        self.run(&["key", "trust", "vendor", "--site", site, "--app", "guestbook"]);
        let site = repository("examples/demo-vendor/sites").join(site);
        let path = site.to_str().unwrap();
        let mut arguments =
            vec!["bundle", "build", path, "--publish", store, "--channel", "stable", "--json"];
        if site.ends_with("demo") {
            // as in the vendor's pipeline: the app goes through a store
            let app = repository("examples/demo-vendor/apps/guestbook");
            let packed = json(&self.run(&["app", "pack", app.to_str().unwrap(), "--json"]));
            self.run(&["app", "publish", packed["file"].as_str().unwrap(), "--to", store]);
            arguments.extend(["--apps", store, "--app", "guestbook=main"]);
        }
        let built = json(&self.run(&arguments));
        let text = |name: &str| built[name].as_str().unwrap().to_owned();
        Published { sha256: text("sha256"), file: text("file").into() }
    }

    /// Builds a profile's image; returns its path.
    pub fn build(&self, profile: &str) -> PathBuf {
        self.run(&["build", profile]);
        let folder = self.root().join("out").join(profile);
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut images: Vec<PathBuf> =
            entries.filter(|p| p.extension().is_some_and(|e| e == "qcow2")).collect();
        assert_eq!(images.len(), 1, "{}: {images:?}", folder.display());
        images.remove(0)
    }

    /// The library's desk for this project: nothing in this process's environment counts.
    pub fn desk(&self) -> Desk {
        let surroundings = Surroundings {
            project: Some(self.root().to_owned()),
            cache: Some(cache()),
            ..Surroundings::default()
        };
        Desk::open(project::Project::open(&surroundings).unwrap(), Pulling::default()).unwrap()
    }

    /// The contents of a profile's image, according to the library.
    pub fn contents(&self, profile: &str) -> Contents {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let desk = self.desk();
        let ticket = desk.order(profile, Timestamp::from_seconds(since as i64)).unwrap();
        let bundle = desk.fetch(&ticket, &Quiet).unwrap();
        let prepared = desk.prepare(&ticket, bundle, &Quiet).unwrap();
        desk.contents(&ticket, prepared, &Quiet).unwrap()
    }

    /// Goes through a night, which boots machines, and before all others: it lasts longest.
    pub fn night(&self) -> Output {
        let _turn = Turn::wait(3);
        self.command(&["nightly"]).output().unwrap()
    }

    /// Boots a profile's image.
    pub fn smoke(&self, profile: &str, arguments: &[&str]) -> Smoke {
        let again = |argument: &&&str| matches!(**argument, "--reboot" | "--cut-at");
        let _turn = Turn::wait(1 + arguments.iter().filter(again).count());
        let folder = tempfile::tempdir_in(self.root()).unwrap();
        let report = folder.path().to_str().unwrap();
        // other tests run beside it, and none is judged by its speed; the default suits a host that
        // has nothing else to do
        let first = ["smoke", profile, "--json", "--report", report, "--timeout", PATIENCE];
        let output = self.command(&[&first, arguments].concat()).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        // the log of a passed test is hidden; that of a failed one is the evidence
        println!("slipway smoke {profile} {arguments:?}\n{shown}");
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("the report is not JSON: {e}\n{shown}"));
        let serial = std::fs::read(folder.path().join("serial-1.log")).unwrap();
        let serial = String::from_utf8_lossy(&serial).into_owned();
        // whatever became of the machine: a kernel that stumbles over the hardware that we present
        // is our fault
        assert!(!serial.contains("---[ end trace "), "{serial}");
        let smoke = Smoke { code: output.status.code(), report, shown, serial };
        let complaints = smoke.complaints();
        assert!(complaints.is_empty(), "{complaints:?}\n{}", smoke.serial);
        smoke
    }
}

/// A program's output, as JSON.
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Smoke {
    /// The states that a boot went through, the first boot being 0.
    pub fn states(&self, boot: usize) -> Vec<&str> {
        let states = self.report["boots"][boot]["states"].as_array().unwrap();
        states.iter().map(|state| state["state"].as_str().unwrap()).collect()
    }

    /// The complaints of all boots' kernels, except stalls, which a busy host may cause.
    fn complaints(&self) -> Vec<String> {
        let boots = self.report["boots"].as_array().unwrap().iter();
        let all = boots.flat_map(|boot| boot["complaints"].as_array().unwrap());
        all.filter(|found| found["about"] != "stall").map(Value::to_string).collect()
    }

    /// The machine's uptime at the first READY, in seconds.
    pub fn seconds_to_ready(&self, boot: usize) -> f64 {
        let states = self.report["boots"][boot]["states"].as_array().unwrap();
        let ready = states.iter().find(|state| state["state"] == "READY").unwrap();
        ready["at"].as_f64().unwrap()
    }

    /// Fails with the output for people unless the exit code is `code`.
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.shown);
    }
}

/// A path in the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Bases are made once for all tests of all runs: $SLIPWAY_CACHE, or else a folder of the build's
/// own.
pub fn cache() -> PathBuf {
    std::env::var_os("SLIPWAY_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"), PathBuf::from)
}
