//! One night on many machines that see one project folder: what Slurm and Kubernetes are given.
//!
//! Which shards are begun is read from their journals, and not asked of the scheduler: a task that Slurm calls done may
//! have been killed in the middle, and `scontrol requeue` holds a task, and the report that waits for it, for minutes.

use std::path::{Path, PathBuf};

use tera::Context as Values;

use super::ground::Ground;
use super::job::Event;
use super::shard::Shard;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::journal;
use crate::template::{Language, render};

const SHARD: &str = include_str!("../../templates/nightly/shard.sh");
const REPORT: &str = include_str!("../../templates/nightly/report.sh");
const MANIFEST: &str = include_str!("../../templates/nightly/kubernetes.yaml");
const JOB: &str = include_str!("../../templates/nightly/job.yaml");

/// How a container knows the night: by its name, or by that of the Job that the CronJob made for it (Kubernetes, "Jobs":
/// the label is on every Pod since 1.27).
const THIS_NIGHT: &str = "value: \"{{ night }}\"";
const ITS_JOB: &str =
    "valueFrom:\n  fieldRef:\n    fieldPath: metadata.labels['batch.kubernetes.io/job-name']";

/// A night that is shared.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Its name.
    pub night: String,
    /// How many shards there are.
    pub shards: usize,
}

/// A file that a scheduler is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its name in the night's folder.
    pub name: &'static str,
    /// Its text.
    pub text: String,
}

impl Shared {
    /// A night of so many shards of so many customers.
    ///
    /// # Errors
    /// [`Kind::Input`] when a shard would have no customer.
    pub fn new(night: String, shards: usize, customers: usize) -> Result<Self> {
        match (1..=customers.max(1)).contains(&shards) {
            true => Ok(Self { night, shards }),
            false => Err(Error::new(
                Kind::Input,
                format!("{shards} shards cannot share {customers} customers"),
            )
            .remedy(format!("give --shards a number from 1 to {}", customers.max(1)))),
        }
    }

    /// The shards that are not over, by their journals, counted from 0 as arrays are.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn open(&self, ground: &Ground) -> Result<Vec<usize>> {
        let mut open = Vec::new();
        for index in 0..self.shards {
            let path = ground.journal(&self.night, Some(self.shard(index)?));
            let is_over = match file::look(&path)? {
                None => false,
                Some(_) => {
                    matches!(journal::read::<Event>(&path)?.last(), Some(Event::Ended { .. }))
                }
            };
            if !is_over {
                open.push(index);
            }
        }
        Ok(open)
    }

    fn shard(&self, index: usize) -> Result<Shard> {
        Shard::read(&format!("{}/{}", index + 1, self.shards), None)
    }

    /// The script of a Slurm array's tasks, and the one that makes the report afterwards.
    ///
    /// # Errors
    /// A path that a shell cannot be given.
    pub fn slurm(&self, program: &Path, project: &Path) -> Result<[Script; 2]> {
        let mut values = Values::new();
        values.insert("night", &self.night);
        values.insert("shard", &format!("auto/{}", self.shards));
        values.insert("program", text(program)?);
        values.insert("project", text(project)?);
        let fill = |name, template: &str| -> Result<Script> {
            // the first comment is for people: the name of a night needs no quotes
            let template = template.replace("{{ night_text }}", &self.night);
            Ok(Script { name, text: render(Language::Shell, name, &template, &values)? })
        };
        Ok([fill("shard.sh", SHARD)?, fill("report.sh", REPORT)?])
    }

    /// A Kubernetes Indexed Job for this night, and a CronJob for every one; `claim` is a volume with the project.
    ///
    /// # Errors
    /// A name that Kubernetes cannot have.
    pub fn kubernetes(&self, image: &str, claim: &str) -> Result<Script> {
        const NAME: &str = "kubernetes.yaml";
        let mut values = Values::new();
        values.insert("night", &self.night);
        values.insert("shards", &self.shards);
        values.insert("image", image);
        values.insert("claim", claim);
        let job = |name: &str| JOB.replace("{{ name }}", &indented(name, 12));
        let manifest = MANIFEST
            .replace("{{ job }}", &indented(&job(THIS_NIGHT), 2))
            .replace("{{ cron }}", &indented(&job(ITS_JOB), 6));
        Ok(Script { name: NAME, text: render(Language::Word, NAME, &manifest, &values)? })
    }
}

/// Slurm's words for an array of these tasks.
pub fn array(open: &[usize]) -> String {
    open.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::new(Kind::Input, "the path is no text, which a script cannot hold")
            .at(PathBuf::from(path))
    })
}

fn indented(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    let lines: Vec<String> = text.lines().map(|line| format!("{margin}{line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_without_a_customer_is_refused_and_an_array_is_written_as_slurm_reads_it() {
        assert!(Shared::new("n".to_owned(), 3, 3).is_ok());
        let refused = Shared::new("n".to_owned(), 4, 3).unwrap_err();
        assert_eq!(refused.kind(), Kind::Input);
        assert!(Shared::new("n".to_owned(), 0, 3).is_err());
        assert_eq!(array(&[0, 3, 5]), "0,3,5");
    }

    #[test]
    fn what_a_script_is_filled_with_stays_one_word() {
        let shared = Shared::new("n".to_owned(), 2, 2).unwrap();
        let [shard, report] =
            shared.slurm(Path::new("/usr/bin/slipway"), Path::new("/a b/it's")).unwrap();
        assert!(shard.text.contains("cd '/a b/it'\\''s' || exit"), "{}", shard.text);
        assert!(report.text.contains("nightly report 'n' --project '/a b/it'\\''s'"));
        assert!(shared.kubernetes("registry/slipway:1", "claim\nx: y").is_err());
    }
}
