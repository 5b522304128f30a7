//! "Did you mean": the nearest of a few known names.

/// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.8;

/// The known name that is most like `written`, if one is like enough; case does not count.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&written, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The known Hiera key that is most like `written`. Keys of the same class begin alike, so class
/// and name are compared separately; a name without a class, or the right name in another class,
/// counts too.
pub(crate) fn nearest_key<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    fn parts(key: &str) -> (&str, &str) {
        key.rsplit_once("::").unwrap_or(("", key))
    }
    let written = written.to_lowercase();
    let (class, name) = parts(&written);
    let likeness = |key: &str| {
        let (its_class, its_name) = parts(key);
        (strsim::jaro_winkler(name, its_name), strsim::jaro_winkler(class, its_class))
    };
    let alike = |names: f64, classes: f64| {
        names >= LIKE_ENOUGH && (classes >= LIKE_ENOUGH || class.is_empty() || names >= 1.0)
    };
    known
        .into_iter()
        .map(|key| (likeness(key), key))
        .filter(|((names, classes), _)| alike(*names, *classes))
        .max_by(|((a, b), _), ((c, d), _)| (a + b).total_cmp(&(c + d)))
        .map(|(_, key)| key)
}

/// Columns of a help text, so that it fits on a terminal together with its prefix.
const HELP_COLUMNS: usize = 70;

/// Breaks a sentence into lines at its spaces.
pub(super) fn wrapped(sentence: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 {
            let fits = column + 1 + length <= HELP_COLUMNS;
            lines.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// Names as a sentence lists them: a, b or c.
pub(super) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_nonsense_is_not() {
        let known = ["memory", "disk", "vcpus"];
        assert_eq!(nearest("memmory", known), Some("memory"));
        assert_eq!(nearest("Disc", known), Some("disk"));
        assert_eq!(nearest("zebra", known), None);
    }

    #[test]
    fn a_hiera_key_is_recognised_by_its_name_and_not_by_its_class_alone() {
        let known = ["profile::base::open_files", "profile::guestbook::title"];
        for written in ["profile::guestbook::titel", "titel", "profile::app::title"] {
            assert_eq!(nearest_key(written, known), Some("profile::guestbook::title"), "{written}");
        }
        assert_eq!(nearest_key("profile::base::colour", known), None);
        assert_eq!(nearest_key("other::app::titel", known), None);
    }

    #[test]
    fn names_read_as_a_sentence() {
        assert_eq!(one_of(["a", "b", "c"], "or"), "a, b or c");
        assert_eq!(one_of(["a"], "or"), "a");
    }
}
