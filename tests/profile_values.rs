//! Every kind of value that a profile must refuse, each at its own line.

use std::path::{Path, PathBuf};

use slipway::profile::{self, Diagnostics, Known};

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIQfz1HLa4SedEaZ3JdgMQ/hP09z58ipUO7yxjBzqEcF x";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCdel3OjXWidsPAGKBMSfziEsOvAKXSnS9x2lIvdQPLFX+TKZRchdtklvjBJB/yccQZF6KqDVtHp865I0p+SS5g= x";
const RSA_2048: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC/aDqTOEXOtP7AeNYgf3vaaP7NK7iLSg/R15t7XnBaAaJ1zppa9zjpKzh0B2DjamZCuTQK7A2x8ctbC/qNMsEIuhEpPhfaX+d8+1iUZhBk+/7hlllxwmzoAj2M1ao64nv2ztt6XMinZ0M6rdmVkbcBSYUOvh9Rj3igx5c6PrhKy2DXPGrbntFMxdFXQFXB2JEkEJYTRMK/VsJl48CxdjAmDtT2D0ulBGRBQlVDyseyovp1nzHDSpFK/MZ1/9zy4fSJkksmnfL/g/cC4v9ZSEVoDmW/QK55q+n88y2611CQHlvTHes+Dh3wQ/UwwCuAd1GCKxoCyqgjzMHm6O5Ha+mh x";
const RSA_1024: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC26wWZawUw3DkrOymaByJ1BQAUZK7I0O3BOyby0A6QWtLvXv/jfTmHkRdb7xI/WNkbvrCrB8p/QDyfAoreh2QyJRiqljrqJqwJ7gzYW+V7TIxdzEs4G8mO+OHC7vaE4WnCkTIYliTFJyEzjVSkp0HDACKeTdrL43YYduBEoGDGzw== x";

fn known() -> Known {
    Known { bases: vec!["debian-12".to_owned(), "ubuntu-24.04".to_owned()] }
}

/// A valid profile in which one line may be replaced; `line` stands in a table of its own if it has one.
fn with(line: &str) -> String {
    let key = line.split(['=', ' ']).next().unwrap_or_default();
    let top = [
        "base = \"debian-12\"",
        "site = \"demo\"",
        "channel = \"stable\"",
        "store = \"file:out/store\"",
    ];
    let mut text = String::new();
    for own in top {
        if !own.starts_with(&format!("{key} ")) {
            text.push_str(own);
            text.push('\n');
        }
    }
    if key != "customer.name" {
        text.push_str("customer.name = \"X\"\n");
    }
    format!("{text}{line}\n")
}

fn load(text: &str) -> Result<profile::Loaded, Diagnostics> {
    profile::load_text(Path::new("profiles/x.toml"), text, &known())
}

/// Asserts that a line is refused, once, and where it stands.
fn refused(line: &str) -> Diagnostics {
    let text = with(line);
    let errors = load(&text).expect_err(line);
    assert_eq!(errors.errors.len(), 1, "{line}\n{errors}");
    let span = errors.errors[0].span.clone().expect("a place");
    let first = text.find(line).expect("the line");
    assert!(span.start >= first && span.end <= text.len(), "{line}\n{errors}");
    assert!(!errors.errors[0].help.is_empty() || !errors.errors[0].label.is_empty(), "{errors}");
    errors
}

fn accepted(line: &str) {
    if let Err(errors) = load(&with(line)) {
        panic!("{line}\n{errors}");
    }
}

/// A text as TOML has it, whatever is in it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn all_refused(key: &str, values: &[&str]) {
    for value in values {
        refused(&format!("{key} = {}", quoted(value)));
    }
}

fn all_accepted(key: &str, values: &[&str]) {
    for value in values {
        accepted(&format!("{key} = {}", quoted(value)));
    }
}

/// What every identifier is tried with.
const NASTY: [&str; 14] = [
    "",
    " ",
    "a b",
    "a'b",
    "a\"b",
    "a\nb",
    "a$(id)",
    "a`id`",
    "../a",
    "a/../b",
    "a;b",
    "ä",
    "a\u{202e}b",
    "a%{facts}",
];

#[test]
fn identifiers_hold_nothing_but_letters_digits_and_hyphens() {
    for key in ["customer.id", "site", "channel"] {
        all_refused(key, &NASTY);
        all_refused(key, &["-a", "a-", "a--b", "A", "a_b", "a.b", &"a".repeat(41)]);
        all_accepted(key, &["a", "acme", "acme-2", "3m", &"a".repeat(40)]);
    }
}

#[test]
fn a_base_is_one_of_those_that_there_are() {
    all_refused("base", &NASTY);
    let errors = refused("base = \"ubuntu-24.4\"");
    assert_eq!(errors.errors[0].label, "did you mean \"ubuntu-24.04\"?");
}

#[test]
fn a_pinned_bundle_is_a_version_with_its_build_and_without_its_site() {
    for version in ["1.4.0", "1.4+b1", "1.4.0+b", "1.4.0+17", "v1.4.0+b1", "1.4.0+b1/..", "1..0+b1"]
    {
        let text =
            with(&format!("bundle = {}", quoted(version))).replace("channel = \"stable\"\n", "");
        assert_eq!(load(&text).expect_err(version).errors.len(), 1, "{version}");
    }
    let text = with("bundle = \"demo-1.4.0+b17\"").replace("channel = \"stable\"\n", "");
    let errors = load(&text).expect_err("a release id");
    assert_eq!(errors.errors[0].label, "write \"1.4.0+b17\", without the site");
    let text = with("bundle = \"1.4.0-rc.1+b17\"").replace("channel = \"stable\"\n", "");
    load(&text).expect("a version");
}

#[test]
fn a_channel_and_a_pinned_version_exclude_each_other() {
    refused("bundle = \"1.0.0+b1\"");
    let neither = with("").replace("channel = \"stable\"\n", "");
    assert!(load(&neither).expect_err("neither").to_string().contains("neither `channel` nor"));
}

#[test]
fn a_store_is_https_or_a_folder_and_carries_no_secret() {
    all_refused("store", &NASTY);
    all_refused(
        "store",
        &[
            "http://host/x",
            "azure://x",
            "https://",
            "https://host/../x",
            "https://user:word@host/x",
            "https://host/x?sig=secret",
            "https://host/x#y",
            "https://host:0/x",
            "https://ho st/x",
            "https://host/x$(id)",
            "file://out/store",
            "file:/out",
            "file:",
            "file:../out",
            "file:///a/../b",
            "file:///a//b",
            "file:///a\nb",
        ],
    );
    all_accepted(
        "store",
        &[
            "https://host/x/y",
            "https://host:8443/",
            "https://[2001:db8::1]:1/x",
            "file:///srv/store",
            "file:out",
        ],
    );
}

#[test]
fn a_host_name_is_one_by_rfc_1123() {
    all_refused("system.hostname", &NASTY);
    all_refused(
        "system.hostname",
        &[
            "-a",
            "a-",
            "a..b",
            ".a",
            "a.",
            "A.b",
            "a_b",
            "1.2.3.4",
            "localhost",
            "a.7",
            &"a".repeat(64),
        ],
    );
    all_refused("system.hostname", &[&format!("{0}.{0}", "a".repeat(33))]);
    all_accepted("system.hostname", &["a", "a-b.example", "3com.example", &"a".repeat(63)]);
}

#[test]
fn a_time_zone_has_the_form_of_one() {
    all_refused("system.timezone", &NASTY);
    all_refused(
        "system.timezone",
        &["/etc/passwd", "Europe/../../etc/shadow", "Europe/", "Europe//Berlin", "utc"],
    );
    all_accepted(
        "system.timezone",
        &[
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+5",
            "GB-Eire",
            "EST5EDT",
        ],
    );
}

#[test]
fn an_address_is_a_machines_own_with_a_router_in_its_network() {
    let both = |address: &str, gateway: &str| {
        with(&format!(
            "network = {{ address = {}, gateway = {} }}",
            quoted(address),
            quoted(gateway)
        ))
    };
    for address in NASTY.iter().chain(&[
        "192.0.2.10",
        "192.0.2.10/0",
        "192.0.2.10/33",
        "192.0.2.10/+24",
        "192.0.2.0/24",
        "192.0.2.255/24",
        "127.0.0.1/8",
        "224.0.0.1/4",
        "0.0.0.0/8",
        "192.0.2.010/24",
        "2001:db8::1/129",
        "::1/128",
    ]) {
        assert_eq!(
            load(&both(address, "192.0.2.1")).expect_err(address).errors.len(),
            1,
            "{address}"
        );
    }
    for (address, gateway) in [
        ("192.0.2.10/24", "192.0.3.1"),
        ("192.0.2.10/24", "192.0.2.10"),
        ("192.0.2.10/24", "fe80::1"),
        ("192.0.2.10/24", "router"),
    ] {
        assert_eq!(load(&both(address, gateway)).expect_err(gateway).errors.len(), 1, "{gateway}");
    }
    for (address, gateway) in [
        ("192.0.2.10/24", "192.0.2.1"),
        ("10.0.0.0/31", "10.0.0.1"),
        ("2001:db8::2/64", "2001:db8::1"),
        ("2001:db8::2/64", "fe80::1"),
    ] {
        load(&both(address, gateway)).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

#[test]
fn an_address_and_a_router_need_each_other() {
    refused("network.address = \"192.0.2.10/24\"");
    refused("network.gateway = \"192.0.2.1\"");
}

#[test]
fn name_servers_are_addresses_and_time_servers_may_have_names() {
    for value in NASTY.iter().chain(&["ns.example", "192.0.2.1/24", "255.255.255.255", "0.0.0.0"]) {
        refused(&format!("network.dns = [{}]", quoted(value)));
    }
    for value in NASTY.iter().chain(&["1.2.3", "a_b", "http://ntp.example"]) {
        refused(&format!("network.ntp = [{}]", quoted(value)));
    }
    accepted("network.dns = [\"192.0.2.1\", \"2001:db8::1\"]");
    accepted("network.ntp = [\"ntp.example\", \"192.0.2.1\"]");
}

#[test]
fn a_proxy_is_a_host_and_a_port_without_credentials() {
    all_refused("network.proxy", &NASTY);
    all_refused(
        "network.proxy",
        &[
            "proxy:3128",
            "ftp://proxy",
            "http://",
            "http://p:0",
            "http://p:99999",
            "http://p/x",
            "http://p:1\nb",
            "http://a b:1",
        ],
    );
    let errors = refused("network.proxy = \"http://me:word@proxy:3128\"");
    assert!(errors.errors[0].message.contains("credentials"));
    all_accepted(
        "network.proxy",
        &[
            "http://proxy:3128",
            "https://p.example/",
            "http://192.0.2.1:1",
            "http://[2001:db8::1]:1",
        ],
    );
}

#[test]
fn packages_have_debian_names() {
    for value in NASTY.iter().chain(&[
        "a",
        "-y",
        "nginx-",
        "nginx=1.2",
        "nginx/stable",
        "nginx:i386",
        "Nginx",
        "--allow",
    ]) {
        refused(&format!("packages = [{}]", quoted(value)));
    }
    refused("packages = [\"nginx\", \"nginx\"]");
    accepted("packages = [\"g++\", \"libstdc++6\", \"python3.11\", \"open-vm-tools\"]");
}

fn file(rest: &str) -> String {
    format!("files = [{{ {rest} }}]")
}

#[test]
fn an_extra_file_has_a_plain_path_that_nobody_else_owns() {
    for path in NASTY.iter().chain(&[
        "etc/motd",
        "/",
        "/etc/",
        "//etc/motd",
        "/etc/./motd",
        "/etc/../motd",
        "/etc/mo td",
        "/etc/motd$(id)",
        "/etc/hostname",
        "/etc/slipway/x",
        "/usr/lib/slipway/x",
        "/var/lib/slipway/x",
        "/run/x",
        "/proc/x",
        "/dev/sda",
        "/boot/x",
        "/bin/sh",
        "/lib/x",
        "/etc/shadow",
        "/etc/puppet/puppet.conf",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_rsa_key",
        "/home/admin/.ssh/authorized_keys",
    ]) {
        refused(&file(&format!("path = {}, content = \"\"", quoted(path))));
    }
    for path in ["/etc/motd", "/opt/acme/a@b+c_d-1.txt", "/etc/slipway.d/x", "/etc/hosts.allow"] {
        accepted(&file(&format!("path = {}, content = \"\"", quoted(path))));
    }
}

#[test]
fn an_extra_files_mode_is_octal_and_without_setuid() {
    for mode in ["", "644 ", "0o644", "888", "4755", "2755", "00644", "rw-r--r--"] {
        refused(&file(&format!("path = \"/etc/x\", content = \"\", mode = {}", quoted(mode))));
    }
    for mode in ["644", "0755", "0600"] {
        accepted(&file(&format!("path = \"/etc/x\", content = \"\", mode = {}", quoted(mode))));
    }
}

#[test]
fn an_extra_file_has_one_content() {
    refused(&file("path = \"/etc/x\""));
    refused(&file("path = \"/etc/x\", content = \"\\u0000\""));
    let both = with(&file("path = \"/etc/x\", content = \"\", source = \"no/such\""));
    assert_eq!(load(&both).expect_err("both").errors.len(), 2);
    refused(
        "files = [{ path = \"/etc/x\", content = \"\" }, { path = \"/etc/x/y\", content = \"\" }]",
    );
}

#[test]
fn a_source_lies_below_the_profiles_also_through_links() {
    let root = tempfile::tempdir().expect("a folder");
    let profiles = root.path().join("profiles");
    std::fs::create_dir_all(profiles.join("files")).expect("folders");
    std::fs::write(profiles.join("files/good"), "x").expect("a file");
    std::fs::write(root.path().join("secret"), "x").expect("a file");
    std::os::unix::fs::symlink("../../secret", profiles.join("files/link")).expect("a link");
    let load = |source: &str| {
        let text = with(&file(&format!("path = \"/etc/x\", source = {}", quoted(source))));
        let path: PathBuf = profiles.join("x.toml");
        profile::load_text(&path, &text, &known())
    };
    load("files/good").unwrap_or_else(|errors| panic!("{errors}"));
    for source in
        NASTY.iter().chain(&["files", "files/none", "files/link", "../secret", "/etc/passwd"])
    {
        assert_eq!(load(source).expect_err(source).errors.len(), 1, "{source}");
    }
}

#[test]
fn ssh_keys_are_whole_public_keys_without_options() {
    let cut = &ED25519[..ED25519.len() - 10];
    let wrong_type = ED25519.replace("ssh-ed25519", "ssh-rsa");
    let with_options = format!("command=\"id\" {ED25519}");
    let two_lines = format!("{ED25519}\n{ED25519}");
    let quote = format!("{ED25519}'$(id)");
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----";
    let dss = ED25519.replace("ssh-ed25519", "ssh-dss");
    for key in NASTY.iter().copied().chain([
        cut,
        &wrong_type,
        &with_options,
        &two_lines,
        &quote,
        private,
        &dss,
        RSA_1024,
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
    ]) {
        refused(&format!("access.ssh_keys = [{}]", quoted(key)));
    }
    for key in [ED25519, ECDSA, RSA_2048, ED25519.trim_end_matches(" x")] {
        accepted(&format!("access.ssh_keys = [{}]", quoted(key)));
    }
}

#[test]
fn disk_and_memory_have_units_and_bounds() {
    let wrong =
        ["", "8", "8 GB", "8.5 GiB", "-8 GiB", "8 gib", "8G", "0 GiB", "99999999999 TiB", "8 GiB;"];
    for key in ["hardware.disk", "hardware.memory"] {
        all_refused(key, &wrong);
        refused(&format!("{key} = 8"));
    }
    all_refused("hardware.disk", &["1 GiB", "17 TiB", "9000000 KiB"]);
    all_refused("hardware.memory", &["512 MiB", "1 GiB", "2047 MiB", "5 TiB"]);
    all_accepted("hardware.disk", &["3 GiB", "8GiB", "16 TiB"]);
    all_accepted("hardware.memory", &["2 GiB", "2049 MiB"]);
    let apply = with("hardware.memory = \"1 GiB\"\nmaster.mode = \"apply\"");
    load(&apply).unwrap_or_else(|errors| panic!("{errors}"));
    for count in ["0", "257", "-1", "1.5", "\"2\""] {
        refused(&format!("hardware.vcpus = {count}"));
    }
}

#[test]
fn names_for_people_are_printable_and_harmless_in_every_script() {
    for key in ["customer.name", "customer.contact", "branding.product"] {
        all_refused(
            key,
            &[
                "",
                " x",
                "a\nb",
                "a\tb",
                "\u{1b}[31m",
                "a\u{202e}b",
                "a\u{200b}b",
                "a'b",
                "a\"b",
                "a\\b",
                "`id`",
                "$(id)",
                "%{x}",
                &"x".repeat(81),
            ],
        );
        all_accepted(
            key,
            &["Müller & Söhne", "O\u{2019}Neill", "株式会社", "100% Ltd <a@b.example>"],
        );
    }
}

#[test]
fn a_banner_is_printable_and_fits_on_the_console() {
    all_refused(
        "branding.banner",
        &["\u{1b}[2J", "a\rb", "\\l", "$(id)", "`id`", "a'b", &"x".repeat(80), &"x\n".repeat(11)],
    );
    all_accepted("branding.banner", &["", "one\ntwo", "Grüße ***", &"x\n".repeat(10)]);
}

#[test]
fn hiera_data_is_plain_and_its_keys_are_puppets() {
    for key in ["Profile::x", "profile::", "::x", "a b", "a'b", "a\nb", "../x", "profile::%{x}"] {
        refused(&format!("hiera = {{ {} = 1 }}", quoted(key)));
    }
    for value in [
        "\"%{lookup('x')}\"",
        "\"a\\u001bb\"",
        "2026-01-01",
        "[\"%{x}\"]",
        "{ \"%{x}\" = 1 }",
        "inf",
    ] {
        refused(&format!("hiera = {{ \"a::b\" = {value} }}"));
    }
    for value in [
        "\"it's $5 a \\\"day\\\"\"",
        "[1, 2.5, true]",
        "{ x = { \"Y z\" = 1 } }",
        "\"two\\nlines\"",
    ] {
        accepted(&format!("hiera = {{ \"a::b\" = {value} }}"));
    }
}

#[test]
fn a_probe_asks_exactly_one_thing() {
    for probe in [
        "{ }",
        "{ htp = \"/\" }",
        "{ http = \"/\", unit = \"a.service\" }",
        "{ unit = \"a.service\", status = 200 }",
        "{ http = \"health\" }",
        "{ http = \"/a b\" }",
        "{ http = \"/$(id)\" }",
        "{ http = \"/a\\nHost: b\" }",
        "{ http = \"/\", status = 99 }",
        "{ http = \"/\", port = 0 }",
        "{ http = \"/\", port = 65536 }",
        "{ http = \"/\", text = \"a\\nb\" }",
        "{ unit = \"nginx\" }",
        "{ unit = \"../x.service\" }",
        "{ unit = \"-H x.service\" }",
        "{ command = \"\" }",
        "{ command = \"a\\nb\" }",
        "\"nginx\"",
    ] {
        refused(&format!("probes = [{probe}]"));
    }
    accepted("probes = [{ http = \"/a?b=c%20d\", port = 8080, status = 404, text = \"it's $5\" }]");
    accepted(
        "probes = [{ unit = \"getty@tty1.service\" }, { command = \"test \\\"$(id -u)\\\" = 0\" }]",
    );
}

#[test]
fn closed_sets_suggest_what_was_meant() {
    let errors = refused("master.mode = \"puppet-server\"");
    assert_eq!(errors.errors[0].label, "did you mean \"puppetserver\"?");
    let errors = refused("formats = [\"qcow\"]");
    assert_eq!(errors.errors[0].label, "did you mean \"qcow2\"?");
    refused("formats = []");
    refused("formats = [\"raw\", \"raw\"]");
    refused("master.interval_minutes = -1");
    refused("master.interval_minutes = 10081");
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    for (line, label) in [
        ("hardware = { memmory = \"2 GiB\" }", "did you mean `memory`?"),
        ("hardware = { hostname = \"x\" }", "it belongs into [system]"),
        ("memry = \"2 GiB\"", "did you mean `memory` in [hardware]?"),
        ("zebra = 1", "no such key"),
    ] {
        assert_eq!(refused(line).errors[0].label, label);
    }
}

#[test]
fn a_customer_without_an_id_is_called_as_its_file() {
    let loaded = load(&with("")).expect("valid");
    assert_eq!(loaded.profile.customer.id, "x");
    assert_eq!(loaded.profile.hostname(), "x");
    for name in ["Acme.toml", "a b.toml", "2024.toml", "ä.toml"] {
        profile::load_text(Path::new(name), &with(""), &known()).expect_err(name);
    }
}

#[test]
fn a_relative_store_lies_below_the_project() {
    let loaded = load(&with("")).expect("valid");
    assert_eq!(loaded.profile.store_url(Path::new("/p")), "file:///p/out/store");
    assert_eq!(loaded.profile.store, "file:out/store");
}
