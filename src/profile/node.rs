//! A TOML file as a tree in which every key and value knows its place.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Place};
use super::odd;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
}

/// TOML's kinds of values.
#[derive(Clone, Debug)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
}

/// Keys, sorted by name.
pub(super) type Table = BTreeMap<String, Entry>;

/// A value with its key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Place,
    pub node: Node,
}

impl Value {
    /// For people, with an article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::Datetime(_) => "a date or time",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// As JSON. It has neither dates nor infinite numbers, which were refused before.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::String(text) | Self::Datetime(text) => Json::from(text.as_str()),
            Self::Integer(number) => Json::from(*number),
            Self::Float(number) => Json::from(*number),
            Self::Boolean(flag) => Json::from(*flag),
            Self::Array(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Table(table) => table_to_json(table),
        }
    }
}

/// A table as JSON.
pub(super) fn table_to_json(table: &Table) -> serde_json::Value {
    let pairs = table.iter().map(|(key, entry)| (key.clone(), entry.node.value.to_json()));
    serde_json::Value::Object(pairs.collect())
}

/// Parses one file; returns what could be read even when there are errors.
pub(super) fn parse(text: &str, file: usize, errors: &mut Vec<Diagnostic>) -> Table {
    let (tree, syntax) = DeTable::parse_recoverable(text);
    // valid TOML may hold any character
    let odd = if syntax.is_empty() { Vec::new() } else { odd::find(text, file) };
    let line = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count());
    let odd_lines: BTreeSet<usize> =
        odd.iter().filter_map(|error| Some(line(error.span.as_ref()?.start))).collect();
    errors.extend(odd);
    for error in syntax {
        let span = visible(text, error.span().unwrap_or(0..0));
        // the parser's own message about an odd character would only confuse
        if odd_lines.contains(&line(span.start)) {
            continue;
        }
        let place = Place { file, span };
        let (first, rest) = split_message(error.message());
        errors.push(Diagnostic {
            help: rest,
            ..Diagnostic::at(&place, first, "not TOML from here on")
        });
    }
    table(tree.get_ref(), file, errors)
}

/// A span within one line, and of at least one character if there is one. If something is missing
/// at a line's end, the last thing on the line is underlined.
fn visible(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let at = boundary(text, span.start);
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let written = line + text[line..line_end].trim_end().len();
    let last = text[line..written].chars().next_back().map_or(0, char::len_utf8);
    let start = at.min(written - last);
    let first = text[start..].chars().next().map_or(0, char::len_utf8);
    let end = boundary(text, span.end).min(written).max(start + first);
    start..end.min(text.len())
}

/// The last place at or before `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn split_message(message: &str) -> (String, Vec<String>) {
    let mut lines = message.lines().map(str::to_owned);
    let first = lines.next().unwrap_or_else(|| "this is not TOML".to_owned());
    (first, lines.collect())
}

fn table(tree: &DeTable<'_>, file: usize, errors: &mut Vec<Diagnostic>) -> Table {
    let mut table = Table::new();
    for (key, value) in tree {
        let entry = Entry {
            key: Place { file, span: key.span() },
            node: node(value.get_ref(), &Place { file, span: value.span() }, errors),
        };
        table.insert(key.get_ref().to_string(), entry);
    }
    table
}

fn node(value: &DeValue<'_>, place: &Place, errors: &mut Vec<Diagnostic>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => integer(number.as_str(), number.radix(), place, errors),
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) if f64::is_finite(number) => Value::Float(number),
            _ => refuse(place, "this is not a finite number", errors),
        },
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(moment) => Value::Datetime(moment.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| {
                node(item.get_ref(), &Place { file: place.file, span: item.span() }, errors)
            });
            Value::Array(items.collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner, place.file, errors)),
    };
    Node { value, place: place.clone() }
}

fn integer(text: &str, radix: u32, place: &Place, errors: &mut Vec<Diagnostic>) -> Value {
    match i64::from_str_radix(text, radix) {
        Ok(number) => Value::Integer(number),
        Err(_) => refuse(place, "this number does not fit in 64 bits", errors),
    }
}

/// Reports a number that cannot be kept, and puts a zero in its place.
fn refuse(place: &Place, message: &str, errors: &mut Vec<Diagnostic>) -> Value {
    errors.push(Diagnostic::at(place, message, "write a smaller number"));
    Value::Integer(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_at_the_end_of_a_line_underlines_what_stands_before_it() {
        let text = "base = \nsite = 1\n";
        assert_eq!(visible(text, 7..7), 5..6);
        assert_eq!(visible("", 0..0), 0..0);
        assert_eq!(visible("\n\n", 1..2), 1..2);
        assert_eq!(visible("ä", 0..9), 0..2);
    }

    #[test]
    fn numbers_that_no_machine_keeps_are_refused() {
        let mut errors = Vec::new();
        parse("a = 99999999999999999999\nb = inf\nc = 0xff\nd = 1_000", 0, &mut errors);
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
