//! The start of the local master: the unchanged package against ours, alternating, on this machine.
//!
//! `scripts/bench-master [BASE] [ROUNDS]`: the median cost of each until it answers; status 1 when
//! ours takes more than [`BAR`] of the package's processor time.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/common/master_root.rs"]
mod master_root;

use master_root::MasterRoot;

/// The share of the package's CPU seconds that ours may cost.
const BAR: f64 = 0.3;

/// Prints wall ms, CPU ms (including its children's) and resident KiB of one start, by name.
const MEASURE: &str = r#"
printf 'SLIPWAY_MASTER=puppetserver\n' >/etc/slipway/master.env
rm -f /var/log/puppetserver/*
/usr/lib/slipway/master-setup --check 2>/dev/null ||
    /usr/lib/slipway/master-setup 00000000-0000-4000-8000-000000000000 2>/dev/null
# what the package's unit does; JAVA_ARGS is split into words there too
cat >/run/stock <<'STOCK'
. /etc/default/puppetserver
exec java $JAVA_ARGS -Djruby.lib=/usr/share/jruby/lib -jar /usr/share/puppetserver/puppetserver.jar \
    --config /etc/puppet/puppetserver/conf.d --bootstrap-config /etc/puppet/puppetserver/services.d \
    --restart-file "$RUNTIME_DIRECTORY/restart"
STOCK
case $WHICH in
stock) set -- sh /run/stock ;;
*) set -- /usr/lib/slipway/master-run ;;
esac
hertz=$(getconf CLK_TCK)
began=$(date +%s%N)
serve "$@"
ended=$(date +%s%N)
awk -v hertz="$hertz" -v wall="$(((ended - began) / 1000000))" '
    FILENAME ~ /stat$/ { cpu = ($14 + $15 + $16 + $17) * 1000 / hertz }
    /^VmRSS:/ { rss = $2 }
    END { print wall, cpu, rss }
' "/proc/$MAINPID/stat" "/proc/$MAINPID/status"
unserve
"#;

struct Start {
    wall: f64,
    cpu: f64,
    resident: f64,
}

fn main() {
    // cargo passes --bench
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let base = args.next().unwrap_or_else(|| "debian-12".to_owned());
    let rounds = args.next().map_or(3, |n| n.parse().expect("ROUNDS is a number"));
    let root = MasterRoot::open(&base);
    let (mut stock, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        stock.push(start(&root, "stock"));
        ours.push(start(&root, "ours"));
    }
    println!("Puppet Server on {base}, until it answers; medians of {rounds} alternating starts");
    println!("{:<24}{:>8}{:>8}{:>14}", "", "wall s", "CPU s", "resident MB");
    for (name, all) in [("the package as it is", &stock), ("ours", &ours)] {
        let (wall, cpu) = (median(all, |s| s.wall), median(all, |s| s.cpu));
        println!("{name:<24}{wall:>8.1}{cpu:>8.1}{:>14.0}", median(all, |s| s.resident));
    }
    let share = median(&ours, |s| s.cpu) / median(&stock, |s| s.cpu);
    println!("share of the CPU seconds: {share:.2} (at most {BAR})");
    if share > BAR {
        std::process::exit(1);
    }
}

fn start(root: &MasterRoot, which: &str) -> Start {
    let line = root.stdout(&format!("WHICH={which}\n{MEASURE}"));
    let mut numbers = line.split_whitespace().map(|n| n.parse::<f64>().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    Start { wall: next() / 1e3, cpu: next() / 1e3, resident: next() / 1024.0 }
}

fn median(all: &[Start], of: impl Fn(&Start) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
