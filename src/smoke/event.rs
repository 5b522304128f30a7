//! What happens to a running machine, as its console and its monitor tell it.

/// One happening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line on the serial console.
    Line(String),
    /// An event of QEMU: its name and its reason, as in ("SHUTDOWN", "guest-reset").
    Qemu(String, String),
    /// The console is closed: QEMU has ended.
    Closed,
}
