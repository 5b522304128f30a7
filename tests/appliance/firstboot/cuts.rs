//! Power cuts and kills at any moment.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::firstboot::machine::{Machine, RELEASE, boot, facts};

/// Any moment will do: the driver is killed, or the power is cut, again and again; the next start
/// continues.
#[test]
fn killed_or_cut_at_random_moments_it_goes_on_and_ends_ready() {
    // the moments must fall within the work on a fast machine and on a busy one, so an
    // uninterrupted run sets the scale
    let measured = Machine::new(&facts());
    let spans = ["identity", "converge"].map(|script| {
        let start = Instant::now();
        assert_eq!(measured.run(script).0, 0);
        (script, start.elapsed().as_micros() as u64)
    });
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                (part * 6..part * 6 + 6).for_each(|seed| cut_at_random(seed, &spans))
            });
        }
    });
}

fn cut_at_random(seed: u64, spans: &[(&str, u64)]) {
    let mut dice = Dice(seed);
    let machine = Machine::new(&facts());
    let mut settled = None;
    for _ in 0..6 {
        if dice.roll(2) == 0 {
            machine.power_on();
        }
        for (script, span) in spans {
            machine.cut(script, Duration::from_micros(dice.roll(2 * span)));
        }
        let sealed = machine.has("var/lib/slipway/stamps/identity");
        match &settled {
            Some(secrets) => assert_eq!(&machine.secrets(), secrets, "seed {seed}"),
            None if sealed => settled = Some(machine.secrets()),
            None => {}
        }
        let ready = machine.has("var/lib/slipway/stamps/ready");
        assert!(ready || machine.has("fake/kernel/closed"), "seed {seed}: open before READY");
    }
    machine.power_on();
    boot(&machine);
    assert_eq!(machine.states().last().unwrap(), "READY", "seed {seed}");
    assert!(!machine.states().contains(&"FAILED".to_owned()), "seed {seed}");
    assert_eq!(machine.read("var/lib/slipway/stamps/ready"), format!("{RELEASE}\n"));
    assert!(machine.secrets().values().all(|secret| secret.ends_with('\n')), "seed {seed}");
    assert_keys_belong_together(&machine, seed);
}

fn assert_keys_belong_together(machine: &Machine, seed: u64) {
    for kind in ["ed25519", "ecdsa"] {
        let key = machine.root().join(format!("etc/ssh/ssh_host_{kind}_key"));
        let public = Command::new("ssh-keygen").arg("-yf").arg(&key).output().unwrap();
        assert!(public.status.success(), "seed {seed}");
        let public = String::from_utf8(public.stdout).unwrap();
        let on_disk = machine.read(&format!("etc/ssh/ssh_host_{kind}_key.pub"));
        assert_eq!(public.trim(), on_disk.trim(), "seed {seed}");
    }
}

/// splitmix64: the same dice for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}
