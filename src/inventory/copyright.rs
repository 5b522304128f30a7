//! A package's licence from its file `copyright`, where a program can read that (copyright-format 1.0, "DEP-5").

use super::licence;
use super::stanza::stanzas;

/// What the address of the format's specification holds, in all its spellings.
const FORMATS: [&str; 2] = ["copyright-format", "dep5"];

/// The licences of all files together; none where the text is written for people alone, whom no guess replaces.
pub(super) fn licence(text: &str) -> Option<String> {
    let all = stanzas(text);
    let header = all.first()?;
    let format = header.get("format").or(header.get("format-specification"))?;
    let format = format.to_ascii_lowercase();
    if !FORMATS.iter().any(|known| format.contains(known)) {
        return None;
    }
    let of_files = all.iter().filter(|stanza| stanza.contains_key("files"));
    let names = of_files.filter_map(|stanza| stanza.get("license")?.lines().next());
    licence::all_of(names.filter_map(licence::of_debian))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licences_of_all_files_are_told_and_a_text_for_people_tells_none() {
        let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                    Files: *\nCopyright: 2020 somebody\nLicense: GPL-2+\n The text\n\n\
                    Files: debian/*\nLicense: Expat\n\nLicense: Expat\n Permission is …\n";
        assert_eq!(licence(text).as_deref(), Some("GPL-2.0-or-later AND MIT"));
        assert_eq!(licence("This is free software.\nLicense: GPL\n"), None);
        assert_eq!(licence(""), None);
    }
}
