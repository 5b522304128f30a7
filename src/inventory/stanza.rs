//! Paragraphs of fields, as Debian's control files and machine-readable copyright files have them (deb822(5)).

use std::collections::BTreeMap;

/// The fields of one paragraph: names in lower case, the lines of a value joined by newlines.
pub(super) type Stanza = BTreeMap<String, String>;

/// All paragraphs; a line that is no field's is left out.
pub(super) fn stanzas(text: &str) -> Vec<Stanza> {
    let (mut all, mut current, mut last) = (Vec::new(), Stanza::new(), String::new());
    for line in text.lines() {
        if line.trim().is_empty() {
            all.push(std::mem::take(&mut current));
            last.clear();
        } else if line.starts_with('#') {
            // a comment may stand in the middle of a value
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = current.get_mut(&last) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            last = name.to_ascii_lowercase();
            current.insert(last.clone(), value.trim().to_owned());
        }
    }
    all.push(current);
    all.retain(|stanza| !stanza.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_have_fields_of_several_lines_and_comments_between_them() {
        let text =
            "Package: a\nDescription: one\n two\n# no\n three\n\n\nPackage: b\nnonsense\n lost\n";
        let all = stanzas(text);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0]["description"], "one\ntwo\nthree");
        assert_eq!(all[1].len(), 1);
    }
}
