use super::*;

fn http(path: &str) -> Probe {
    serde_json::from_value(serde_json::json!({ "http": path, "port": 8080, "text": "ok" })).unwrap()
}

#[test]
fn the_bundles_health_checks_win_over_the_profiles_probes() {
    let own = Health { port: 80, path: "/up".into(), status: 204, text: None };
    assert_eq!(Health::choose(std::slice::from_ref(&own), &[http("/")]), [own]);
    let probes = [Probe::Unit { unit: "x.service".into() }, http("/a")];
    let chosen = Health::choose(&[], &probes);
    assert_eq!(
        chosen,
        [Health { port: 8080, path: "/a".into(), status: 200, text: Some("ok".into()) }]
    );
}

#[test]
fn a_health_check_is_four_lines() {
    let health = Health { port: 80, path: "/a?b=%20".into(), status: 200, text: None };
    assert_eq!(health.file().unwrap(), "80\n/a?b=%20\n200\n\n");
    for bad in ["", "a", "/a b", "/a\r\nX: y", "/ä"] {
        assert!(Health { path: bad.into(), ..health.clone() }.file().is_err(), "{bad}");
    }
}

#[test]
fn a_probe_for_a_value_that_the_smoke_test_stores_is_no_health_check() {
    for probe in [
        serde_json::json!({ "http": "/", "text": "smoke {nonce}" }),
        serde_json::json!({ "http": "/", "post": "x" }),
    ] {
        assert_eq!(Health::choose(&[], &[serde_json::from_value(probe).unwrap()]), []);
    }
}

#[test]
fn the_status_page_is_served_and_let_in_where_it_is_asked_for() {
    let port = crate::appliance::STATUS_PORT;
    let text = |name: &str| {
        let (_, _, text) = files::FIXED.iter().find(|(path, ..)| path.ends_with(name)).unwrap();
        *text
    };
    assert!(text("slipway-status.socket").contains(&format!("ListenStream={port}\n")));
    assert!(text("/firewall").contains(&format!("tcp dport {{ 22, {port}")));
}
