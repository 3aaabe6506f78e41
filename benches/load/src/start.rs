//! How soon `trunkline serve` accepts and how much memory it takes before its first request.

use std::fs;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::arguments::Arguments;
use crate::peers::{Setup, trunkline_binary, trunkline_config};
use crate::process::{Process, free_port};

/// The bars of the design.
const ACCEPTS_MS_MAX: f64 = 300.0;
const RSS_MIB_MAX: f64 = 25.0;

/// Memory settles within it: what start-up needed has been given back.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let binary =
        trunkline_binary(arguments).ok_or("skipped: needs a release build of trunkline")?;
    let rounds: usize = arguments.get("rounds", 9)?;
    let folder = std::env::temp_dir().join(format!("trunkline-start-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (mut accepts_ms, mut rss_mib) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let port = free_port()?;
        let file = folder.join("trunkline.yaml");
        fs::write(&file, trunkline_config(port, free_port()?, Setup::default(), "")?)?;
        let mut command = std::process::Command::new(&binary);
        command.args(["serve", "-c"]).arg(&file);
        let begun = Instant::now();
        let process = Process::start("trunkline", 0, &command, port, &folder.join("log"))?;
        accepts_ms.push(begun.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(SETTLED_AFTER);
        rss_mib.push(process.rss_kib()? as f64 / 1024.0);
    }
    fs::remove_dir_all(&folder)?;
    print_bar("gateway accepts after serve", "ms", &accepts_ms, ACCEPTS_MS_MAX);
    print_bar("base memory of serve", "MiB", &rss_mib, RSS_MIB_MAX);
    Ok(())
}

fn print_bar(name: &str, unit: &str, values: &[f64], bar: f64) {
    let median = crate::statistics::median(values);
    let worst = values.iter().copied().fold(f64::NAN, f64::max);
    let verdict = if median <= bar { "met" } else { "MISSED" };
    println!(
        "{name:<30} median {median:>7.1} {unit}, worst {worst:>7.1} {unit}   bar {bar} {unit}: {verdict}"
    );
}
