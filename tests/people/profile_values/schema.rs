//! The schema for editors, judged by a validator that we did not write.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use slipway::profile::{self, Audience, Diagnostics};

/// What a schema cannot see, by the checker's message or label: it depends on two values at once,
/// on a value's meaning, or on what exists.
const BEYOND: [&str; 20] = [
    "there is no base",
    "this source cannot be used",
    "a profile may not write",
    "two extra files in one place",
    "the gateway is",
    "a fixed address needs `gateway`",
    "`gateway` is only for a fixed address",
    "Puppet Server needs",
    "too small",
    "too large",
    "its base64 is",
    "an RSA key below 2048 bits",
    "no machine can have this address",
    "this is the network's own or its broadcast address",
    "not an address",
    "Hiera takes it for a lookup",
    "Hiera has no dates",
    // JSON has none either
    "this is not a finite number",
    "this text holds an invisible character",
    "does not know the old name",
];

struct Judge {
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    _child: Child,
}

static JUDGE: LazyLock<Mutex<Judge>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/judge-schema.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut ask = child.stdin.take().expect("its input");
    writeln!(ask, "{}", profile::schema(Audience::Customer)).expect("the schema");
    let answers = BufReader::new(child.stdout.take().expect("its output"));
    Mutex::new(Judge { ask, answers, _child: child })
});

/// The validator's verdict: none if it is valid, or else the reason.
fn judge(profile: &serde_json::Value) -> Option<String> {
    let mut judge = JUDGE.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(judge.ask, "{profile}").and_then(|()| judge.ask.flush()).expect("the validator");
    let mut answer = String::new();
    judge.answers.read_line(&mut answer).expect("an answer");
    match answer.trim_end() {
        "good" => None,
        "" => panic!("the validator ended: is python3-jsonschema there?"),
        why => Some(why.to_owned()),
    }
}

fn json(value: toml::Value) -> serde_json::Value {
    use toml::Value;
    match value {
        Value::String(text) => text.into(),
        Value::Integer(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::Boolean(flag) => flag.into(),
        Value::Datetime(moment) => moment.to_string().into(),
        Value::Array(items) => items.into_iter().map(json).collect(),
        Value::Table(table) => table.into_iter().map(|(k, v)| (k, json(v))).collect(),
    }
}

/// Asserts that the schema accepts what the checker accepts, and refuses what it refuses, except
/// what no schema can see.
pub(super) fn agrees<T>(text: &str, said: &Result<T, Diagnostics>) {
    let Ok(table) = text.parse::<toml::Table>() else { return };
    let answer = judge(&json(toml::Value::Table(table)));
    match (said, answer) {
        (Ok(_), Some(why)) => panic!("the schema refuses what the checker accepts: {why}\n{text}"),
        (Err(errors), None) => {
            let beyond = |words: &str| BEYOND.iter().any(|known| words.contains(known));
            let all = errors.errors.iter().all(|e| beyond(&e.message) || beyond(&e.label));
            assert!(all, "the schema accepts what the checker refuses:\n{errors}");
        }
        _ => {}
    }
}
