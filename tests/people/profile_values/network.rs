//! Stores, host names, addresses, proxies.

use std::path::Path;

use super::{NASTY, accepted, all_accepted, all_refused, load, quoted, refused, with};

#[test]
fn a_store_is_https_a_cloud_or_a_folder_and_carries_no_secret() {
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
            "azure://account/container?sig=secret",
            "s3://id:secret@bucket/x",
            "s3://",
            "gs://bucket/../x",
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
            "azure://account/container/bundles",
            "s3://bucket",
            "gs://bucket/a/b",
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
        ("192.0.2.10/24", "192.0.2.255"),
        ("192.0.2.10/24", "192.0.2.0"),
        ("192.0.2.10/24", "240.0.0.1"),
        ("192.0.2.10/32", "192.0.2.10"),
        ("192.0.2.10/32", "fe80::1"),
    ] {
        assert_eq!(load(&both(address, gateway)).expect_err(gateway).errors.len(), 1, "{gateway}");
    }
    for (address, gateway) in [
        ("192.0.2.10/24", "192.0.2.1"),
        ("10.0.0.0/31", "10.0.0.1"),
        ("2001:db8::2/64", "2001:db8::1"),
        ("2001:db8::2/64", "fe80::1"),
        ("192.0.2.10/32", "169.254.0.1"),
        ("2001:db8::2/128", "2001:db8:1::1"),
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
fn a_relative_store_lies_below_the_project() {
    let loaded = load(&with("")).expect("valid");
    assert_eq!(loaded.profile.store_url(Path::new("/p")), "file:///p/out/store");
    assert_eq!(loaded.profile.store, "file:out/store");
}

#[test]
fn pages_are_web_addresses_without_credentials_and_the_application_may_be_at_the_machines_own() {
    for key in ["branding.product_url", "branding.open"] {
        all_refused(key, &NASTY);
        all_refused(
            key,
            &[
                "vendor.example",
                "ftp://vendor.example/",
                "http://",
                "https://user:word@vendor.example/",
                "https://vendor.example/a b",
                "https://vendor.example/\"><script>",
                "https://vendor.example:0/",
                "https://{name}/",
            ],
        );
        all_accepted(key, &["https://vendor.example/product?x=1#top", "http://192.0.2.1:8080"]);
    }
    refused("branding.product_url = \"https://{address}/\"");
    all_accepted("branding.open", &["https://{address}:8443/", "http://{hostname}/a"]);
}
