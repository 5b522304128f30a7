//! The proxy: one connection after the other, each with the fault that the seed determines.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::faults::fault::{Dice, Fault, Met, REFUSALS};
use crate::faults::http::{Answer, Request};

/// Longer than any client here stays silent: nothing waits for ever.
const LONGEST: Duration = Duration::from_secs(5);

/// The server behind the proxy.
pub trait Origin: Send + 'static {
    fn answer(&mut self, request: &Request) -> Answer;
    /// An earlier answer, or the answer for another object.
    fn older(&mut self, request: &Request) -> Option<Answer>;
}

/// Whether anybody listens.
#[derive(Debug, Default)]
pub struct Gate {
    /// The number of waits until somebody listens again, and whether nobody listens now.
    state: Mutex<(u32, bool)>,
    changed: Condvar,
}

impl Gate {
    /// Counts one wait. After the last one, returns once the proxy listens.
    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        if state.0 > 0 {
            state.0 -= 1;
            self.await_open(state);
        }
    }

    fn open(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = 0;
        self.await_open(state);
    }

    fn await_open(&self, state: std::sync::MutexGuard<'_, (u32, bool)>) {
        self.changed.notify_all();
        let shut = |state: &mut (u32, bool)| state.0 == 0 && state.1;
        drop(self.changed.wait_timeout_while(state, LONGEST, shut).unwrap());
    }

    /// Stays away until there were enough waits.
    fn away(&self, address: SocketAddr) -> TcpListener {
        let state = self.state.lock().unwrap();
        let mut state = self.changed.wait_timeout_while(state, LONGEST * 4, |s| s.0 > 0).unwrap().0;
        let listener = TcpListener::bind(address).unwrap();
        *state = (0, false);
        self.changed.notify_all();
        listener
    }
}

#[derive(Default)]
struct Shared {
    gate: Arc<Gate>,
    /// None: everything passes unchanged.
    dice: Mutex<Option<Dice>>,
    met: Mutex<Vec<Met>>,
    done: AtomicBool,
}

pub struct Proxy {
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub fn before(mut origin: impl Origin) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            let mut listener = Some(listener);
            while !serving.done.load(Ordering::SeqCst) {
                let here = listener.take().unwrap_or_else(|| serving.gate.away(address));
                let Ok((stream, _)) = here.accept() else { return };
                listener = serving.serve(stream, here, &mut origin);
            }
        });
        Self { url: format!("http://{address}"), address, shared, thread: Some(thread) }
    }

    pub fn gate(&self) -> &Arc<Gate> {
        &self.shared.gate
    }

    /// From now on, this seed's faults occur.
    pub fn begin(&self, seed: u64) {
        *self.shared.dice.lock().unwrap() = Some(Dice::of(seed));
    }

    /// From now on, no faults occur; returns those that were met.
    pub fn calm(&self) -> Vec<Met> {
        *self.shared.dice.lock().unwrap() = None;
        self.shared.gate.open();
        std::mem::take(&mut *self.shared.met.lock().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.done.store(true, Ordering::SeqCst);
        self.shared.gate.open();
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Returns the listener, unless nobody should listen now.
    fn serve(
        &self,
        mut stream: TcpStream,
        listener: TcpListener,
        origin: &mut impl Origin,
    ) -> Option<TcpListener> {
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        stream.set_write_timeout(Some(LONGEST)).unwrap();
        stream.set_nodelay(true).unwrap();
        let Some(request) = Request::peek(&mut stream) else { return Some(listener) };
        let mut dice = self.dice.lock().unwrap().clone();
        let fault = dice.as_mut().map_or(Fault::None, Fault::draw);
        self.met.lock().unwrap().push(Met {
            fault,
            path: request.path.clone(),
            conditional: request.header("if-none-match").is_some() && request.method == "GET",
        });
        if fault == Fault::Refused {
            *self.gate.state.lock().unwrap() = (REFUSALS, true);
            self.keep(dice);
            drop(listener);
            return None;
        }
        let mut dice = dice.unwrap_or_else(|| Dice::of(0));
        let answer = spoilt(fault, &request, origin, &mut dice);
        self.keep(Some(dice.clone()));
        send(fault, &answer, &mut stream, &mut dice);
        Some(listener)
    }

    /// Puts the dice back, unless the faults have ended.
    fn keep(&self, dice: Option<Dice>) {
        let mut kept = self.dice.lock().unwrap();
        if kept.is_some() {
            *kept = dice;
        }
    }
}

/// The answer, with the fault in it.
fn spoilt(fault: Fault, request: &Request, origin: &mut impl Origin, dice: &mut Dice) -> Answer {
    if fault == Fault::Unavailable && dice.below(2) == 0 {
        return Answer::new("503 Service Unavailable", &[], b"");
    }
    if fault == Fault::Busy {
        let seconds = dice.below(90).to_string();
        return Answer::new("429 Too Many Requests", &[("retry-after", &seconds)], b"later");
    }
    if let (Fault::Old, Some(old)) = (fault, origin.older(request)) {
        return old;
    }
    let mut asked = request.clone();
    if fault == Fault::Whole {
        asked.headers.retain(|(name, _)| name != "range");
    }
    let mut answer = origin.answer(&asked);
    let n = answer.body.len();
    match fault {
        Fault::Unavailable => return Answer::new("503 Service Unavailable", &[], b""),
        Fault::Unchanged => return Answer::new("304 Not Modified", &[], b""),
        Fault::Short => {
            answer.body.truncate(dice.below(n));
            answer.length = answer.body.len();
        }
        Fault::Long => answer.length += 1 + dice.below(1000),
        Fault::Corrupt if n > 0 => {
            for _ in 0..=dice.below(3) {
                answer.body[dice.below(n)] ^= 1 << dice.below(8);
            }
        }
        Fault::Repeat => {
            let from = dice.below(n);
            let twice = answer.body[from..].to_vec();
            answer.body.extend_from_slice(&twice);
            // claimed to be longer, or cut to the length that it should have
            answer.length = if dice.below(2) == 0 { answer.body.len() } else { n };
            answer.body.rotate_right(dice.below(2) * (n - from));
            answer.body.truncate(answer.length);
        }
        Fault::WrongPart if request.method == "GET" => {
            answer.status = "206 Partial Content".to_owned();
            answer.set("content-range", "bytes 7-9999999/10000000");
        }
        Fault::OtherTag => answer.set("etag", &format!("\"other-{}\"", dice.below(9))),
        _ => {}
    }
    answer
}

/// Sends the answer, or as much of it as should arrive.
fn send(fault: Fault, answer: &Answer, stream: &mut TcpStream, dice: &mut Dice) {
    let mut head = answer.head();
    if fault == Fault::CorruptHead {
        let at = dice.below(head.len());
        head[at] ^= 1 << dice.below(7);
    }
    let whole = head.len() + answer.body.len();
    let end = match fault {
        Fault::Reset | Fault::Stall => dice.below(whole),
        Fault::CutHead => dice.below(head.len()),
        Fault::CutBody => head.len() + dice.below(answer.body.len()),
        _ => whole,
    };
    let bytes = [head, answer.body.clone()].concat();
    let middle = if fault == Fault::Delay { dice.below(end) } else { end };
    // a client that has seen enough may have hung up
    let _ = stream.write_all(&bytes[..middle]);
    if fault == Fault::Delay {
        std::thread::sleep(Duration::from_millis(1 + dice.below(20) as u64));
        let _ = stream.write_all(&bytes[middle..end]);
    }
    // a reset needs the request's last byte to stay unread
    if fault != Fault::Reset {
        let _ = stream.read(&mut [0]);
    }
    if fault == Fault::Stall {
        let _ = stream.read(&mut [0]);
    }
}
