//! A real Puppet Server and a real agent in a chroot of the cached base, on loopback.

use std::process::Output;

use serde_json::Value;
use slipway::layer::puppet::{CA_DIR, SSL_DIR};
use slipway::tree::TreePath;

use crate::common::master_root::MasterRoot;

const UUID: &str = "7d444840-9dc0-41d1-b245-5ffdce74fad2";

/// A machine on its first boot, with a site of one resource.
const SITE: &str = r#"
printf 'SLIPWAY_MASTER=puppetserver\n' >/etc/slipway/master.env
release=/etc/puppet/code/releases/demo-1
rm -rf /etc/puppet/code /var/cache/puppet /var/lib/slipway /etc/slipway/hiera /tmp/sentinel
mkdir -p "$release/manifests" "$release/data" /etc/puppet/code/environments /etc/slipway/hiera
ln -s ../releases/demo-1 /etc/puppet/code/environments/production
echo demo-1.0.0+b1 >"$release/RELEASE_ID"
echo "config_version = '/bin/cat /etc/puppet/code/environments/production/RELEASE_ID'" \
    >"$release/environment.conf"
printf -- '---\nversion: 5\nhierarchy:\n  - {name: site, path: site.yaml}\n' >"$release/hiera.yaml"
printf -- '---\ngreeting: from the site\n' >"$release/data/site.yaml"
printf -- '---\ngreeting: from the customer\n' >/etc/slipway/hiera/customer.yaml
cat >"$release/manifests/site.pp" <<'PP'
file { '/tmp/sentinel': content => lookup('greeting') }
PP
chmod -R a+rX /etc/puppet/code /etc/slipway
converge() { /usr/lib/slipway/converge-once /run/result.json 2>/dev/null || :; cat /run/result.json; }
"#;

fn setup() -> String {
    format!("{SITE}\n/usr/lib/slipway/master-setup {UUID} 2>/dev/null\n")
}

fn lines(text: &str) -> Vec<Value> {
    let results = text.lines().filter(|line| line.starts_with('{'));
    results.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn the_image_holds_no_key_of_the_master() {
    let root = MasterRoot::open("debian-12");
    for folder in [CA_DIR, SSL_DIR] {
        let folder = TreePath::new(folder.as_bytes()).unwrap();
        let below = root.tree.iter().filter(|(p, _)| **p != folder && p.starts_with(&folder));
        assert_eq!(below.count(), 0, "{folder}");
    }
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn an_agent_converges_against_its_own_master_and_each_failure_has_its_code() {
    let root = MasterRoot::open("debian-12");
    let script = setup()
        + r#"
serve /usr/lib/slipway/master-run
tr '\0' ' ' <"/proc/$MAINPID/cmdline" >&2
converge
cat /tmp/sentinel; echo
converge
mkdir -p /var/lib/slipway/secrets
echo correct-horse >/var/lib/slipway/secrets/db
echo "exec { 'boom': command => '/bin/false correct-horse' }" >>"$release/manifests/site.pp"; converge
grep -c correct-horse /var/log/puppet/converge.log || :
echo "class { 'nope': }" >"$release/manifests/site.pp"; converge
: >"$release/manifests/site.pp"; converge
unserve
converge
"#;
    let output = root.run(&script);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("/usr/lib/slipway/master/server.jar"), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("from the customer"), "the customer's data wins: {text}");
    let all = lines(&text);
    let codes: Vec<&str> = all.iter().map(|r| r["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["", "", "RESOURCES", "COMPILE", "EMPTY", "MASTER"], "{text}");
    let (first, second) = (&all[0], &all[1]);
    assert_eq!((&first["exit"], &second["exit"]), (&Value::from(2), &Value::from(0)));
    assert_eq!(first["config"], "demo-1.0.0+b1");
    assert!(first["converged"] == true && first["total"].as_u64().unwrap() > 7);
    assert!(all[2]["failed"][0].as_str().unwrap().starts_with("Exec[boom]: "));
    assert!(!text.contains("correct-horse") && text.contains("\n0\n"), "{text}");
    assert!(all[3]["message"].as_str().unwrap().contains("nope"));
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_run_that_is_begun_ahead_waits_for_the_master_and_has_every_plugin_that_it_gives() {
    let root = MasterRoot::open("debian-12");
    let script = setup()
        + r#"
mkdir -p "$release/modules/mine/lib/facter" "$release/modules/mine/facts.d"
echo "Facter.add(:mine) { setcode { 'of a plugin' } }" >"$release/modules/mine/lib/facter/mine.rb"
printf '#!/bin/sh\necho shell=of a script\n' >"$release/modules/mine/facts.d/shell.sh"
chmod +x "$release/modules/mine/facts.d/shell.sh"
echo "file { '/tmp/sentinel': content => \"\${facts['mine']}, \${facts['shell']}\" }" >"$release/manifests/site.pp"
rm -f /run/result.json
/usr/lib/slipway/converge-once --ahead /run/result.json &
ahead=$!
serve /usr/lib/slipway/master-run
[ ! -e /run/result.json ] && echo waited
wait "$ahead"
grep -E '^  (fact_generation|plugin_sync)' /var/lib/slipway/converge/summary.yaml | cut -d: -f1
cat /run/result.json /tmp/sentinel; echo
# what a run with pluginsync would still fetch
: >/var/log/puppet/converge.log
converge
grep -c -E 'File\[/var/(cache|lib)/puppet/(lib|facts\.d)' /var/log/puppet/converge.log || :
unserve
"#;
    let text = root.stdout(&script);
    assert!(text.starts_with("waited\n  fact_generation\n{"), "{text}");
    assert!(text.contains("of a plugin, of a script\n"), "{text}");
    let all = lines(&text);
    assert!(all.len() == 2 && all.iter().all(|r| r["converged"] == true), "{text}");
    assert!(text.ends_with("\n0\n"), "the second run fetched a plugin: {text}");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_master_whose_packages_changed_starts_from_source_and_is_compiled_anew() {
    let root = MasterRoot::open("debian-12");
    let script = setup()
        + r#"
jar=$(readlink -f /usr/share/java/trapperkeeper.jar)
cp -p "$jar" /run/jar
touch -d '2001-01-01 UTC' "$jar"
which() { tr '\0' '\n' <"/proc/$MAINPID/cmdline" | grep -c '/slipway/master/server.jar' || :; }
serve /usr/lib/slipway/master-run
echo "stale: $(which)"
converge
unserve
/usr/lib/slipway/master-compile >&2
serve /usr/lib/slipway/master-run
echo "anew: $(which)"
unserve
cp -p /run/jar "$jar"
cp /usr/lib/slipway/master/server.jar /run/first.jar
/usr/lib/slipway/master-compile >&2
cmp /run/first.jar /usr/lib/slipway/master/server.jar && echo same
"#;
    let text = root.stdout(&script);
    assert!(text.contains("stale: 0") && text.contains("anew: 1"), "{text}");
    assert_eq!(lines(&text)[0]["converged"], true, "{text}");
    assert!(text.ends_with("same\n"), "two compiles are equal: {text}");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn puppet_apply_converges_without_a_master() {
    let root = MasterRoot::open("debian-12");
    let script = format!(
        "{SITE}\nsed -i s/puppetserver/apply/ /etc/slipway/master.env\n\
         /usr/lib/slipway/master-setup {UUID}\nconverge\ncat /tmp/sentinel; echo\n\
         : >\"$release/manifests/site.pp\"; converge\n"
    );
    let text = root.stdout(&script);
    assert!(text.contains("from the customer"), "{text}");
    let all = lines(&text);
    assert_eq!((&all[0]["converged"], &all[0]["mode"]), (&true.into(), &"apply".into()), "{text}");
    assert_eq!(all[1]["code"], "EMPTY");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn keys_are_made_anew_after_an_interruption_and_checked() {
    let root = MasterRoot::open("debian-12");
    let script = setup()
        + r#"
ssl=/var/lib/puppet/ssl
key=$(sha256sum <"$ssl/private_keys/7d444840-9dc0-41d1-b245-5ffdce74fad2.appliance.internal.pem")
/usr/lib/slipway/master-setup --check && echo good
rm "$ssl/crl.pem"
/usr/lib/slipway/master-setup --check 2>/dev/null || echo bad
# half made: an authority without the server's certificate
rm -rf "$ssl/certs" && echo half >"$ssl/certs"
/usr/lib/slipway/master-setup 11111111-2222-4333-8444-555555555555 2>/dev/null
/usr/lib/slipway/master-setup --check && echo good
ls "$ssl/private_keys"
[ "$key" != "$(sha256sum <"$ssl"/private_keys/1*.pem)" ] && echo different
grep -c certname /etc/puppet/puppet.conf
grep -c puppet.appliance.internal /etc/hosts
puppet config print certname --section agent
for bad in '' ../x 7D444840-9DC0-41D1-B245-5FFDCE74FAD2 'a b'; do
    /usr/lib/slipway/master-setup "$bad" 2>/dev/null && echo "took $bad"
done
:
"#;
    let one = "11111111-2222-4333-8444-555555555555.appliance.internal";
    let expected = format!("good\nbad\ngood\n{one}.pem\ndifferent\n2\n1\n{one}\n");
    assert_eq!(root.stdout(&script), expected);
}
