//! `slipway init` makes a project that works with the commands of its own README.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use clap::Parser as _;

/// A stranger's machine: their own home, and a folder that has nothing to do with this repository.
struct Stranger {
    root: tempfile::TempDir,
}

impl Stranger {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("home")).unwrap();
        Self { root }
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// Runs a line as a shell does, with nothing of ours but the program.
    fn shell(&self, folder: &Path, line: &str, variables: &[(&str, &str)]) -> Output {
        let ours = Path::new(env!("CARGO_BIN_EXE_slipway")).parent().unwrap();
        let path = format!("{}:{}", ours.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg("-euc").arg(line).current_dir(folder).env_clear().stdin(Stdio::null());
        command.env("PATH", path).env("HOME", self.root.path().join("home"));
        command.envs(variables.iter().copied()).output().unwrap()
    }

    /// The same; it must succeed. Returns its output.
    fn good(&self, folder: &Path, line: &str, variables: &[(&str, &str)]) -> String {
        let output = self.shell(folder, line, variables);
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{shown}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The lines that a README gives to a shell.
fn commands(readme: &str) -> Vec<String> {
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Whether it builds or starts a machine, which takes minutes: `tests/appliance/boots` does that.
fn is_long(line: &str) -> bool {
    ["slipway build ", "slipway smoke "].iter().any(|long| line.starts_with(long))
}

#[test]
fn every_command_of_a_new_projects_readme_works_on_a_machine_that_has_only_the_program() {
    let stranger = Stranger::new();
    stranger.good(stranger.root.path(), "slipway init project --example", &[]);
    let project = stranger.project();
    let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
    let commands = commands(&readme);
    let verbs =
        ["key new", "bundle build", "build", "smoke"].map(|verb| format!("slipway {verb} "));
    // the first command makes the project: including these, five lead to READY
    for (line, verb) in commands.iter().zip(&verbs) {
        assert!(line.starts_with(verb), "{commands:?}");
    }
    assert!(commands.len() >= 10, "{commands:?}");
    for line in &commands {
        if is_long(line) {
            let words = line.split_whitespace();
            slipway::cli::Cli::try_parse_from(words).expect(line);
            let plan = stranger.good(&project, "slipway plan demo", &[]);
            assert!(plan.contains("guestbook 1.0.0") && plan.contains("demo-1.0.0+b1"), "{plan}");
        } else if line == "slipway doctor" {
            // this machine may lack things that this test's images do not need
            let said = String::from_utf8(stranger.shell(&project, line, &[]).stdout).unwrap();
            assert!(
                said.lines().any(|l| l.starts_with("good") && l.contains("trusted keys")),
                "{said}"
            );
        } else {
            stranger.good(&project, line, &[]);
        }
    }
    let checked = stranger.shell(&project, "slipway check --all", &[]);
    let doubts = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && doubts.is_empty(), "{doubts}");
    let listed = stranger.good(&project, "slipway list", &[]);
    assert!(["acme", "demo", "example"].iter().all(|name| listed.contains(name)), "{listed}");
}

#[test]
fn quiet_verbs_that_succeed_print_their_result_and_nothing_else() {
    let stranger = Stranger::new();
    let root = stranger.root.path();
    for line in ["slipway init project --quiet", "slipway key new k --no-passphrase --quiet"] {
        let output = stranger.shell(root, line, &[]);
        let (result, advice) = (output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(
            output.status.success() && !result.is_empty() && advice.is_empty(),
            "{line}: {advice}"
        );
    }
}

#[test]
fn what_ci_runs_checks_and_publishes_and_takes_no_key_that_is_not_there() {
    let stranger = Stranger::new();
    stranger.good(stranger.root.path(), "slipway init project", &[]);
    let project = stranger.project();
    stranger.good(&project, "ci/run check", &[]);
    let output = stranger.shell(&project, "ci/run bundle", &[]);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("not published"), "{shown}");
    assert!(!project.join("out/store").exists());

    stranger.good(&project, "slipway key new ci --trust --no-passphrase", &[]);
    // as CI servers leave it: readable by others
    stranger.good(&project, "cp ~/.config/slipway/keys/ci key && chmod 644 key", &[]);
    let key = project.join("key");
    let variables = [("SLIPWAY_KEY_FILE", key.to_str().unwrap()), ("BUILD", "7")];
    stranger.good(&project, "ci/run check && ci/run bundle", &variables);
    let cached = [("SLIPWAY_CACHE", project.join(".cache"))];
    let cached = cached.each_ref().map(|(name, path)| (*name, path.to_str().unwrap()));
    let plan = stranger.good(&project, "slipway plan example", &cached);
    assert!(plan.contains("tiny-1.0.0+b7"), "{plan}");
    assert_eq!(stranger.shell(&project, "ci/run nonsense", &[]).status.code(), Some(2));
}

#[test]
fn what_ci_servers_read_is_what_they_read_it_as() {
    let stranger = Stranger::new();
    stranger.good(stranger.root.path(), "slipway init project", &[]);
    let project = stranger.project();
    stranger.good(&project, "ci/prepare", &[]);
    let mut shellcheck = Command::new("shellcheck");
    let scripts = shellcheck.args(["ci/run", "ci/prepare"]).current_dir(&project).output().unwrap();
    assert!(scripts.status.success(), "{}", String::from_utf8_lossy(&scripts.stdout));
    // a job's steps are programs, and they exist
    let read = "ruby -ryaml -e '
        jobs = YAML.load_file(\".github/workflows/appliances.yml\")[\"jobs\"]
        lab = YAML.load_file(\".gitlab-ci.yml\")
        lines = jobs.values.flat_map { |j| j[\"steps\"].map { |s| s[\"run\"] } }
        lines += lab.values.flat_map { |j| j.is_a?(Hash) ? [j[\"script\"], j[\"before_script\"]] : [] }
        puts lines.flatten.compact'";
    let lines = stranger.good(&project, read, &[]);
    for part in ["ci/prepare", "ci/run check", "ci/run bundle", "ci/run build", "ci/run\n"] {
        assert!(lines.contains(part), "{lines}");
    }
}

#[test]
fn a_project_is_made_in_no_folder_that_holds_anything() {
    let stranger = Stranger::new();
    let root = stranger.root.path();
    std::fs::write(root.join("home/mine"), "x").unwrap();
    for line in
        ["slipway init home", "slipway init .", "slipway init /", "mkdir a; cd a; slipway init ."]
    {
        let output = stranger.shell(root, line, &[]);
        assert_eq!(output.status.code(), Some(1), "{line}");
    }
    let left = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!((left(root), left(&root.join("home")), left(&root.join("a"))), (2, 1, 0));
}
