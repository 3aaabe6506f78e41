//! The soak: a serving process is changed all the time under constant load, and no request may be lost.
//!
//! Four phases after a moment of peace: configurations one after the other, states of endpoints many times a
//! second, backends killed one after the other, binaries one after the other. Every change is ordered by a documented way (the command line, a signal, the
//! control API, a saved file) and is over when it can be seen to be in force. It does not measure how fast the
//! gateway is: that is `compare`.

mod backend;
mod bystander;
mod callers;
mod control;
mod http2;
mod report;
mod seen;
mod site;
mod wire;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Failure;
use crate::arguments::Arguments;
use crate::peers::trunkline_binary;
use crate::process::find;
use bystander::Bystander;
use callers::Callers;
use control::Surface;
use seen::Board;
use site::Site;

pub use control::Stalls;
pub use report::{Outcome, Phase};
pub use seen::Requests;

/// Phases in the order of time.
const NAMES: [&str; 5] = ["peace", "reloads", "endpoints", "kills", "upgrades"];
const PEACE: usize = 0;
const RELOADS: usize = 1;
const ENDPOINTS: usize = 2;
const KILLS: usize = 3;
const UPGRADES: usize = 4;

/// What cannot be repeated is over after it, and no more of it is begun: streams last two seconds.
const BEFORE_KILLS: Duration = Duration::from_secs(4);
/// How long a backend is gone.
const GONE: Duration = Duration::from_millis(500);
/// Between two kills, at least; the next comes when all endpoints take requests, as in a rolling restart.
const BETWEEN_KILLS: Duration = Duration::from_secs(1);

/// Callers are there and pools are filled after it.
const WARM_UP: Duration = Duration::from_secs(2);
/// Between two upgrades: processes that drain overlap, as they may, but not all of them.
const BETWEEN_UPGRADES: Duration = Duration::from_secs(1);
/// A saved file is noticed after a pause; SIGHUP is not answered: both are watched for.
const IN_FORCE: Duration = Duration::from_secs(30);

/// What a soak shall do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The `trunkline` to test.
    pub binary: PathBuf,
    /// A folder of its own.
    pub folder: PathBuf,
    /// Configurations one after the other.
    pub reloads: usize,
    /// How long states of endpoints change, and how often in a second.
    pub endpoints: (Duration, u32),
    /// Processes one after the other.
    pub upgrades: usize,
    /// How often every backend is killed, one after the other.
    pub kills: usize,
    /// Requests a second, tunnels and streams apart.
    pub rate: u32,
    /// Connections for one request each that are opened in a second besides, from eight addresses.
    pub fresh: u32,
    /// Worker threads of the gateway.
    pub workers: u32,
    /// The gateway on core 0, everything else on core 1.
    pub pinned: bool,
}

/// `trunkline-load soak`: fails when a bar is missed.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("trunkline-soak-{}", std::process::id()));
    let change_seconds = Duration::from_secs_f64(arguments.get("change-seconds", 20.0)?);
    let plan = Plan {
        binary: trunkline_binary(arguments).ok_or("skipped: needs a release build of trunkline")?,
        folder: folder.clone(),
        reloads: arguments.get("reloads", 1_000)?,
        endpoints: (change_seconds, arguments.get("changes", 50)?),
        upgrades: arguments.get("upgrades", 20)?,
        kills: arguments.get("kills", 3)?,
        rate: arguments.get("rate", 2_000)?,
        fresh: arguments.get("fresh", 0)?,
        workers: arguments.get("workers", 1)?,
        pinned: find("taskset").is_some() && std::thread::available_parallelism()?.get() > 1,
    };
    let outcome = soak(&plan)?;
    println!("{}", outcome.table());
    let missed = outcome.missed();
    if missed.is_empty() {
        println!("no request was lost; every bar is met");
        fs::remove_dir_all(folder)?;
        return Ok(());
    }
    let log = folder.join("log");
    Err(format!("MISSED:\n{}\nlog: {}", missed.join("\n"), log.display()).into())
}

/// Carries out a soak.
pub fn soak(plan: &Plan) -> Result<Outcome, Failure> {
    if plan.pinned {
        // Before any thread starts: they inherit it.
        let mut cores = rustix::thread::CpuSet::new();
        cores.set(1);
        rustix::thread::sched_setaffinity(None, &cores)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let site = Site::new(&plan.binary, &plan.folder, plan.workers)?;
    let board = Arc::new(Board::default());
    let mut soak = Soak {
        plan,
        control: Surface::new(site.control),
        metrics: Surface::new(site.metrics),
        gateway: Surface::new(site.gateway),
        site,
        board,
        bystander: Bystander::start(plan.pinned.then_some(0))?,
        outcome: Outcome::default(),
        variant: 0,
    };
    runtime.block_on(soak.carry_out())?;
    Ok(soak.outcome)
}

struct Soak<'a> {
    plan: &'a Plan,
    site: Site,
    control: Surface,
    metrics: Surface,
    gateway: Surface,
    board: Arc<Board>,
    bystander: Bystander,
    outcome: Outcome,
    /// Number of the configuration in force.
    variant: usize,
}

impl Soak<'_> {
    async fn carry_out(&mut self) -> Result<(), Failure> {
        self.start().await?;
        let callers =
            Callers::start(self.site.gateway, (self.plan.rate, self.plan.fresh), &self.board)?;
        self.begin(PEACE);
        let begun = Instant::now();
        tokio::time::sleep(WARM_UP).await;
        let stalls = self.metrics.stalls().await?;
        self.end_phase(begun, 1, stalls);
        self.reloads().await?;
        self.endpoints().await?;
        self.kills().await?;
        self.upgrades().await?;
        callers.finish()?;
        for (phase, requests) in self.outcome.phases.iter_mut().zip(self.board.requests()) {
            phase.requests = requests;
        }
        self.site.end()
    }

    /// Starts the first process, and waits until it serves.
    async fn start(&mut self) -> Result<(), Failure> {
        self.site.write(self.variant)?;
        let file = self.site.file();
        let said = fs::File::create(self.site.log())?;
        let mut command = self.site.command(&["serve", "-c", &file.to_string_lossy()]);
        if self.plan.pinned {
            let inner = command;
            command = std::process::Command::new("taskset");
            command.args(["-c", "0"]).arg(inner.get_program()).args(inner.get_args());
            for (name, value) in inner.get_envs() {
                command.env(name, value.unwrap_or_default());
            }
        }
        command.stdout(said.try_clone()?).stderr(said);
        let mut child = command.spawn()?;
        self.site.pids.push(child.id());
        let deadline = Instant::now() + IN_FORCE;
        while self.control.get("/v1/ready").await.is_err() {
            if child.try_wait()?.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(self.site.log())?;
                return Err(format!("trunkline does not serve\n{said}").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Nobody else would collect it when it hands over and ends.
        std::thread::Builder::new()
            .name("first process".to_owned())
            .spawn(move || drop(child.wait()))?;
        Ok(())
    }

    fn begin(&mut self, phase: usize) {
        let name = NAMES.get(phase).copied().unwrap_or_default();
        self.board.enter(phase);
        // Its counts so far; the phase's end takes them off.
        let bystander = self.bystander.stalls();
        self.outcome.phases.push(Phase { name, bystander, ..Phase::default() });
    }

    fn phase(&mut self) -> Option<&mut Phase> {
        self.outcome.phases.last_mut()
    }

    fn end_phase(&mut self, begun: Instant, changes: usize, stalls: Stalls) {
        let bystander = self.bystander.stalls();
        if let Some(phase) = self.phase() {
            phase.seconds = begun.elapsed().as_secs_f64();
            phase.changes = changes;
            phase.stalls = stalls;
            phase.bystander = bystander.since(phase.bystander);
        }
    }

    fn took(&mut self, way: &'static str, begun: Instant) {
        let ms = begun.elapsed().as_secs_f64() * 1000.0;
        if let Some(phase) = self.phase() {
            phase.took_ms.push((way, ms));
        }
    }

    async fn reloads(&mut self) -> Result<(), Failure> {
        self.begin(RELOADS);
        let (begun, before) = (Instant::now(), self.metrics.stalls().await?);
        for count in 0..self.plan.reloads {
            self.reload(count).await?;
            if count % 100 == 99 {
                eprintln!("{} reloads", count + 1);
            }
        }
        let stalls = self.metrics.stalls().await?.since(before);
        self.end_phase(begun, self.plan.reloads, stalls);
        Ok(())
    }

    /// One reload, by one of four ways; it is over when the generation has gone up and an answer shows it.
    async fn reload(&mut self, count: usize) -> Result<(), Failure> {
        let former = generation(&self.control.get("/v1/status").await?);
        self.variant += 1;
        self.site.write(self.variant)?;
        let begun = Instant::now();
        let way = match count % 20 {
            0 => "a saved file",
            1 | 2 => "trunkline reload",
            number if number % 2 == 0 => "SIGHUP",
            _ => "POST /v1/reload",
        };
        match way {
            "SIGHUP" => self.site.signal(rustix::process::Signal::HUP)?,
            "POST /v1/reload" => drop(self.control.post("/v1/reload", "").await?),
            "trunkline reload" => self.verb(&["reload"]).await?,
            _ => {}
        }
        let newer = |status: &Value| generation(status) > former;
        self.control.until("/v1/status", newer).await?;
        self.took(way, begun);
        self.expect_in_force(way).await
    }

    /// The next answer must be of the configuration that is said to be in force.
    async fn expect_in_force(&mut self, way: &str) -> Result<(), Failure> {
        let shown = self.gateway.header("/in-force", "x-soak").await?;
        if shown.as_deref() != Some(&self.variant.to_string()) {
            let variant = self.variant;
            self.outcome.broken.push(format!(
                "after {way}: variant {variant} is said to be in force, an answer shows {shown:?}"
            ));
        }
        Ok(())
    }

    /// One endpoint of the three changes at a time, through all states that a person may set.
    async fn endpoints(&mut self) -> Result<(), Failure> {
        self.begin(ENDPOINTS);
        // Both services are called, and each has two endpoints at least.
        self.variant = self.variant.next_multiple_of(3) + 2;
        self.site.write(self.variant)?;
        self.control.post("/v1/reload", "").await?;
        let (begun, before) = (Instant::now(), self.metrics.stalls().await?);
        let (time, rate) = self.plan.endpoints;
        let ports = self.site.backends.each_ref().map(|backend| backend.port);
        let [one, two, three] = ports;
        let ids = [("alpha", one), ("beta", two), ("alpha", two), ("beta", three)];
        let states = ["\"draining\"", "null", "\"maint\"", "null", "\"down\"", "\"ready\"", "null"];
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
        let mut count = 0;
        while begun.elapsed() < time {
            ticks.tick().await;
            let state = states.get(count % states.len()).copied().unwrap_or("null");
            let (service, port) =
                ids.get(count / states.len() % ids.len()).copied().unwrap_or(("alpha", one));
            let ordered = Instant::now();
            self.set_endpoint(service, port, state).await?;
            self.took("POST …/state", ordered);
            count += 1;
        }
        for (service, port) in ids {
            self.set_endpoint(service, port, "null").await?;
        }
        let stalls = self.metrics.stalls().await?.since(before);
        self.end_phase(begun, count, stalls);
        Ok(())
    }

    /// Every backend is killed in turn, with all its connections. Requests that may be repeated must
    /// not notice.
    async fn kills(&mut self) -> Result<(), Failure> {
        self.begin(KILLS);
        tokio::time::sleep(BEFORE_KILLS).await;
        let (begun, before) = (Instant::now(), self.metrics.stalls().await?);
        let all = self.site.backends.len();
        for number in 0..self.plan.kills * all {
            if let Some(backend) = self.site.backends.get_mut(number % all) {
                backend.kill();
                tokio::time::sleep(GONE).await;
                backend.revive()?;
            }
            tokio::time::sleep(BETWEEN_KILLS).await;
            self.control.until("/v1/status", all_take_requests).await?;
        }
        let stalls = self.metrics.stalls().await?.since(before);
        self.end_phase(begun, self.plan.kills * all, stalls);
        Ok(())
    }

    async fn set_endpoint(&mut self, service: &str, port: u16, state: &str) -> Result<(), Failure> {
        let path = format!("/v1/endpoints/{service}%40127.0.0.1%3A{port}/state");
        let body = format!("{{\"state\": {state}}}");
        self.control.post(&path, &body).await.map(|_| ())
    }

    /// Upgrades to the same binary; an override that was set before the first must be there after each.
    async fn upgrades(&mut self) -> Result<(), Failure> {
        self.begin(UPGRADES);
        let begun = Instant::now();
        let port = self.site.backends.first().map_or(0, |backend| backend.port);
        self.set_endpoint("alpha", port, "\"maint\"").await?;
        let (mut stalls, mut before) = (Stalls::default(), self.metrics.stalls().await?);
        for count in 0..self.plan.upgrades {
            stalls.add(self.metrics.stalls().await?.since(before));
            let former = self.site.pid();
            let ordered = Instant::now();
            self.verb(&["upgrade"]).await?;
            self.took("trunkline upgrade", ordered);
            let status = self.control.get("/v1/status").await?;
            let pid = status.get("pid").and_then(Value::as_u64);
            let pid = pid.and_then(|pid| u32::try_from(pid).ok());
            self.site.pids.extend(pid.filter(|pid| Some(*pid) != former));
            if pid == former {
                let words = format!("after upgrade {count}: process {pid:?} still answers");
                self.outcome.broken.push(words);
            }
            if !is_in_maintenance(&status, port) {
                let words = format!("after upgrade {count}: the override is lost: {status}");
                self.outcome.broken.push(words);
            }
            before = Stalls::default();
            tokio::time::sleep(BETWEEN_UPGRADES).await;
            eprintln!("{} upgrades", count + 1);
        }
        stalls.add(self.metrics.stalls().await?.since(before));
        self.end_phase(begun, self.plan.upgrades, stalls);
        Ok(())
    }

    /// A verb of the binary, which must succeed.
    async fn verb(&mut self, arguments: &[&str]) -> Result<(), Failure> {
        let mut command = self.site.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let log = fs::read_to_string(self.site.log()).unwrap_or_default();
        Err(format!("{arguments:?}: {said}\n--- its log\n{log}").into())
    }
}

fn generation(status: &Value) -> u64 {
    let generation = status.get("generation").and_then(Value::as_u64);
    generation.unwrap_or(0)
}

fn all_take_requests(status: &Value) -> bool {
    let services = status.pointer("/services").and_then(Value::as_object);
    let endpoints =
        services.into_iter().flatten().filter_map(|(_, service)| service.get("endpoints"));
    let mut endpoints = endpoints.filter_map(Value::as_array).flatten();
    endpoints.all(|endpoint| {
        let is = |name, wanted| endpoint.get(name).and_then(Value::as_bool) == Some(wanted);
        is("healthy", true) && is("ejected", false)
    })
}

fn is_in_maintenance(status: &Value, port: u16) -> bool {
    let endpoints = status.pointer("/services/alpha/endpoints");
    let mut endpoints = endpoints.and_then(Value::as_array).into_iter().flatten();
    let address = format!("127.0.0.1:{port}");
    endpoints.any(|endpoint| {
        let text = |name| endpoint.get(name).and_then(Value::as_str);
        text("address") == Some(&address) && text("state") == Some("maint")
    })
}
