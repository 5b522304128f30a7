//! Templates with every value escaped for the language that it lands in.
//!
//! One Tera instance for each language: the escape function belongs to the instance, so a file
//! name's extension cannot select the wrong language. A value that a language cannot express is an
//! error, not a guess.

use std::io::Write;

use tera::{Context, Tera};

use crate::error::{Error, Kind, Result};

/// The language of a filled template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// POSIX shell: a value becomes one single-quoted word, quotes included.
    Shell,
    /// systemd's ini files (units, networkd, timesyncd): a value stays one line, specifiers are
    /// doubled.
    Systemd,
    /// Shell, ini files and YAML alike: a value is one word that needs no quotes in any of them.
    Plain,
    /// A string in double quotes of GRUB's: a value holds nothing that GRUB's shell or the kernel's parser would read.
    Grub,
    /// OpenSSH's and sudo's configuration, hosts and the like: a value is one word of harmless
    /// characters.
    Word,
    /// Text for people: a value keeps its lines, and holds no control characters.
    Text,
    /// HTML, in an element or in an attribute with double quotes.
    Html,
    /// Markdown, in a line or in a cell of a table: a value stays on its line and formats nothing.
    Markdown,
}

/// Renders `template`; `name` is for errors.
///
/// # Errors
/// A missing variable, or a value that `language` cannot hold.
pub fn render(language: Language, name: &str, template: &str, context: &Context) -> Result<String> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape_of(language));
    tera.autoescape_on([""]);
    let failed = |e: tera::Error| {
        Error::new(Kind::Input, format!("cannot fill the template {name}")).because(e)
    };
    tera.add_raw_template(name, template).map_err(failed)?;
    tera.render(name, context).map_err(failed)
}

type Escape = fn(&str, &mut dyn Write) -> std::io::Result<()>;

fn escape_of(language: Language) -> Escape {
    match language {
        Language::Shell => shell,
        Language::Systemd => systemd,
        Language::Plain => plain,
        Language::Grub => grub,
        Language::Word => word,
        Language::Text => text,
        Language::Html => html,
        Language::Markdown => markdown,
    }
}

/// In sh, single quotes disable everything except themselves. A zero byte would end the file.
fn shell(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    refuse(value, "a zero byte", |c| c == '\0')?;
    write!(out, "'{}'", value.replace('\'', r"'\''"))
}

/// A line's end would start a new setting, a backslash at the end would swallow the next one, and
/// `%` starts a specifier.
fn systemd(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    refuse(value, "a control character or a backslash", |c| c.is_control() || c == '\\')?;
    out.write_all(value.replace('%', "%%").as_bytes())
}

/// Nothing at all would be no word.
fn plain(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if value.is_empty() {
        return Err(std::io::Error::other("the value is empty"));
    }
    refuse(value, "a character other than letters, digits and /._-", |c| !harmless(c))?;
    out.write_all(value.as_bytes())
}

/// A quote would end the string, and `$` begin a variable.
fn grub(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || " -_.,=:/@+%()".contains(c);
    refuse(value, "a character that GRUB or the kernel would read", |c| !harmless(c))?;
    out.write_all(value.as_bytes())
}

/// A space would make it two words, and `#` a comment; none of these files can quote everything.
fn word(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    refuse(value, "a character other than letters, digits and -_./:@+=,", |c| !harmless(c))?;
    out.write_all(value.as_bytes())
}

/// Escape sequences could redraw or reprogram the terminal that shows it.
fn text(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    refuse(value, "a control character", |c| c.is_control() && c != '\n')?;
    out.write_all(value.as_bytes())
}

/// The five characters that mean something in HTML (HTML Living Standard, 13.3, "escaping a string").
fn html(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    refuse(value, "a control character", |c| c.is_control() && c != '\n')?;
    for c in value.chars() {
        match c {
            '&' => out.write_all(b"&amp;")?,
            '<' => out.write_all(b"&lt;")?,
            '>' => out.write_all(b"&gt;")?,
            '"' => out.write_all(b"&quot;")?,
            '\'' => out.write_all(b"&#39;")?,
            c => write!(out, "{c}")?,
        }
    }
    Ok(())
}

/// A backslash takes the meaning from punctuation (CommonMark 0.31, 2.4), and a bar would end a table's cell. What means
/// something only at a line's beginning stays: values do not stand there.
fn markdown(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    refuse(value, "a control character", |c| c.is_control() && c != '\n')?;
    for c in value.chars() {
        match c {
            '\n' => out.write_all(b" ")?,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' => {
                write!(out, "\\{c}")?
            }
            c => write!(out, "{c}")?,
        }
    }
    Ok(())
}

fn refuse(value: &str, what: &str, bad: impl Fn(char) -> bool) -> std::io::Result<()> {
    if value.chars().any(bad) {
        let shown = value.escape_debug();
        return Err(std::io::Error::other(format!("\"{shown}\" holds {what}")));
    }
    Ok(())
}

/// One double-quoted YAML scalar, quotes included: a JSON string in which everything that YAML
/// readers do not accept literally (YAML 1.1, "Character Set": C1 controls, line separators, byte
/// order mark) is written as an escape.
pub fn yaml_scalar(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{85}' | '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => escape_code(&mut out, c),
            '\u{fffe}' | '\u{ffff}' => escape_code(&mut out, c),
            c if c.is_control() => escape_code(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn escape_code(out: &mut String, c: char) {
    out.push_str(&format!("\\u{:04x}", u32::from(c)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(language: Language, value: &str) -> Result<String> {
        let mut context = Context::new();
        context.insert("value", value);
        render(language, "test", "{{ value }}", &context)
    }

    #[test]
    fn a_shell_value_is_one_word_whatever_it_holds() {
        assert_eq!(rendered(Language::Shell, "it's $(x)").unwrap(), r"'it'\''s $(x)'");
        assert!(rendered(Language::Shell, "a\0b").is_err());
    }

    #[test]
    fn a_systemd_value_stays_on_its_line_and_means_its_percent_signs() {
        assert_eq!(rendered(Language::Systemd, "100% x").unwrap(), "100%% x");
        for bad in ["a\nExecStart=/bin/x", "a\\", "a\rb"] {
            assert!(rendered(Language::Systemd, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_yaml_value_reads_back_as_it_was() {
        for value in ["a: b", "\"\\", "\u{2028}\u{7f}\u{85}", "- x\n- y", "%{x}", "ü😀"] {
            let yaml = yaml_scalar(value);
            assert_eq!(serde_json::from_str::<String>(&yaml).unwrap(), value, "{yaml}");
        }
    }

    #[test]
    fn a_word_is_one_word() {
        assert_eq!(rendered(Language::Word, "a-b.c").unwrap(), "a-b.c");
        for bad in ["a b", "a\nb", "#", "$(x)", "ü"] {
            assert!(rendered(Language::Word, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_plain_value_needs_no_quotes_anywhere() {
        assert_eq!(rendered(Language::Plain, "/a/b-c.d_1").unwrap(), "/a/b-c.d_1");
        for bad in ["", "a b", "a\nb", "$(id)", "a'b", "a\"b", "a;b", "ä", "{{ x }}"] {
            assert!(rendered(Language::Plain, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_string_of_grubs_ends_where_it_should() {
        let line = "root=UUID=1-2 console=ttyS0,115200";
        assert_eq!(rendered(Language::Grub, line).unwrap(), line);
        for bad in ["a\"b", "$x", "a\\b", "a\nb", "`id`", "a;b"] {
            assert!(rendered(Language::Grub, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_value_is_no_markup() {
        assert_eq!(
            rendered(Language::Html, "<a b=\"c\">&'").unwrap(),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"
        );
        assert_eq!(
            rendered(Language::Markdown, "a_b|*c*\n<d>").unwrap(),
            "a\\_b\\|\\*c\\* \\<d\\>"
        );
        assert!(
            rendered(Language::Html, "\u{1b}").is_err()
                && rendered(Language::Markdown, "\0").is_err()
        );
    }

    #[test]
    fn a_missing_variable_is_an_error() {
        assert!(render(Language::Text, "test", "{{ nothing }}", &Context::new()).is_err());
    }
}
