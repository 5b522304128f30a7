//! The figures as people read them.

/// One comparison: our seconds (or bytes) and the peer's, from the same run.
pub struct Row {
    /// The work.
    pub work: String,
    /// The peer.
    pub against: String,
    /// Ours.
    pub ours: Figure,
    /// The peer's.
    pub peer: Figure,
    /// The largest ratio that is good enough; none for a row that only shows the floor.
    pub reach: Option<f64>,
}

/// A number and its unit.
#[derive(Clone, Copy)]
pub enum Figure {
    /// Wall-clock time.
    Seconds(f64),
    /// A length.
    Bytes(f64),
}

impl Figure {
    fn value(self) -> f64 {
        match self {
            Self::Seconds(value) | Self::Bytes(value) => value,
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds:.2} s"),
            Self::Bytes(bytes) => write!(f, "{:.1} MB", bytes / 1e6),
        }
    }
}

/// A table for a page of text.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | against | ours | theirs | ratio | reach | |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Row { work, against, ours, peer, reach } in rows {
        let ratio = ours.value() / peer.value();
        let held = match reach {
            Some(reach) if ratio <= *reach => "holds",
            Some(_) => "**not reached**",
            None => "the floor",
        };
        let reach = reach.map_or_else(String::new, |reach| reach.to_string());
        text +=
            &format!("| {work} | {against} | {ours} | {peer} | {ratio:.3} | {reach} | {held} |\n");
    }
    text
}
