//! A web server for files: ranges, conditions, entity tags.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slipway::units::Digest;

use crate::faults::http::{Answer, Request};
use crate::faults::proxy::Origin;

/// Folders that represent the same store at successive times.
pub struct Files {
    pub times: Vec<PathBuf>,
    /// The index of the current one.
    pub now: Arc<AtomicUsize>,
}

impl Origin for Files {
    fn answer(&mut self, request: &Request) -> Answer {
        let now = &self.times[self.now.load(Ordering::SeqCst)];
        match std::fs::read(path(now, request)) {
            Ok(bytes) => conditional(request, &bytes),
            Err(_) => Answer::new("404 Not Found", &[], b"no"),
        }
    }

    fn older(&mut self, request: &Request) -> Option<Answer> {
        let bytes = std::fs::read(path(&self.times[0], request)).ok();
        let bytes = bytes.or_else(|| neighbour(&path(&self.times[0], request)))?;
        Some(conditional(request, &bytes))
    }
}

fn path(root: &Path, request: &Request) -> PathBuf {
    root.join(request.path.trim_start_matches('/').replace("%2B", "+"))
}

/// Another object of the same kind.
fn neighbour(path: &Path) -> Option<Vec<u8>> {
    let mut names: Vec<_> =
        std::fs::read_dir(path.parent()?).ok()?.map(|e| e.unwrap().path()).collect();
    names.sort();
    let name = names.iter().find(|p| p.extension() == path.extension() && *p != path)?;
    std::fs::read(name).ok()
}

fn conditional(request: &Request, bytes: &[u8]) -> Answer {
    let tag = format!("\"{}\"", Digest::of(bytes).short());
    if request.header("if-match").is_some_and(|wanted| wanted != tag) {
        return Answer::new("412 Precondition Failed", &[], b"");
    }
    if request.header("if-none-match") == Some(&tag) {
        return Answer::new("304 Not Modified", &[("etag", &tag)], b"");
    }
    let from = request.header("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-'));
    match from.map(|from| from.parse::<usize>().unwrap()) {
        None => Answer::new("200 OK", &[("etag", &tag)], bytes),
        Some(from) if from < bytes.len() => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            let headers = [("etag", tag.as_str()), ("content-range", &range)];
            Answer::new("206 Partial Content", &headers, &bytes[from..])
        }
        Some(_) => Answer::new("416 Range Not Satisfiable", &[], b""),
    }
}
