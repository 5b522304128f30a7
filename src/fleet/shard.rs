//! One of several calls that share a night's customers, on one machine or on many.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind, Result};

/// Which one of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    index: usize,
    /// How many there are.
    count: usize,
}

/// The word that takes the index from what started the process.
const AUTO: &str = "auto";

impl Shard {
    /// Reads "2/8"; "auto/8" takes the index from `array`, which counts from 0.
    ///
    /// # Errors
    /// [`Kind::Input`] for anything else, and where "auto" finds no index.
    pub fn read(text: &str, array: Option<&str>) -> Result<Self> {
        let (index, count) = text.split_once('/').unwrap_or(("", text));
        let count: usize = count.parse().map_err(|_| wrong(text))?;
        let index = match index {
            AUTO => from_array(array)?,
            index => index.parse().map_err(|_| wrong(text))?,
        };
        match (1..=count).contains(&index) {
            true => Ok(Self { index, count }),
            false => Err(Error::new(Kind::Input, format!("there is no shard {index} of {count}"))
                .remedy("shards are counted from 1; an array's tasks from 0")),
        }
    }

    /// The customers of this shard: every `count`-th by name, so that shards are of one size.
    pub fn of(self, mut customers: Vec<String>) -> Vec<String> {
        customers.sort();
        let ours =
            |(at, name): (usize, String)| (at % self.count + 1 == self.index).then_some(name);
        customers.into_iter().enumerate().filter_map(ours).collect()
    }

    /// In names of files.
    pub fn suffix(self) -> String {
        format!("-{}-of-{}", self.index, self.count)
    }
}

fn wrong(text: &str) -> Error {
    Error::new(Kind::Input, format!("{text:?} is no shard"))
        .remedy("write it as 2/8, or auto/8 in a Kubernetes Indexed Job or a Slurm array")
}

fn from_array(array: Option<&str>) -> Result<usize> {
    let missing = || {
        Error::new(Kind::Input, "nothing says which shard this is")
            .remedy("set JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID, or name the shard, as in 2/8")
    };
    let text = array.ok_or_else(missing)?;
    let index: usize = text.parse().map_err(|_| wrong(text))?;
    Ok(index + 1)
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::read(text, None)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_disjoint_complete_and_of_one_size() {
        let all: Vec<String> = (0..23).map(|n| format!("c{n:02}")).collect();
        for count in 1..9 {
            let parts = (1..=count).map(|i| format!("{i}/{count}").parse::<Shard>().unwrap());
            let parts: Vec<Vec<String>> = parts.map(|shard| shard.of(all.clone())).collect();
            let mut joined = parts.concat();
            joined.sort();
            assert_eq!(joined, all);
            assert!(parts.iter().all(|part| part.len().abs_diff(23 / count) <= 1), "{parts:?}");
        }
    }

    #[test]
    fn an_index_comes_from_an_array_only_where_that_is_asked_for() {
        assert_eq!(Shard::read("auto/8", Some("0")).unwrap().to_string(), "1/8");
        assert_eq!(Shard::read("2/8", Some("5")).unwrap().to_string(), "2/8");
        for (text, array) in [
            ("auto/8", None),
            ("auto/8", Some("8")),
            ("0/8", None),
            ("9/8", None),
            ("2", None),
            ("a/b", None),
        ] {
            assert!(Shard::read(text, array).is_err(), "{text} {array:?}");
        }
    }
}
