//! What can go wrong with an answer, and how a seed determines it.

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    None,
    /// Reset at once; then nobody listens for some tries.
    Refused,
    /// Reset after some bytes.
    Reset,
    /// Ends within the head.
    CutHead,
    /// Ends within the body.
    CutBody,
    /// Silence after some bytes.
    Stall,
    /// Comes late, and in pieces.
    Delay,
    /// 503, perhaps after the request was carried out.
    Unavailable,
    /// 429 with Retry-After.
    Busy,
    /// Part of the body, claimed to be all of it.
    Short,
    /// More is promised than comes.
    Long,
    /// Some bytes of the body are wrong.
    Corrupt,
    /// A byte of the head is wrong.
    CorruptHead,
    /// Part of the body comes twice.
    Repeat,
    /// The object's earlier content, or another object.
    Old,
    /// All of it when a part was requested.
    Whole,
    /// A part that begins elsewhere.
    WrongPart,
    /// A wrong entity tag.
    OtherTag,
    /// Claimed to be unchanged.
    Unchanged,
}

impl Fault {
    /// All except `None`.
    pub const ALL: [Self; 18] = [
        Self::Refused,
        Self::Reset,
        Self::CutHead,
        Self::CutBody,
        Self::Stall,
        Self::Delay,
        Self::Unavailable,
        Self::Busy,
        Self::Short,
        Self::Long,
        Self::Corrupt,
        Self::CorruptHead,
        Self::Repeat,
        Self::Old,
        Self::Whole,
        Self::WrongPart,
        Self::OtherTag,
        Self::Unchanged,
    ];

    /// Half of all requests meet a fault.
    pub fn draw(dice: &mut Dice) -> Self {
        match dice.below(2) {
            0 => Self::None,
            _ => Self::ALL[dice.below(Self::ALL.len())],
        }
    }
}

/// A request and the fault that it met.
#[derive(Clone, Debug)]
pub struct Met {
    pub fault: Fault,
    pub path: String,
    /// It asked only for a state other than a known one.
    pub conditional: bool,
}

impl Met {
    /// Whether nobody can see the fault before everything has arrived: a small object is accepted
    /// as it comes, while a bundle is read again.
    pub fn lies(&self) -> bool {
        match self.fault {
            Fault::CorruptHead => true,
            Fault::Short | Fault::Corrupt | Fault::Repeat | Fault::Old => {
                !self.path.ends_with(".tgz")
            }
            Fault::Unchanged => self.conditional,
            _ => false,
        }
    }

    /// The number of tries that it may cost.
    pub fn tries(&self) -> usize {
        match self.fault {
            Fault::None | Fault::Delay | Fault::Whole => 0,
            Fault::Refused => REFUSALS as usize,
            _ => 1,
        }
    }
}

/// Tries that [`Fault::Refused`] costs.
pub const REFUSALS: u32 = 2;

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}
