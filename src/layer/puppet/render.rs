//! Fills a template. Every value is a word of our own that needs no quotes in shell, INI or YAML.
//! That is checked where it is inserted, so that no later value can break out of its place.

use std::io::Write;

use tera::{Context, Tera};

use crate::error::{Error, Kind, Result};

/// The template with its values; a missing value is an error.
pub(super) fn template(name: &str, text: &str, values: &[(&'static str, &str)]) -> Result<String> {
    let failed =
        |e: tera::Error| Error::new(Kind::Input, "cannot fill in the template").at(name).because(e);
    let mut tera = Tera::default();
    tera.autoescape_on(vec![""]);
    tera.set_escape_fn(plain_word);
    tera.add_raw_template(name, text).map_err(failed)?;
    let mut context = Context::new();
    for (key, value) in values {
        context.insert(*key, value);
    }
    tera.render(name, &context).map_err(failed)
}

/// Writes a word unchanged, and refuses one that would need quotes somewhere.
fn plain_word(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    if value.is_empty() || !value.bytes().all(plain) {
        return Err(std::io::Error::other(format!("{value:?} is not a plain word")));
    }
    out.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_missing_is_an_error() {
        assert!(template("x", "{{ name }}", &[]).is_err());
    }

    #[test]
    fn a_value_cannot_break_out_of_its_place() {
        for bad in ["", "a b", "a\nb", "$(id)", "a'b", "a\"b", "a;b", "ä", "{{ x }}"] {
            assert!(template("x", "k={{ v }}", &[("v", bad)]).is_err(), "{bad:?}");
        }
        assert_eq!(template("x", "k={{ v }}", &[("v", "/a/b-c.d_1")]).unwrap(), "k=/a/b-c.d_1");
    }
}
