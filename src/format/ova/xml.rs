//! Writes XML 1.0 (W3C, fifth edition): every value is escaped here and nowhere else.
//!
//! A crate would be a dependency for four functions; a template was rejected because a single
//! forgotten filter would let a customer's name break the document.

/// A document in the making.
#[derive(Debug)]
pub struct Xml {
    text: String,
    depth: usize,
}

/// An attribute's name and its value.
pub type Attribute<'a> = (&'a str, &'a str);

impl Xml {
    /// The document; `root` writes its root element.
    pub fn document(root: impl FnOnce(&mut Self)) -> String {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        let mut xml = Self { text, depth: 0 };
        root(&mut xml);
        xml.text
    }

    /// An element that holds elements.
    pub fn element(
        &mut self,
        name: &str,
        attributes: &[Attribute<'_>],
        inner: impl FnOnce(&mut Self),
    ) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.depth += 1;
        inner(self);
        self.depth -= 1;
        self.indent();
        self.end(name);
    }

    /// An element that holds text.
    pub fn leaf(&mut self, name: &str, text: &str) {
        self.start(name, &[]);
        self.text.push('>');
        self.escape(text);
        self.end(name);
    }

    /// An element that holds nothing.
    pub fn empty(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.start(name, attributes);
        self.text.push_str("/>\n");
    }

    fn start(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value);
            self.text.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// The same escaping for text and attributes: what only one of them needs does no harm in the
    /// other.
    fn escape(&mut self, value: &str) {
        for c in value.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                // "]]>" must not occur in text
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&apos;"),
                // unescaped, an attribute's reader turns them into spaces
                '\t' => self.text.push_str("&#9;"),
                '\n' => self.text.push_str("&#10;"),
                '\r' => self.text.push_str("&#13;"),
                c if is_char(c) => self.text.push(c),
                // no escape makes them legal, and nobody would notice a character that is silently
                // dropped
                _ => self.text.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }
}

/// Whether XML can contain a character ("Char", production 2); surrogates are no characters in
/// Rust.
fn is_char(c: char) -> bool {
    c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_in_text_and_attributes() {
        let hostile = "a\"b'<c>&d]]>\u{1}\n\u{e9}\u{1F600}\u{FFFF}";
        let document = Xml::document(|xml| {
            xml.element("r", &[("k", hostile)], |xml| xml.leaf("t", hostile));
        });
        let escaped = "a&quot;b&apos;&lt;c&gt;&amp;d]]&gt;\u{FFFD}&#10;\u{e9}\u{1F600}\u{FFFD}";
        let expected = format!("<r k=\"{escaped}\">\n  <t>{escaped}</t>\n</r>\n");
        assert_eq!(document.lines().next().unwrap(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        assert!(document.ends_with(&expected), "{document}");
    }

    #[test]
    fn an_empty_element_closes_itself() {
        assert!(Xml::document(|xml| xml.empty("e", &[("a", "")])).ends_with("\n<e a=\"\"/>\n"));
    }
}
