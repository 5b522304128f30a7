//! Compares a spanned tree with the schema, and reports every difference.

mod reading;

use serde_json::{Map, Value as Schema};

use self::reading::{
    constants, is_kind, join, kind_name, lower_first, required, table_name, variants,
};

use super::diagnostic::{Diagnostic, Place, SourceFile};
use super::node::{Entry, Node, Table, Value};
use super::odd;
use super::rules::Rule;
use super::suggest::{nearest, one_of};

/// Checks a whole profile.
pub(super) fn check(
    schema: &Schema,
    profile: &Table,
    files: &[SourceFile],
    errors: &mut Vec<Diagnostic>,
) {
    let mut walk = Walk { root: schema, files, errors };
    if let Some(object) = schema.as_object() {
        walk.table(object, profile, None, "");
    }
}

struct Walk<'a> {
    root: &'a Schema,
    files: &'a [SourceFile],
    errors: &'a mut Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    /// `path` is the chain of keys down to here, joined by dots.
    fn value(&mut self, schema: &'a Schema, node: &Node, path: &str) {
        let Some(schema) = self.resolve(schema) else { return };
        if let Some(names) = constants(schema) {
            return self.constant(&names, node);
        }
        if let Some(variants) = variants(schema) {
            return self.variant(&variants, node, path);
        }
        if let Some(Schema::String(kind)) = schema.get("type")
            && !is_kind(kind, &node.value)
        {
            return self.wrong_kind(schema, kind, node, path);
        }
        match &node.value {
            Value::String(text) => self.text(schema, text, &node.place),
            Value::Integer(number) => self.number(schema, *number, &node.place),
            Value::Array(items) => self.list(schema, items, &node.place, path),
            Value::Table(table) => self.table(schema, table, Some(&node.place), path),
            Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
        }
    }

    /// Follows references. The schema is ours, so one that leads nowhere simply checks nothing.
    fn resolve(&self, mut schema: &'a Schema) -> Option<&'a Map<String, Schema>> {
        let root = self.root;
        while let Some(Schema::String(target)) = schema.get("$ref") {
            schema = root.pointer(target.strip_prefix('#')?)?;
        }
        // a reference with a description beside it
        if let Some([only]) = schema.get("allOf").and_then(Schema::as_array).map(Vec::as_slice) {
            return self.resolve(only);
        }
        schema.as_object()
    }

    fn table(
        &mut self,
        schema: &'a Map<String, Schema>,
        table: &Table,
        place: Option<&Place>,
        path: &str,
    ) {
        let Some(Schema::Object(known)) = schema.get("properties") else { return };
        let closed = schema.get("additionalProperties") == Some(&Schema::Bool(false));
        for (key, entry) in table {
            match known.get(key) {
                Some(schema) => self.value(schema, &entry.node, &join(path, key)),
                None if closed => self.unknown(key, entry, known, path),
                None => {}
            }
        }
        // a key that is there, but misspelt, was already reported with a suggestion
        let meant = |key: &str| {
            let unknown = table.keys().filter(|key| !known.contains_key(*key));
            unknown
                .filter_map(|own| nearest(own, known.keys().map(String::as_str)))
                .any(|n| n == key)
        };
        for key in required(schema).filter(|key| !table.contains_key(*key) && !meant(key)) {
            self.missing(key, known.get(key), place, path);
        }
    }

    fn unknown(&mut self, key: &str, entry: &Entry, known: &Map<String, Schema>, path: &str) {
        let label = match nearest(key, known.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => self.elsewhere(key),
        };
        let error = Diagnostic::at(&entry.key, format!("unknown key `{key}`"), label);
        let names = one_of(known.keys().map(String::as_str), "and");
        let is_profile = self.root.get("title").and_then(Schema::as_str) == Some("Profile");
        let table = match path {
            "" if !is_profile => "this file".to_owned(),
            path => table_name(path),
        };
        self.errors.push(error.help(format!("{table} has {names}")));
    }

    /// What to say about a key in the wrong table: which table has it, or has one like it.
    fn elsewhere(&self, key: &str) -> String {
        let tables = self.root.get("properties").and_then(Schema::as_object);
        let known = tables.into_iter().flatten().filter_map(|(table, schema)| {
            Some((table, self.resolve(schema)?.get("properties")?.as_object()?))
        });
        let mut like = None;
        for (table, keys) in known {
            if keys.contains_key(key) {
                return format!("it belongs into [{table}]");
            }
            let near = nearest(key, keys.keys().map(String::as_str));
            like = like.or(near.map(|near| format!("did you mean `{near}` in [{table}]?")));
        }
        like.unwrap_or_else(|| "no such key".to_owned())
    }

    /// The place to write it is the child, even if a parent has half of the table.
    fn missing(&mut self, key: &str, schema: Option<&Schema>, place: Option<&Place>, path: &str) {
        let message = format!("`{}` is missing", join(path, key));
        let error = match place {
            Some(place) if place.file == 0 => {
                Diagnostic::at(place, message, format!("this table needs `{key}`"))
            }
            _ => Diagnostic::of_file(0, message),
        };
        let about = schema.and_then(|schema| schema.get("description")).and_then(Schema::as_str);
        let error = match about {
            Some(about) => error.help(lower_first(about)),
            None => error,
        };
        let names: Vec<String> =
            self.files.iter().map(|file| file.path.display().to_string()).collect();
        let error = match names.as_slice() {
            [] | [_] => error,
            names => error.help(format!("looked for it in {}", names.join(", "))),
        };
        self.errors.push(error);
    }

    fn constant(&mut self, names: &[&str], node: &Node) {
        let allowed = || format!("allowed are {}", one_of(names.iter().copied(), "and"));
        let Value::String(text) = &node.value else {
            let message = format!("this is {}, not a text", node.value.kind());
            let error = Diagnostic::at(&node.place, message, "write it in quotes");
            self.errors.push(error.help(allowed()));
            return;
        };
        if names.contains(&text.as_str()) {
            return;
        }
        let label = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "not known".to_owned(),
        };
        let error = Diagnostic::at(&node.place, format!("unknown value {text:?}"), label);
        self.errors.push(error.help(allowed()));
    }

    /// A table of one of several kinds: the key that only one kind requires says which.
    fn variant(&mut self, variants: &[&'a Map<String, Schema>], node: &Node, path: &str) {
        let Value::Table(table) = &node.value else {
            let message = format!("`{path}` is {}, not a table", node.value.kind());
            self.errors.push(Diagnostic::at(&node.place, message, "write { … }"));
            return;
        };
        let marks: Vec<&str> = variants.iter().filter_map(|v| required(v).next()).collect();
        let present: Vec<&Entry> = marks.iter().filter_map(|mark| table.get(*mark)).collect();
        match present.as_slice() {
            [_] => {
                let chosen = variants.iter().zip(&marks).find(|(_, m)| table.contains_key(**m));
                if let Some((schema, _)) = chosen {
                    self.table(schema, table, Some(&node.place), path);
                }
            }
            [] => {
                let names = one_of(marks.iter().copied(), "or");
                let label = format!("one of {names} is needed");
                let near =
                    table.iter().find_map(|(k, e)| nearest(k, marks.iter().copied()).zip(Some(e)));
                self.errors.push(match near {
                    Some((near, entry)) => {
                        let label = format!("did you mean `{near}`?");
                        Diagnostic::at(&entry.key, "unknown key", label)
                            .help(format!("one of {names} is needed"))
                    }
                    None => Diagnostic::at(&node.place, "it does not say what it asks", label),
                });
            }
            [first, second, ..] => {
                let names = one_of(marks.iter().copied(), "or");
                let error = Diagnostic::at(&second.key, "two kinds in one table", "and this")
                    .also(&first.key, "either this");
                self.errors.push(error.help(format!("exactly one of {names} is allowed")));
            }
        }
    }

    fn wrong_kind(&mut self, schema: &Map<String, Schema>, kind: &str, node: &Node, path: &str) {
        let wanted = kind_name(kind);
        let message = format!("`{path}` is {}, not {wanted}", node.value.kind());
        let label = match (kind, &node.value) {
            ("string", Value::Integer(_) | Value::Boolean(_) | Value::Datetime(_)) => {
                "write it in quotes".to_owned()
            }
            ("array", Value::String(_)) => "write it in brackets: [ … ]".to_owned(),
            ("integer" | "boolean", Value::String(_)) => "write it without quotes".to_owned(),
            _ => format!("write {wanted}"),
        };
        let error = Diagnostic::at(&node.place, message, label);
        let about = schema.get("description").and_then(Schema::as_str);
        self.errors.push(match about {
            Some(about) => error.help(lower_first(about)),
            None => error,
        });
    }

    fn text(&mut self, schema: &Map<String, Schema>, text: &str, place: &Place) {
        let format = schema.get("format").and_then(Schema::as_str);
        if let Some(rule) = format.and_then(Rule::from_name)
            && let Err(complaint) = rule.check(text)
        {
            // it may look like a good value
            let odd = odd::in_value(text);
            self.errors.push(odd.into_iter().fold(complaint.at(place), Diagnostic::help));
        }
    }

    fn number(&mut self, schema: &Map<String, Schema>, number: i64, place: &Place) {
        let bound = |key: &str| schema.get(key).and_then(Schema::as_i64);
        let (low, high) = (bound("minimum"), bound("maximum"));
        if low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high) {
            let range = match (low, high) {
                (Some(low), Some(high)) => format!("{low} to {high}"),
                (Some(low), None) => format!("{low} and more"),
                (None, Some(high)) => format!("up to {high}"),
                (None, None) => return,
            };
            let label = format!("allowed are {range}");
            self.errors.push(Diagnostic::at(place, "this number is out of range", label));
        }
    }

    fn list(&mut self, schema: &'a Map<String, Schema>, items: &[Node], place: &Place, path: &str) {
        let least = schema.get("minItems").and_then(Schema::as_u64).unwrap_or(0);
        if (items.len() as u64) < least {
            self.errors.push(Diagnostic::at(place, "this list is too short", "at least one"));
        }
        if let Some(item_schema) = schema.get("items") {
            items.iter().for_each(|item| self.value(item_schema, item, path));
        }
        for (index, item) in items.iter().enumerate() {
            let same = |other: &&Node| match (&other.value, &item.value) {
                (Value::String(one), Value::String(other)) => one == other,
                _ => false,
            };
            if let Some(first) = items[..index].iter().find(same) {
                let error =
                    Diagnostic::at(&item.place, "this is in the list twice", "leave it out");
                self.errors.push(error.also(&first.place, "it is here already"));
            }
        }
    }
}
