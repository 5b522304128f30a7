//! Other TOML files of a project that are read as profiles are: a schema made from types, all errors at once, each at
//! its place.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use super::node::{self, Table};
use super::{Objection, objection, schema, walk};
use crate::error::Result as Checked;
use crate::written;

/// A file that was read, with the place of each value.
pub struct Written {
    tree: Table,
    file: SourceFile,
}

/// The schema of such a file for editors.
pub fn schema_of<T: JsonSchema>() -> Value {
    let mut value = schema::derive_for::<T>();
    schema::drop_rules(&mut value);
    value
}

impl Written {
    /// Reads a file; `what` names it in messages, as in "the policy". What is wrong in it is inside.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read<T: JsonSchema + DeserializeOwned>(
        path: &Path,
        what: &str,
    ) -> Checked<Result<(T, Self), Diagnostics>> {
        Ok(Self::parse(path, &written::text(path, what)?))
    }

    /// The same for a text that is not in its file yet.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn parse<T: JsonSchema + DeserializeOwned>(
        path: &Path,
        text: &str,
    ) -> Result<(T, Self), Diagnostics> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        let mut errors = Vec::new();
        let tree = node::parse(text, 0, &mut errors);
        if errors.is_empty() {
            walk::check(
                &schema::derive_for::<T>(),
                &tree,
                std::slice::from_ref(&file),
                &mut errors,
            );
        }
        let written = Self { tree, file };
        if !errors.is_empty() {
            return Err(Diagnostics::new(vec![written.file], errors));
        }
        match serde_json::from_value(node::table_to_json(&written.tree)) {
            Ok(value) => Ok((value, written)),
            Err(e) => {
                let error = Diagnostic::of_file(0, e.to_string());
                Err(Diagnostics::new(vec![written.file], vec![error]))
            }
        }
    }

    /// Reports objections to what it says, each at its place.
    pub fn object(self, objections: &[Objection<'_>]) -> Diagnostics {
        let errors = objections.iter().map(|o| objection(&self.tree, o)).collect();
        Diagnostics::new(vec![self.file], errors)
    }
}
