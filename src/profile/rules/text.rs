//! Text for people: names, banners, lines, the contents of files, values for Hiera.

use super::{Complaint, Verdict};

/// Longest name, in characters.
const NAME_LONGEST: usize = 80;
/// Longest line, in characters.
const LINE_LONGEST: usize = 1000;
/// The console's width, less one column so that it never wraps.
const BANNER_COLUMNS: usize = 79;
/// Lines of a banner: the status below it must still fit on 25 lines.
const BANNER_LINES: usize = 10;
/// Longest content of an extra file, in bytes.
const FILE_LONGEST: usize = 256 << 10;

/// Characters that a shell, Puppet, YAML or a terminal could take for more than text, and what
/// people mean by them.
const SPECIAL: [(char, &str); 5] = [
    ('"', "write typographic quotes: \u{201c} and \u{201d}"),
    ('\'', "use the typographic apostrophe"),
    ('\\', "leave the backslash out"),
    ('`', "leave the backtick out"),
    ('$', "write the currency's name, as in USD"),
];

/// Hiera reads this as the start of a lookup.
const INTERPOLATION: &str = "%{";

/// A name for people, one line, in any script.
pub(super) fn name(text: &str) -> Verdict {
    let what = "this name";
    if text.trim() != text || text.is_empty() {
        return Err(Complaint::new(
            format!("{what} is empty or has blanks around it"),
            "write a name",
        ));
    }
    shorter(text, what, NAME_LONGEST)?;
    printable(text, what, "")?;
    harmless(text, what)
}

/// The text above the status on the console.
pub(super) fn banner(text: &str) -> Verdict {
    let what = "the banner";
    printable(text, what, "\n")?;
    harmless(text, what)?;
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > BANNER_LINES || lines.iter().any(|l| l.chars().count() > BANNER_COLUMNS) {
        return Err(Complaint::new("the banner does not fit on the console", "too large")
            .help(format!("at most {BANNER_LINES} lines of {BANNER_COLUMNS} characters fit")));
    }
    Ok(())
}

/// Lines that an importer stores as the machine's notes.
pub(super) fn notes(text: &str) -> Verdict {
    let what = "these notes";
    shorter(text, what, LINE_LONGEST)?;
    printable(text, what, "\n")
}

/// One line that is used verbatim: a probe's command, or a text to look for.
pub(super) fn line(text: &str) -> Verdict {
    let what = "this line";
    if text.trim().is_empty() {
        return Err(Complaint::new(format!("{what} is empty"), "write something"));
    }
    shorter(text, what, LINE_LONGEST)?;
    printable(text, what, "")
}

/// The content of an extra file: any text without a zero byte.
pub(super) fn file(text: &str) -> Verdict {
    if text.contains('\0') {
        return Err(Complaint::new("this content holds a zero byte", "no text file has one"));
    }
    if text.len() > FILE_LONGEST {
        return Err(Complaint::new("this content is larger than 256 KiB", "too large")
            .help("put it into a file below profiles/ and name that in `source`"));
    }
    Ok(())
}

/// A text inside Hiera data.
pub(in crate::profile) fn plain_value(text: &str) -> Verdict {
    let what = "this text";
    if text.contains(INTERPOLATION) {
        return Err(interpolation(what));
    }
    printable(text, what, "\n\t")
}

fn shorter(text: &str, what: &str, longest: usize) -> Verdict {
    let length = text.chars().count();
    if length <= longest {
        return Ok(());
    }
    let label = format!("{length} characters");
    Err(Complaint::new(format!("{what} is too long"), label)
        .help(format!("at most {longest} characters are allowed")))
}

/// No control characters (except `but`), and nothing that is invisible or changes the direction of
/// text.
fn printable(text: &str, what: &str, but: &str) -> Verdict {
    let bad = text.chars().find(|c| !but.contains(*c) && is_unprintable(*c));
    match bad {
        None => Ok(()),
        Some(c) => Err(Complaint::new(
            format!("{what} holds an invisible character"),
            format!("U+{:04X}", u32::from(c)),
        )
        .help("only characters that can be seen, and spaces, are allowed")),
    }
}

/// Control and format characters, private use, and Unicode's line ends and tags.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
            | '\u{e0000}'..='\u{10ffff}')
}

fn harmless(text: &str, what: &str) -> Verdict {
    if text.contains(INTERPOLATION) {
        return Err(interpolation(what));
    }
    let Some((special, remedy)) = SPECIAL.iter().find(|(special, _)| text.contains(*special))
    else {
        return Ok(());
    };
    let label = match special {
        '\'' => format!("write \"{}\"", text.replace('\'', "\u{2019}")),
        _ => "not allowed here".to_owned(),
    };
    Err(Complaint::new(format!("{what} holds the character {special}"), label)
        .help(format!("{remedy}; shells and Puppet could take it for code")))
}

fn interpolation(what: &str) -> Complaint {
    Complaint::new(format!("{what} holds %{{"), "Hiera takes it for a lookup")
        .help("values of a profile are plain text; lookups belong in the site's data")
}
