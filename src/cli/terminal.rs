//! What is printed, and how: results on stdout, everything else on stderr.

use std::fmt::Display;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::Confirm;
use dialoguer::console::Term;
use dialoguer::theme::ColorfulTheme;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::error::{Context as _, Error, Kind, Result};
use crate::progress::Progress;

/// How often the bar moves when no bytes come.
const TICK: Duration = Duration::from_millis(120);

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

/// Shows progress on stderr: a moving bar on a terminal, plain lines elsewhere.
pub(super) struct Terminal {
    bar: Option<Mutex<Option<Step>>>,
    /// What is being done, for whoever interrupts it.
    doing: Arc<Mutex<String>>,
}

struct Step {
    name: String,
    begun: Instant,
    bar: ProgressBar,
}

impl Terminal {
    /// Looks at stderr once.
    pub fn new() -> Self {
        let moving = std::io::stderr().is_terminal();
        Self { bar: moving.then(|| Mutex::new(None)), doing: Arc::default() }
    }

    /// The same, and Ctrl-C (or a job's end) says what was stopped and, in the words of `stays`, what is left.
    pub fn interruptible(stays: &'static str) -> Result<Self> {
        let terminal = Self::new();
        for signal in [SIGINT, SIGTERM] {
            let (mut heard, told) = UnixStream::pair().doing("cannot watch for Ctrl-C")?;
            let registered = signal_hook::low_level::pipe::register(signal, told);
            registered.doing("cannot watch for Ctrl-C")?;
            let doing = terminal.doing.clone();
            let wait = move || {
                if heard.read_exact(&mut [0]).is_ok() {
                    let doing = doing.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ = Term::stderr().show_cursor();
                    complain(&format!("stopped: {doing}\n  {stays}"));
                    // what a shell reports for a program that a signal ended
                    std::process::exit(128 + signal);
                }
            };
            std::thread::Builder::new().spawn(wait).doing("cannot start a thread")?;
        }
        Ok(terminal)
    }
}

impl Progress for Terminal {
    fn step(&self, name: &str, total: Option<u64>) {
        name.clone_into(&mut self.doing.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(current) = &self.bar else {
            return complain(name);
        };
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        finish(current.take());
        *current =
            Some(Step { name: name.to_owned(), begun: Instant::now(), bar: bar(name, total) });
    }

    fn advance(&self, bytes: u64) {
        if let Some(current) = &self.bar
            && let Some(step) = &*current.lock().unwrap_or_else(PoisonError::into_inner)
        {
            step.bar.inc(bytes);
        }
    }

    fn note(&self, line: &str) {
        let line = format!("  {line}");
        let Some(current) = &self.bar else {
            return complain(&line);
        };
        match &*current.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(step) => step.bar.suspend(|| complain(&line)),
            None => complain(&line),
        }
    }
}

impl Drop for Terminal {
    /// The last step ends with the work.
    fn drop(&mut self) {
        if let Some(current) = &self.bar {
            finish(current.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

fn finish(step: Option<Step>) {
    if let Some(step) = step {
        step.bar.finish_and_clear();
        complain(&format!("{:<30} {:>7.1} s", step.name, step.begun.elapsed().as_secs_f64()));
    }
}

fn bar(name: &str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg:<30} {bar:16} {binary_bytes:>10} of {binary_total_bytes:<10} {eta:>4}",
        ),
        None => (ProgressBar::new_spinner(), "{msg:<30} {spinner} {elapsed}"),
    };
    // the template is ours; a wrong one would show the default look
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    // its thread is one more than needed, and would end the program where there are no more
    if std::thread::Builder::new().spawn(|| ()).is_ok() {
        bar.enable_steady_tick(TICK);
    }
    bar
}
