//! Redirects of an https store: a real TLS server at a public address, in this test's own network.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::judge::judge_in;
use crate::common::small;

/// Documentation addresses (RFC 5737) stand for public ones; all of them end at this machine's
/// loopback.
const NETWORK: &str = "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip addr add 198.51.100.1/32 dev lo \
     && ip addr add 10.9.9.9/32 dev lo";

/// Runs a command in a network where openssl serves a folder at each of these addresses.
fn with_servers(folder: &Path, listen: &[&str], command: &Command) -> Output {
    let mut script = format!("{NETWORK} || exit 99\n");
    for address in listen {
        script += &format!(
            "(cd files && exec openssl s_server -accept {address} -cert ../cert.pem -key ../key.pem -HTTP) \
             </dev/null >{address}.log 2>&1 & servers=\"$servers $!\"\n"
        );
    }
    for address in listen {
        script += &format!("until grep -q ACCEPT {address}.log; do sleep 0.02; done\n");
    }
    script += "\"$@\"; code=$?; kill $servers; exit $code\n";
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "sh", "-c", &script, "sh"]).arg(command.get_program());
    unshare.args(command.get_args()).current_dir(folder);
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare.env("SSL_CERT_FILE", folder.join("cert.pem"));
    unshare.output().unwrap()
}

/// Whether somebody asked the server at an address for a file.
fn was_asked(folder: &Path, address: &str) -> bool {
    let log = std::fs::read_to_string(folder.join(format!("{address}.log"))).unwrap();
    log.lines().any(|line| line.starts_with("FILE:"))
}

#[test]
fn an_https_store_does_not_send_us_to_this_machine_nor_into_a_private_network_nor_out_of_tls() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    small::project(folder);
    let names = "subjectAltName=IP:192.0.2.1,IP:198.51.100.1,IP:127.0.0.1,IP:10.9.9.9";
    let request =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj", "/CN=test"];
    let files = [
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-addext",
        names,
        "-addext",
        "basicConstraints=CA:FALSE",
    ];
    judge_in(folder, "openssl", &[&request[..], &files].concat());
    let pointer = folder.join("files/s/channels/tiny/stable.json");
    std::fs::create_dir_all(pointer.parent().unwrap()).unwrap();
    let nothing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    std::fs::write(folder.join("files/x"), nothing).unwrap();
    let store = "https://192.0.2.1:8443/s";
    let pull = ["bundle", "pull", "tiny", "--store", store, "--channel", "stable"];
    let ask = |target: &str, listen: &[&str]| {
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        std::fs::write(&pointer, answer).unwrap();
        let output = with_servers(folder, listen, &small::slipway(folder, &pull));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(was_asked(folder, "192.0.2.1:8443"), "{said}");
        said
    };
    let home = "192.0.2.1:8443";
    for near in ["127.0.0.1:8444", "10.9.9.9:8444"] {
        let said = ask(&format!("https://{near}/x"), &[home, near]);
        assert!(said.contains("nearer than the store"), "{said}");
        assert!(!was_asked(folder, near), "{near} was asked");
    }
    for plain in ["http://127.0.0.1:8444/x", "http://192.0.2.1:8444/x"] {
        let said = ask(plain, &[home]);
        assert!(said.contains("without encryption"), "{said}");
    }
    // a redirect to another public server is allowed: that one is asked, and has no such file
    let other = "198.51.100.1:8444";
    let said = ask(&format!("https://{other}/x"), &[home, other]);
    assert!(was_asked(folder, other) && said.contains("has no channel stable"), "{said}");
}
