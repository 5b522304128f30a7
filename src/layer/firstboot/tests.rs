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
