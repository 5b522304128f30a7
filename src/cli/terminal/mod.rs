//! What is printed, and how: results on stdout, everything else on stderr.
//!
//! `speech` has the options for how much is said (`level`), `steps` the progress of long work, `estimates` how long each
//! step took the last time, `signals` what tells the process to stop.

mod estimates;
mod level;
mod signals;
mod speech;
mod steps;

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dialoguer::Confirm;
use dialoguer::console::Term;
use dialoguer::theme::ColorfulTheme;
use serde::Serialize;
use signal_hook::consts::SIGINT;

use crate::error::{Context as _, Error, Kind, Result};

use level::Level;

pub(super) use signals::stopped_by;
pub(super) use speech::Speech;
pub(super) use steps::Terminal;

/// Prints a result on stdout. Colours are taken away where they are not wanted.
///
/// # Errors
/// Also a reader that went away: `println!` would panic then.
pub(super) fn print(text: impl Display) -> Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).doing("cannot write to stdout")
}

/// Prints a value on stdout, for programs.
///
/// # Errors
/// As for [`print`].
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::Io, "cannot write JSON").because(e))?;
    print(text)
}

/// Prints on stderr; when nobody reads it there is nobody to tell.
pub(super) fn complain(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints advice on stderr, or other words that `--quiet` does without.
pub(super) fn advise(text: &str) {
    if Level::get() != Level::Quiet {
        complain(text);
    }
}

/// Whether advice and progress are not wanted.
pub(super) fn is_quiet() -> bool {
    Level::get() == Level::Quiet
}

/// An image's text without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Columns of the terminal that stderr is.
pub(super) fn width() -> Option<usize> {
    Term::stderr().size_checked().map(|(_, columns)| usize::from(columns))
}

/// Whether a person can be asked.
pub(super) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks questions so that Ctrl-C ends them with an error, and not the process in their middle, which
/// would leave the terminal without a cursor.
pub(super) fn with_interrupt_as_error<T>(questions: impl FnOnce() -> Result<T>) -> Result<T> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let id = signal_hook::flag::register(SIGINT, interrupted).doing("cannot watch for Ctrl-C")?;
    let answer = questions();
    signal_hook::low_level::unregister(id);
    let _ = Term::stderr().show_cursor();
    answer
}

/// Asks a question whose answer is no unless somebody says yes.
pub(super) fn confirm(question: &str) -> Result<bool> {
    let theme = ColorfulTheme::default();
    let asked = || Confirm::with_theme(&theme).with_prompt(question).default(false).interact();
    with_interrupt_as_error(|| {
        asked().map_err(|dialoguer::Error::IO(e)| match e.kind() {
            std::io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "nothing was changed"),
            _ => Error::new(Kind::Io, "cannot ask on this terminal").because(e),
        })
    })
}
