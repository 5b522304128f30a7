//! The customer's Hiera data and their own files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Inputs;
use crate::error::{Error, Kind, Result};
use crate::layer::private;
use crate::profile::ExtraFile;
use crate::template::yaml_scalar;
use crate::tree::{Content, Entry, MODE_BITS, Node, Tree, TreePath};
use crate::units::Timestamp;

/// Where Hiera finds the customer's data: its global layer, which wins over the release's.
pub const HIERA: &str = "/etc/slipway/hiera/customer.yaml";

/// Places that belong to Slipway, or that are covered or emptied when the system starts.
const CLOSED: [&str; 9] = [
    "/usr/lib/slipway",
    "/etc/slipway",
    "/var/lib/slipway",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/tmp",
    "/boot",
];

/// Adds the Hiera data, which may hold passwords: the server reads it as the user puppet.
pub fn add_hiera(tree: &mut Tree, data: &BTreeMap<String, Value>, time: Timestamp) -> Result<()> {
    let meta = private::meta(tree, 0o640, time)?;
    tree.put(HIERA, Entry { meta, node: Node::File(hiera_text(data).into()) })
}

/// YAML with one key per line. `%{` in a value is escaped: otherwise Hiera would look up what the
/// text names.
fn hiera_text(data: &BTreeMap<String, Value>) -> String {
    let mut out = String::from("---\n");
    for (key, value) in data {
        out.push_str(&yaml_scalar(key));
        out.push_str(": ");
        flow(&mut out, value);
        out.push('\n');
    }
    if data.is_empty() {
        out.push_str("{}\n");
    }
    out
}

fn flow(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&yaml_number(&number.to_string())),
        Value::String(text) => {
            out.push_str(&yaml_scalar(&text.replace("%{", "%{literal('%')}{")));
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                flow(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                out.push_str(&yaml_scalar(key));
                out.push_str(": ");
                flow(out, item);
            }
            out.push('}');
        }
    }
}

/// YAML 1.1 takes `1e-7` for a string: its floats have a dot, and a sign in the exponent.
fn yaml_number(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return text.to_owned() };
    let dot = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{digits}{dot}e{sign}{exponent}")
}

/// Adds the profile's extra files.
pub fn add_files(tree: &mut Tree, files: &[ExtraFile], inputs: &Inputs) -> Result<()> {
    for file in files {
        add_file(tree, file, inputs)
            .map_err(|e| if e.path().is_some() { e } else { e.at(&file.path) })?;
    }
    Ok(())
}

fn add_file(tree: &mut Tree, file: &ExtraFile, inputs: &Inputs) -> Result<()> {
    let path = TreePath::new(file.path.as_bytes())?;
    if !file.path.starts_with('/') || path.is_root() || file.path.ends_with('/') {
        return Err(Error::new(Kind::Input, "an extra file needs an absolute path"));
    }
    for place in CLOSED {
        if path.starts_with(&TreePath::new(place.as_bytes())?) {
            return Err(Error::new(Kind::Input, format!("{place} is not for extra files"))
                .remedy("choose another place, as in /etc or /opt"));
        }
    }
    if tree.get(&path).is_some_and(|e| matches!(e.node, Node::Directory)) {
        return Err(Error::new(Kind::Input, "a folder of the base has this name"));
    }
    let content: Content = match (&file.content, &file.source) {
        (Some(text), None) => text.as_str().into(),
        (None, Some(source)) => {
            let bytes = inputs.sources.get(source).ok_or_else(|| {
                Error::new(Kind::NotFound, format!("the source {source:?} was not read"))
            })?;
            bytes.clone().into()
        }
        _ => {
            return Err(Error::new(Kind::Input, "an extra file needs either content or source"));
        }
    };
    tree.put_file(&file.path, mode(&file.mode)?, inputs.time, content)
}

fn mode(text: &str) -> Result<u16> {
    let octal = text.len() <= 5 && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match u16::from_str_radix(text, 8) {
        Ok(bits) if octal && bits <= MODE_BITS => Ok(bits),
        _ => Err(Error::new(Kind::Input, format!("{text:?} is not a mode"))
            .remedy("write octal digits, as in \"0644\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_floats_for_yaml() {
        assert_eq!(yaml_number("1e-7"), "1.0e-7");
        assert_eq!(yaml_number("1.5e20"), "1.5e+20");
        assert_eq!(yaml_number("12"), "12");
    }

    #[test]
    fn a_mode_is_octal() {
        assert_eq!(mode("0644").unwrap(), 0o644);
        assert_eq!(mode("4755").unwrap(), 0o4755);
        for bad in ["", "644x", "8", "+644", "100000", "-1"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hieras_interpolation_is_switched_off() {
        let data = BTreeMap::from([("k".to_owned(), Value::from("%{facts.x}"))]);
        assert_eq!(hiera_text(&data), "---\n\"k\": \"%{literal('%')}{facts.x}\"\n");
    }
}
