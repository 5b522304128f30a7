//! YAML as a tree with lines: enough to check it, and to read hiera.yaml. Pure.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

/// Deeper nesting is nobody's data, and would cost the appliance's own reader its stack.
const DEEPEST: usize = 100;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A scalar's text, or what an alias stands for, which nobody asks.
    Scalar(String),
    /// The same in quotes or as a block: a text, whatever it looks like.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in its order. Keys that are no scalars have an empty text.
    Map(Vec<(String, Node)>),
}

/// A value and the line that it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub line: usize,
    pub value: Value,
}

/// Why a text is not what Hiera can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub line: usize,
    pub fact: String,
}

impl Node {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(members) = &self.value else { return None };
        members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of a mapping, in its order.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

/// Reads one document; none when there is nothing in it.
///
/// A key that comes twice is a fault: Ruby's reader takes the last without a word. So is a second
/// document, of which it knows nothing.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Fault> {
    let lines = text.lines().collect();
    let mut reader = YamlReader { parser: Parser::new_from_str(text), lines, depth: 0 };
    let mut document = None;
    loop {
        let (line, event) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document),
            Event::StreamStart | Event::Nothing | Event::DocumentEnd => {}
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Fault {
                    line,
                    fact: "a second document begins, which Hiera does not read".to_owned(),
                });
            }
            Event::DocumentStart(_) => {}
            event => document = Some(reader.node(line, event)?),
        }
    }
}

/// What Psych makes a date or a time of: four digits, a hyphen, one or two digits, a hyphen, one or two digits,
/// and behind them nothing or a time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, most: usize| {
        part.is_some_and(|p| (1..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let (year, month, rest) = (parts.next(), parts.next(), parts.next());
    let day = rest.map(|rest| rest.split(['T', 't', ' ', '\t']).next().unwrap_or_default());
    year.is_some_and(|year| year.len() == 4)
        && digits(year, 4)
        && digits(month, 2)
        && digits(day, 2)
}

struct YamlReader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    lines: Vec<&'a str>,
    depth: usize,
}

impl<'a> YamlReader<'a> {
    fn next(&mut self) -> Result<(usize, Event<'a>), Fault> {
        let fault = |e: &ScanError| Fault { line: e.marker().line(), fact: e.info().to_owned() };
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((span.start.line(), event)),
            Some(Err(e)) => Err(fault(&e)),
            None => Ok((0, Event::StreamEnd)),
        }
    }

    fn node(&mut self, line: usize, event: Event<'a>) -> Result<Node, Fault> {
        self.depth += 1;
        let text = line.checked_sub(1).and_then(|n| self.lines.get(n)).unwrap_or(&"");
        // our parser takes it for a blank, Ruby's refuses the file
        if text.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
            return Err(Fault { line, fact: "the line is indented with a tab".to_owned() });
        }
        if self.depth > DEEPEST {
            return Err(Fault { line, fact: format!("values are nested over {DEEPEST} deep") });
        }
        let tag = match &event {
            Event::Scalar(_, _, _, tag)
            | Event::SequenceStart(_, tag)
            | Event::MappingStart(_, tag) => tag,
            _ => &None,
        };
        // some make objects, which Puppet refuses; which ones, only Ruby knows
        if tag.is_some() {
            return Err(Fault { line, fact: "a value has a tag: leave it out".to_owned() });
        }
        if let Event::Scalar(text, ScalarStyle::Plain, ..) = &event
            && is_date(text)
        {
            let fact =
                format!("{text} is read as a date, which Puppet refuses: write it in quotes");
            return Err(Fault { line, fact });
        }
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Value::Scalar(text.into_owned()),
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => Value::List(self.list()?),
            Event::MappingStart(..) => Value::Map(self.map()?),
            _ => Value::Scalar(String::new()),
        };
        self.depth -= 1;
        Ok(Node { line, value })
    }

    fn list(&mut self) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (_, Event::SequenceEnd | Event::StreamEnd) => return Ok(items),
                (line, event) => items.push(self.node(line, event)?),
            }
        }
    }

    fn map(&mut self) -> Result<Vec<(String, Node)>, Fault> {
        let (mut members, mut seen) = (Vec::new(), BTreeSet::new());
        loop {
            let (line, event) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(members);
            }
            let key = self.node(line, event)?;
            let name = key.text().unwrap_or_default().to_owned();
            // merging (`<<`) may be done more than once
            if !name.is_empty() && name != "<<" && !seen.insert(name.clone()) {
                let fact = format!("the key {name:?} is there twice, the last one would win");
                return Err(Fault { line, fact });
            }
            let (line, event) = self.next()?;
            members.push((name, self.node(line, event)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String) {
        let fault = parse(text).unwrap_err();
        (fault.line, fault.fact)
    }

    #[test]
    fn a_document_becomes_a_tree_with_lines() {
        let node = parse("---\na: 1\nb:\n  - x\n  - {c: y}\n").unwrap().unwrap();
        assert_eq!(node.get("a").unwrap().text(), Some("1"));
        let item = &node.get("b").unwrap().items()[1];
        assert_eq!((item.line, item.get("c").unwrap().text()), (5, Some("y")));
        assert_eq!(parse("").unwrap(), None);
        assert_eq!(parse("# nothing\n").unwrap(), None);
        assert!(parse("a: &x {b: 1}\nc: {<<: *x}\n").is_ok());
    }

    #[test]
    fn faults_have_their_line() {
        assert_eq!(fault("a: 1\nb: [1, 2\nc: 3\n").0, 3);
        assert_eq!(
            fault("a: 1\nb: 2\na: 3\n"),
            (3, "the key \"a\" is there twice, the last one would win".to_owned())
        );
        assert_eq!(fault("a: 1\n---\nb: 2\n").0, 2);
        assert_eq!(fault("a: *unknown\n").0, 1);
        assert_eq!(fault("a:\n\tb: 1\n").0, 2);
        let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&deep(90)).is_ok());
        assert_eq!(fault(&deep(110)).1, "values are nested over 100 deep");
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
