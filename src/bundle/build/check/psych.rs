//! Ruby's own YAML reader, which Puppet reads Hiera's data with: where it is at hand, it judges, not ours.

use std::io::Write;
use std::process::Stdio;

use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};

/// What reads the files and says what is wrong in them.
const SCRIPT: &str = include_str!("psych.rb");

/// A file, a line and what is wrong there.
pub(super) type Fault = (String, usize, String);

/// What Psych says of files, given as path and text; none where there is no Ruby.
pub(super) fn judge(files: &[(&str, String)]) -> Result<Option<Vec<Fault>>> {
    let mut ruby = command::seeing("ruby", Sees::Plain);
    ruby.args(["--disable=gems", "-Ku", "-e", SCRIPT])
        .env("LC_ALL", "C.UTF-8")
        .env_remove("RUBYOPT");
    ruby.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match ruby.spawn() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        started => started.map_err(|e| command::cannot_start("ruby", "ruby", e))?,
    };
    let text = serde_json::to_vec(files)
        .map_err(|e| Error::new(Kind::Io, "cannot write what Ruby shall read").because(e))?;
    if let Some(mut input) = child.stdin.take() {
        // all is read before a word is said, and a Ruby that fails says why itself
        let _ = input.write_all(&text);
    }
    let output = child.wait_with_output().doing("cannot wait for ruby")?;
    command::check("ruby", &output)?;
    serde_json::from_slice(&output.stdout).map(Some).map_err(|e| {
        Error::new(Kind::Tool, "what Ruby says of Hiera's files is not valid").because(e)
    })
}
