//! What a night did, for people and programs. `value` is all of it as a value, made from the journals; `junit` and
//! `page` are two ways to show it, and `drawing` what is drawn on the page.

mod drawing;
mod junit;
mod page;
mod value;

use std::path::Path;

pub use value::{Customer, Image, Report, Run, Totals, Trend, Verdict, schema};

use super::ground::{Ground, Past, Written};
use crate::error::{Error, Kind, Result};
use crate::whole;

/// The report for programs.
pub const REPORT: &str = "report.json";
/// The report for CI servers.
pub const JUNIT: &str = "junit.xml";
/// The report for people.
pub const PAGE: &str = "index.html";

/// Less the umask; the folder is the user's alone.
const MODE: u32 = 0o666;

impl Report {
    /// Reads a report that was written.
    ///
    /// # Errors
    /// [`Kind::Refused`] for one of a newer format, [`Kind::Damaged`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |e| Error::new(Kind::Damaged, "this is no night's report").because(e);
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(damaged)?;
        if value["format"].as_u64().is_some_and(|format| format > u64::from(value::FORMAT)) {
            let message = format!("the report has format {}", value["format"]);
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        serde_json::from_value(value).map_err(damaged)
    }

    /// Writes all forms of it, each whole or not at all, into the night's folder and beside it, where CI servers look.
    pub fn save(&self, ground: &Ground, out: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|e| Error::new(Kind::Input, "the report cannot be written").because(e))?;
        let texts =
            [(REPORT, json + "\n"), (JUNIT, junit::junit(self)?), (PAGE, page::page(self, out)?)];
        for folder in [&ground.night(&self.night), ground.path()] {
            for (name, text) in &texts {
                whole::replace(&folder.join(name), MODE, text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Makes the report of a night from what was written down of it and of those before.
pub fn of(night: &Written, past: &Past, ground: &Ground) -> Result<Report> {
    value::report(night, past, ground)
}
