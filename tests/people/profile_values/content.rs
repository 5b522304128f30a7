//! Sizes, texts for people, Hiera data, probes.

use super::{accepted, all_accepted, all_refused, load, quoted, refused, with};

#[test]
fn disk_and_memory_have_units_and_bounds() {
    let wrong = [
        "",
        "8",
        "8 GB",
        "8.5 GiB",
        "-8 GiB",
        "8 gib",
        "8G",
        "0 GiB",
        "99999999999 TiB",
        "8 GiB;",
        "8  GiB",
        "8\tGiB",
    ];
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
        "{ http = \"/a/../b\" }",
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
