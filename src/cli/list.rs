//! `slipway list`.

use anstyle::{AnsiColor, Style};
use dialoguer::console::measure_text_width;
use serde::Serialize;

use crate::error::Result;
use crate::profile::{Addressing, Diagnostics, Loaded, Profile, Release};
use crate::project::{self as projects, Project, Surroundings};

use super::project::{self, counted, shown};
use super::terminal;

/// Arguments of `slipway list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON, with every profile as it is after inheritance
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let rows = rows(&project)?;
    if args.json {
        terminal::print_json(&rows)?;
    } else if rows.is_empty() {
        terminal::complain("there are no profiles yet; write one with `slipway new`");
    } else {
        terminal::print(table(&rows))?;
        tell_broken(&rows);
    }
    Ok(0)
}

/// One profile; a broken one has errors in the place of its content.
#[derive(Serialize)]
struct Row {
    name: String,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
    #[serde(skip_serializing_if = "is_zero")]
    errors: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn rows(project: &Project) -> Result<Vec<Row>> {
    Ok(project.load_all()?.into_iter().map(row).collect())
}

fn row((path, loaded): projects::Read) -> Row {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = shown(&path).display().to_string();
    match loaded {
        Ok(Loaded { profile, .. }) => Row { name, file, profile: Some(profile), errors: 0 },
        Err(Diagnostics { errors, .. }) => Row { name, file, profile: None, errors: errors.len() },
    }
}

const HEADINGS: [&str; 7] =
    ["PROFILE", "CUSTOMER", "SITE", "RELEASE", "BASE", "ADDRESS", "FORMATS"];

fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let widths = cells.iter().filter_map(|row| row.get(column).filter(|_| row.len() > 2));
        let widest = widths.map(|cell| measure_text_width(cell)).max().unwrap_or(0);
        let names = cells.iter().filter(|_| column == 0).map(|row| measure_text_width(&row[0]));
        widest.max(HEADINGS[column].len()).max(names.max().unwrap_or(0))
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let bold = Style::new().bold();
    let head = line(HEADINGS.iter().copied(), &widths);
    let mut lines = vec![format!("{bold}{head}{bold:#}")];
    lines.extend(cells.iter().map(|row| line(row.iter().map(String::as_str), &widths)));
    lines.join("\n")
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.zip(widths) {
        line.push_str(cell);
        let gap = (width + 2).saturating_sub(measure_text_width(cell));
        line.extend(std::iter::repeat_n(' ', gap));
    }
    line.trim_end().to_owned()
}

fn cells(row: &Row) -> Vec<String> {
    let Some(profile) = &row.profile else {
        let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
        let errors = counted(row.errors, "error");
        return vec![row.name.clone(), format!("{red}broken: {errors}{red:#}")];
    };
    let release = match profile.release() {
        Ok(Release::Newest(channel)) => format!("newest {channel}"),
        Ok(Release::Pinned(version)) => version.to_owned(),
        Err(_) => String::new(),
    };
    let address = match profile.network.addressing() {
        Ok(Addressing::Static { address, .. }) => address.to_string(),
        Ok(Addressing::Dhcp) => "DHCP".to_owned(),
        Err(_) => String::new(),
    };
    let formats: Vec<String> = profile.formats.iter().map(ToString::to_string).collect();
    let (customer, site) = (profile.customer.name.clone(), profile.site.clone());
    vec![
        row.name.clone(),
        customer,
        site,
        release,
        profile.base.clone(),
        address,
        formats.join(", "),
    ]
}

fn tell_broken(rows: &[Row]) {
    let broken: Vec<&str> =
        rows.iter().filter(|row| row.profile.is_none()).map(|row| row.name.as_str()).collect();
    if !broken.is_empty() {
        terminal::complain(&format!("\nto see what is wrong: slipway check {}", broken.join(" ")));
    }
}
