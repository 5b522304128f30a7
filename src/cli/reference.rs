//! docs/reference.md, made from the code: each verb's help, and each variable of the environment.

use clap::{Command, CommandFactory as _};

/// How wide help is written, in columns: a terminal's own width would make another page on each machine.
const WIDTH: usize = 100;

/// A variable of the environment, and what it does.
struct Variable {
    name: &'static str,
    what: &'static str,
}

const fn variable(name: &'static str, what: &'static str) -> Variable {
    Variable { name, what }
}

/// Every variable that slipway reads itself. Those of the clouds are read by their clients' rules.
const VARIABLES: &[Variable] = &[
    variable("SLIPWAY_PROJECT", "the project's folder, if `--project` is not given"),
    variable(
        "SLIPWAY_CACHE",
        "the cache [default: `slipway/` in `XDG_CACHE_HOME`, else in `~/.cache`]",
    ),
    variable(
        "SLIPWAY_ENCODED_LIMIT",
        "the largest size of the cache of encoded regions, as in `20 GiB`",
    ),
    variable(
        "SLIPWAY_BUNDLE_LIMIT",
        "the largest bundle that is accepted if nothing signed gives its size, as in `4 GiB`",
    ),
    variable(
        "SLIPWAY_TRUST",
        "the file of trusted keys [default: `trust/allowed_signers` of the project]",
    ),
    variable(
        "SLIPWAY_KEYS",
        "the folder of private keys [default: `slipway/keys/` in `XDG_CONFIG_HOME`, else in `~/.config`]",
    ),
    variable(
        "SLIPWAY_KEY_FILE",
        "the file of the private key that signs; only its owner may read it",
    ),
    variable(
        "SLIPWAY_KEY_PASSPHRASE_FILE",
        "the file of that key's passphrase; only its owner may read it",
    ),
    variable(
        "SLIPWAY_BUILDER",
        "a URI that names the place where releases are made, for their records and provenance",
    ),
    variable(
        "SLIPWAY_RUN",
        "the URI of the CI server's run in which a release is made, for the same",
    ),
    variable(
        "SOURCE_DATE_EPOCH",
        "the time of a bundle, in seconds since 1970 [default: that of the last commit]",
    ),
    variable(
        "TMPDIR",
        "where `smoke` keeps the copy of a disk while it runs [default: `/var/tmp`]",
    ),
    variable(
        "SLIPWAY_COMMIT",
        "while slipway is compiled: the commit that `--version` shows [default: git's, in a release]",
    ),
    variable(
        "USER, LOGNAME, HOME",
        "the building machine's user, whom `leaks` looks for in images",
    ),
    variable(
        "JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID",
        "which part of the customers `nightly --shard auto/N` does, from 0: Kubernetes and Slurm set them",
    ),
    variable(
        "SLIPWAY_REPORT",
        "set for the program that `nightly` runs when it is over: the path of report.json",
    ),
    variable("NO_COLOR", "no colours, whatever the value"),
    variable(
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "the proxy for stores and forges, in upper or lower case",
    ),
    variable(
        "AZURE_…, AWS_…, GOOGLE_…",
        "a cloud's credentials and endpoints: see [README](../README.md#where-bundles-are)",
    ),
];

/// The page.
pub fn reference() -> String {
    let mut command = super::Cli::command().term_width(WIDTH);
    command.build();
    let mut page = String::from(
        "# Reference\n\nThis page is generated from the code: `UPDATE_REFERENCE=1 cargo test --test people reference::` \
         writes it.\n\n## Environment variables\n\n| variable | what it does |\n| --- | --- |\n",
    );
    for Variable { name, what } in VARIABLES {
        page.push_str(&format!("| `{}` | {what} |\n", name.replace(", ", "` `")));
    }
    page.push_str(
        "\n## Verbs\n\nEvery verb has these options, and its own, which are below.\n\n```text\n",
    );
    page.push_str(&common(&command));
    page.push_str("```\n");
    for verb in verbs(&command) {
        add(&mut page, &command, verb);
    }
    page
}

/// The options that every verb has.
fn common(command: &Command) -> String {
    let mut only = Command::new("slipway").term_width(WIDTH).help_template("{options}");
    only = only
        .disable_help_flag(true)
        .args(command.get_arguments().filter(|a| a.is_global_set()).cloned());
    only.render_long_help()
        .to_string()
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// The verbs that people see, but for clap's own `help`.
fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set())
}

fn add(page: &mut String, above: &Command, verb: &Command) {
    let name = format!("{} {}", above.get_bin_name().unwrap_or("slipway"), verb.get_name());
    let own = verb.clone().mut_args(|argument| {
        match argument.is_global_set() && argument.get_help_heading().is_some() {
            true => argument.hide(true),
            false => argument,
        }
    });
    let help = own.term_width(WIDTH).render_long_help().to_string();
    // ends of lines that nobody sees
    let help: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    page.push_str(&format!("\n### {name}\n\n```text\n{}\n```\n", help.join("\n")));
    for below in verbs(verb) {
        add(page, verb, below);
    }
}
