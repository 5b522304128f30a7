//! `slipway leaks`: what is planted in an image is found, what belongs there is not.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::common::small::{self, bundle, project, publish, run, slipway};

const OTHER: &str = "base = \"debian-12\"\nsite = \"tiny\"\nchannel = \"stable\"\nstore = \"file:///srv/store\"\n\
     [customer]\nid = \"zenith\"\nname = \"Zenith Mining Ltd\"\n\
     [hiera]\n\"tiny::password\" = \"correct horse battery\"\n\"tiny::pin\" = \"4711\"\n";

/// Base64 of a made-up key: no scanner of sources should take it for a real one.
const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

/// A token whose beginning is not in the sources in one piece.
fn token(begins: [&str; 2], rest: &str) -> String {
    format!("{}{}{rest}\n", begins[0], begins[1])
}

fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{BODY}\n{BODY}\n-----END {label}-----\n")
}

/// Path, content, and the rule that finds it.
fn planted(folder: &Path) -> Vec<(&'static str, String, &'static str)> {
    const WORD: &str = "0123456789abcdefghijABCDEFGHIJ012345";
    let home = folder.join("home");
    vec![
        ("/opt/p/rsa.pem", pem("RSA PRIVATE KEY"), "private-key"),
        ("/opt/p/openssh", pem("OPENSSH PRIVATE KEY"), "private-key"),
        ("/opt/p/pkcs8", pem("ENCRYPTED PRIVATE KEY"), "private-key"),
        ("/opt/p/pgp", pem("PGP PRIVATE KEY BLOCK"), "private-key"),
        (
            "/opt/p/putty.ppk",
            "PuTTY-User-Key-File-3: ssh-ed25519\nComment: x\nPrivate-Lines: 1\nAAAA\n".into(),
            "private-key",
        ),
        (
            "/opt/p/age",
            format!("AGE-SECRET-KEY-1{}\n", &format!("{WORD}{WORD}").to_uppercase()[..58]),
            "private-key",
        ),
        ("/opt/p/wireguard", format!("PrivateKey = {}=\n", &BODY[..43]), "private-key"),
        ("/opt/t/aws-id", token(["AK", "IA"], "Z7QX2PLM4NRT6VWB"), "aws-key"),
        ("/opt/t/aws-secret", format!("aws_secret_access_key = {}\n", &BODY[..40]), "aws-key"),
        (
            "/opt/t/account",
            format!("AccountName=a;AccountKey={}{}==\n", BODY, &BODY[..22]),
            "azure-key",
        ),
        (
            "/opt/t/sas",
            format!(
                "https://a.blob.core.windows.net/c?sv=2022-11-02&se=2027-01-01&sig={}%3D\n",
                &BODY[..43]
            ),
            "azure-key",
        ),
        (
            "/opt/t/service-account",
            format!("{{\"private_key_id\": \"{}\"}}\n", &"0123456789abcdef".repeat(3)[..40]),
            "google-key",
        ),
        ("/opt/t/google", token(["AI", "za"], &WORD[..35]), "google-key"),
        ("/opt/t/github", token(["gh", "p_"], WORD), "github-token"),
        ("/opt/t/gitlab", token(["gl", "pat-"], &WORD[..20]), "gitlab-token"),
        ("/opt/t/.npmrc", format!("//registry.example/:_authToken={WORD}\n"), "npm-token"),
        ("/opt/t/slack", token(["xox", "b-"], &format!("123456789012-{WORD}")), "slack-token"),
        (
            "/opt/t/hook",
            format!("https://hooks.slack.com/services/T01234567/B01234567/{}\n", &WORD[..24]),
            "slack-token",
        ),
        ("/opt/t/stripe", token(["sk_", "live_"], WORD), "other-token"),
        (
            "/opt/t/jwt",
            format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{WORD}\n"),
            "jwt",
        ),
        ("/root/.bash_history", "ls\n".into(), "shell-history"),
        ("/home/dev/.psql_history", "select 1\n".into(), "shell-history"),
        ("/etc/ssl/certs/ssl-cert-snakeoil.pem", "certificate".into(), "certificate"),
        ("/home/dev/.netrc", "machine a login b password c\n".into(), "credentials"),
        (
            "/home/dev/.docker/config.json",
            "{\"auths\": {\"a\": {\"auth\": \"eDp5\"}}}\n".into(),
            "credentials",
        ),
        ("/opt/o/id", "for zenith only\n".into(), "other-customer"),
        ("/opt/o/name", "Zenith Mining Ltd\n".into(), "other-customer"),
        ("/opt/o/value", "password: correct horse battery\n".into(), "other-customers-value"),
        ("/opt/b/path", format!("built in {}/work\n", home.display()), "builder"),
        ("/opt/b/user", "by marta\n".into(), "builder"),
    ]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn leaks(folder: &Path) -> Output {
    slipway(folder, &["leaks", "tiny", "--json"]).env("USER", "marta").output().unwrap()
}

fn found(output: &Output) -> Vec<Value> {
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)));
    told["findings"].as_array().unwrap_or_else(|| panic!("{told:#}")).clone()
}

fn append(folder: &Path, more: &str) {
    let path = folder.join("profiles/tiny.toml");
    let profile = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, profile + more).unwrap();
}

/// A key in bytes, alone and in archives, as files of the image.
fn archives(folder: &Path, paths: &[&str]) {
    let profiles = folder.join("profiles");
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(&profiles).args([
        "-ec",
        "mkdir conf; openssl genpkey -algorithm ed25519 -outform DER -out conf/key.der; cp conf/key.der key.der
        tar czf inner.tgz conf; zip -q box.jar inner.tgz
        echo conf | cpio --quiet -o -H newc > initrd.img-9
        find conf | cpio --quiet -o -H newc | zstd -q >> initrd.img-9",
    ]);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    for path in paths {
        let source = Path::new(path).file_name().unwrap().to_str().unwrap();
        append(folder, &format!("[[files]]\npath = \"{path}\"\nsource = \"{source}\"\n"));
    }
}

#[test]
fn every_kind_of_leak_is_found_where_it_was_planted_and_what_is_allowed_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    std::fs::write(folder.join("profiles/zenith.toml"), OTHER).unwrap();
    publish(folder, &bundle(folder, "1"));
    run(folder, &["build", "tiny"]);
    let output = leaks(folder);
    assert_eq!(
        (output.status.code(), found(&output)),
        (Some(0), vec![]),
        "{}",
        text(&output.stderr)
    );

    let planted = planted(folder);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(format!("{}{}", ".".repeat(100_000), pem("PRIVATE KEY")).as_bytes()).unwrap();
    std::fs::write(folder.join("profiles/packed.gz"), packed.finish().unwrap()).unwrap();
    append(folder, "[[files]]\npath = \"/opt/z/packed.gz\"\nsource = \"packed.gz\"\n");
    archives(folder, &["/opt/z/initrd.img-9", "/opt/z/box.jar", "/opt/z/key.der"]);
    for (path, content, _) in &planted {
        let content = serde_json::to_string(content).unwrap();
        append(folder, &format!("[[files]]\npath = \"{path}\"\ncontent = {content}\n"));
    }
    run(folder, &["build", "tiny"]);
    let output = leaks(folder);
    let findings = found(&output);
    assert_eq!(output.status.code(), Some(1));
    let has =
        |path: &str, rule: &str| findings.iter().any(|f| f["file"] == path && f["rule"] == rule);
    let missing: Vec<_> =
        planted.iter().filter(|(path, _, rule)| !has(path, rule)).map(|(path, ..)| path).collect();
    assert!(missing.is_empty(), "{missing:?} of {findings:#?}");
    assert!(findings.iter().any(|f| f["file"] == "/opt/z/packed.gz"
        && f["unpacked"] == true
        && f["offset"] == 100_000));
    let inside = |path: &str, member: &str| {
        findings
            .iter()
            .any(|f| f["file"] == path && f["member"] == member && f["rule"] == "private-key")
    };
    assert!(inside("/opt/z/initrd.img-9", "conf/key.der"), "{findings:#?}");
    assert!(inside("/opt/z/box.jar", "inner.tgz!conf/key.der"), "{findings:#?}");
    assert!(has("/opt/z/key.der", "private-key"), "{findings:#?}");
    let files: std::collections::BTreeSet<_> =
        findings.iter().map(|f| f["file"].as_str().unwrap()).collect();
    assert_eq!(files.len(), planted.len() + 4, "{files:?}");
    let said = text(&output.stdout);
    assert!(
        !said.contains(&BODY[..12])
            && !said.contains("ABCDEFGHIJ")
            && !said.contains("correct horse"),
        "{said}"
    );

    let plan = || slipway(folder, &["plan", "tiny", "--json"]).output().unwrap().stdout;
    let before = plan();
    for finding in &findings {
        let (rule, path) = (&finding["rule"], &finding["file"]);
        append(
            folder,
            &format!("[[release.allow]]\nrule = {rule}\npath = {path}\nreason = \"planted\"\n"),
        );
    }
    assert_eq!(plan(), before, "what may stay changes no image");
    let output = leaks(folder);
    assert_eq!(
        (output.status.code(), found(&output)),
        (Some(0), vec![]),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_may_stay_needs_a_reason_a_known_rule_and_a_path_in_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    append(folder, "[[release.allow]]\nrule = \"private-keys\"\npath = \"opt/x\"\n");
    let output = slipway(folder, &["check", "tiny"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["did you mean \"private-key\"?", "it must begin with a slash", "reason"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// Says nothing of another customer's settings where a profile has errors: that is told.
#[test]
fn a_profile_with_errors_is_named_because_nothing_in_it_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    std::fs::write(folder.join("profiles/zenith.toml"), "nonsense = 1\n").unwrap();
    publish(folder, &bundle(folder, "1"));
    small::profile(folder, "4 GiB");
    run(folder, &["build", "tiny"]);
    let output = leaks(folder);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stderr).contains("profiles/zenith.toml: has errors"),
        "{}",
        text(&output.stderr)
    );
}
