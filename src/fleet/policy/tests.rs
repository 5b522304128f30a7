use super::*;

fn parse(text: &str) -> Result<Policy, Diagnostics> {
    let known = ["acme", "nordwind"].map(str::to_owned);
    Policy::parse(Path::new("nightly.toml"), text, &known)
}

#[test]
fn the_file_that_init_writes_says_what_holds_without_it() {
    assert_eq!(parse(STARTER).unwrap(), Policy::default());
    // every line that shows a default or an example is one that may be written
    let shown = |line: &str| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        let is_key = line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        (is_key || line.starts_with('[')).then(|| line.to_owned())
    };
    let all: Vec<String> = STARTER.lines().filter_map(shown).collect();
    assert!(all.len() > 20, "{all:?}");
    let policy = parse(&all.join("\n")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(policy.keep.days, Some(30));
}

#[test]
fn every_mistake_is_found_at_once_at_its_place_with_what_was_meant() {
    let text = "customers = [\"acne\"]\n[smoke]\nwhich = \"gruop\"\nreboots = true\n\
                [limits]\njobs = 0\nfree_disk = \"5 GB\"\n";
    let errors = parse(text).unwrap_err().reports();
    let found = |line, part: &str| {
        errors.iter().any(|e| e.line == Some(line) && format!("{e}").contains(part))
    };
    assert!(found(3, "did you mean \"group\"?"), "{errors:?}");
    assert!(found(4, "did you mean `reboot`?") && found(6, "out of range"), "{errors:?}");
    assert!(found(7, "not a size"), "{errors:?}");
    let errors = parse("customers = [\"acne\"]\n[smoke]\nwhich = \"none\"").unwrap_err().reports();
    let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "nightly.toml:1:14: there is no profile \"acne\" (did you mean \"acme\"?)",
            "nightly.toml:3:9: no image is booted, and nobody says why (this needs a reason)"
        ]
    );
}

#[test]
fn images_that_nobody_boots_need_a_reason_and_the_others_are_booted() {
    let text = "[smoke]\ncustomers = [\"acme\"]\n";
    let errors = parse(text).unwrap_err().reports();
    let said =
        "nightly.toml:2:13: the others are not booted, and nobody says why (this needs a reason)";
    assert_eq!(errors[0].to_string(), said);
    let smoke = parse(&(text.to_owned() + "reason = \"of one site\"\n")).unwrap().smoke;
    assert_eq!((smoke.of("acme"), smoke.of("nordwind")), (Which::Each, Which::None));
    let errors = parse("[smoke]\nreason = \"x\"\ncustomers = [\"acne\"]").unwrap_err().reports();
    assert!(errors[0].to_string().contains("did you mean \"acme\"?"), "{errors:?}");
}

#[test]
fn a_key_that_nobody_knows_is_refused_in_the_words_of_this_file() {
    let errors = parse("chanel = \"x\"").unwrap_err();
    let help = &errors.reports()[0].help[0];
    assert!(help.starts_with("this file has "), "{help}");
}
