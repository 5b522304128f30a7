//! What is wrong in a file, where, and what is allowed, shown the way a compiler does.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::suggest::wrapped;
use crate::error::{Error, FileError, Kind};

/// A file that was read, kept for the excerpts in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, as the caller gave it.
    pub path: PathBuf,
    /// Its whole text.
    pub text: String,
}

/// A range of bytes in one of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index into [`Diagnostics::files`].
    pub file: usize,
    /// Bytes in that file's text.
    pub span: Range<usize>,
}

/// One error of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// One fact, lowercase.
    pub message: String,
    /// The file that is wrong.
    pub file: usize,
    /// The offending bytes; none when something is missing.
    pub span: Option<Range<usize>>,
    /// Shown under the span.
    pub label: String,
    /// Other places that the reader must see to understand, each with its label.
    pub also: Vec<(Place, String)>,
    /// What is allowed, and what to do.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at a place; the label says briefly what is wrong or meant there.
    pub fn at(place: &Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            file: place.file,
            span: Some(place.span.clone()),
            label: label.into(),
            also: Vec::new(),
            help: Vec::new(),
        }
    }

    /// An error about a whole file.
    pub fn of_file(file: usize, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            file,
            span: None,
            label: String::new(),
            also: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Shows a second place.
    #[must_use]
    pub fn also(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.also.push((place.clone(), label.into()));
        self
    }
}

/// How errors are shown; the caller knows the terminal, the library does not.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Whether ANSI colours may be used.
    pub color: bool,
    /// Columns of the terminal; none for no limit.
    pub width: Option<usize>,
    /// The user's current folder, which is left out at the start of the paths shown.
    pub here: Option<PathBuf>,
}

/// All errors of one profile and of those that it inherits from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The profile first, then its parent, and so on.
    pub files: Vec<SourceFile>,
    /// Sorted by file and place.
    pub errors: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts errors by file and place, those without a place last, and drops repetitions.
    pub(super) fn new(files: Vec<SourceFile>, mut errors: Vec<Diagnostic>) -> Self {
        errors.sort_by_key(|e| {
            let span = e.span.as_ref();
            (e.file, span.is_none(), span.map(|span| (span.start, span.end)))
        });
        errors.dedup();
        Self { files, errors }
    }

    /// All errors as text, with an empty line between them.
    pub fn render(&self, style: &Style) -> String {
        let renderer = if style.color { Renderer::styled() } else { Renderer::plain() }
            .term_width(style.width.unwrap_or(DEFAULT_TERM_WIDTH));
        let shown: Vec<String> =
            self.errors.iter().map(|error| renderer.render(&[self.group(error, style)])).collect();
        shown.join("\n\n")
    }

    /// All errors, for programs to read.
    pub fn reports(&self) -> Vec<FileError> {
        self.errors.iter().map(|error| self.report(error)).collect()
    }

    /// Keeps the errors for which `wanted` is true, which may be none.
    #[must_use]
    pub fn retain(mut self, mut wanted: impl FnMut(&FileError) -> bool) -> Self {
        let mut keep = self.reports().into_iter().map(|report| wanted(&report));
        self.errors.retain(|_| keep.next().unwrap_or_default());
        self
    }

    /// Attaches these errors to `error`, which stands for them. `shown` turns a path into the form
    /// that the user would write.
    pub fn behind(self, error: Error, shown: impl Fn(&Path) -> PathBuf) -> Error {
        let mut errors = self.reports();
        errors.iter_mut().for_each(|error| error.file = shown(&error.file));
        error.for_files(errors).because(self)
    }

    fn report(&self, error: &Diagnostic) -> FileError {
        let file = &self.files[error.file];
        let position = error.span.as_ref().map(|span| position(&file.text, span.start));
        FileError {
            file: file.path.clone(),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            message: error.message.clone(),
            label: error.label.clone(),
            help: error.help.clone(),
        }
    }

    fn group<'a>(&'a self, error: &'a Diagnostic, style: &Style) -> Group<'a> {
        let title = Level::ERROR.primary_title(&error.message);
        let path = |file: usize| shown(&self.files[file].path, style);
        let Some(span) = &error.span else {
            let mut group = title.element(Origin::path(path(error.file)));
            for help in &error.help {
                group = group.element(Level::HELP.message(sentence(help, style)));
            }
            return group;
        };
        let primary = AnnotationKind::Primary.span(span.clone()).label(&error.label);
        let mut snippet = self.snippet(error.file, style).annotation(primary);
        for (place, label) in error.also.iter().filter(|(place, _)| place.file == error.file) {
            let context = AnnotationKind::Context.span(place.span.clone());
            snippet = snippet.annotation(context.label(label));
        }
        let mut group = title.element(snippet);
        for (place, label) in error.also.iter().filter(|(place, _)| place.file != error.file) {
            let context = AnnotationKind::Context.span(place.span.clone());
            group = group.element(self.snippet(place.file, style).annotation(context.label(label)));
        }
        for help in &error.help {
            group = group.element(Level::HELP.message(sentence(help, style)));
        }
        group
    }

    fn snippet<'a>(
        &'a self,
        file: usize,
        style: &Style,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let source = &self.files[file];
        Snippet::source(&source.text).path(shown(&source.path, style))
    }
}

fn shown(path: &Path, style: &Style) -> String {
    let below = style.here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// A sentence as it is shown: short paths, short lines.
fn sentence(text: &str, style: &Style) -> String {
    match &style.here {
        Some(here) => wrapped(&text.replace(&format!("{}/", here.display()), "")),
        None => wrapped(text),
    }
}

/// Line and column, from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Style::default()))
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostics> for Error {
    /// For callers that only pass errors on: the cause is the text of all errors.
    fn from(diagnostics: Diagnostics) -> Self {
        let count = diagnostics.errors.len();
        let noun = if count == 1 { "error" } else { "errors" };
        let error = Self::new(Kind::Input, format!("the profile has {count} {noun}"));
        let error = match diagnostics.files.first() {
            Some(file) => error.at(&file.path),
            None => error,
        };
        diagnostics.behind(error, Path::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        assert_eq!(position("a\nüb = 1\n", "a\nüb".len()), (2, 3));
        assert_eq!(position("", 0), (1, 1));
    }
}
