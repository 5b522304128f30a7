//! `slipway inspect`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use super::terminal::clean;
use crate::error::{Context, Error, Kind, Result};
use crate::inspect::{self, EfiFile, Report};
use crate::manifest::ImageRecord;

/// How many names of a program's certificates are shown: the first is who issued the signer's.
const SIGNERS: usize = 2;

/// Arguments of `slipway inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The image, in any format that slipway writes
    image: PathBuf,
    /// Print everything as JSON, every package included
    #[arg(long, conflicts_with = "file")]
    json: bool,
    /// Print one file of the image's root filesystem, as in /etc/fstab
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args) -> Result<u8> {
    if let Some(path) = &args.file {
        let mut out = std::io::stdout().lock();
        inspect::copy_file(&args.image, path, &mut out)?;
        out.flush().doing("cannot print")?;
        return Ok(0);
    }
    let report = inspect::inspect(&args.image)?;
    let text = if args.json { json(&report)? } else { people(&report) };
    std::io::stdout().write_all(text.as_bytes()).doing("cannot print")?;
    Ok(0)
}

fn json(report: &Report) -> Result<String> {
    let text = serde_json::to_string_pretty(report);
    let text = text.map_err(|e| Error::new(Kind::Io, "cannot write JSON").because(e))?;
    Ok(text + "\n")
}

/// Label and value, aligned.
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, value: impl std::fmt::Display) {
        // writing to a string does not fail
        let _ = writeln!(self.0, "{label:<10} {value}");
    }
}

fn people(report: &Report) -> String {
    let mut lines = Lines(String::new());
    let format = report.format;
    lines.add("image", format!("{format}, a disk of {} in {}", report.disk, report.file));
    match &report.record {
        Some(record) => add_record(&mut lines, record),
        None => lines.add("record", "none: slipway did not build this image"),
    }
    add_disk(&mut lines, report);
    lines.0
}

fn add_record(lines: &mut Lines, record: &ImageRecord) {
    let customer = &record.profile.customer;
    lines.add("customer", format!("{} ({})", customer.id, clean(&customer.name)));
    lines.add("release", format!("{}, site {}", record.bundle.release, record.bundle.site));
    lines.add("bundle", record.bundle.digest);
    lines.add("base", format!("{}, {}", record.base.name, record.base.digest.short()));
    lines.add("packages", format!("{} (--json names them)", record.packages.len()));
    lines.add("plan", record.plan);
    lines.add("time", record.time);
    lines.add("builder", format!("slipway {}", record.builder));
}

fn add_disk(lines: &mut Lines, report: &Report) {
    let root = &report.root;
    lines.add("system", clean(root.system.as_deref().unwrap_or("unknown")));
    lines.add("kernel", clean(root.boots.as_deref().unwrap_or("none")));
    for kernel in &root.kernels {
        lines.add("", clean(kernel));
    }
    lines.add("root", format!("ext4 {} {}", root.uuid, clean(&root.label)));
    let table =
        if report.table.both_copies { "both copies are whole" } else { "one copy is broken" };
    lines.add("table", format!("GPT {}, {table}", report.table.disk_guid));
    for part in &report.table.partitions {
        let (size, start) =
            (part.size.to_string(), crate::units::ByteSize(part.offset).to_string());
        let name = clean(&part.name);
        lines.add("", format!("{}  {name:<10} {size:>10} at {start:>8}  {}", part.slot, part.guid));
    }
    lines.add("BIOS", if report.boot.bios { "GRUB" } else { "does not boot" });
    for (i, file) in report.boot.efi.iter().enumerate() {
        lines.add(if i == 0 { "UEFI" } else { "" }, efi_file(file));
    }
    if report.boot.efi.is_empty() {
        lines.add("UEFI", "does not boot");
    }
}

fn efi_file(file: &EfiFile) -> String {
    let signed = match &file.signers {
        None => String::new(),
        Some(names) if names.is_empty() => "not signed".to_owned(),
        Some(names) if names.len() <= SIGNERS => format!("signed: {}", clean(&names.join(", "))),
        Some(names) => {
            let more = names.len() - SIGNERS;
            format!("signed: {} and {more} more", clean(&names[..SIGNERS].join(", ")))
        }
    };
    let line = format!("{:<22} {:>10}  {signed}", clean(&file.path), file.size.to_string());
    line.trim_end().to_owned()
}
