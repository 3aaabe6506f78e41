//! Building a service, and starting it anew when its sources change.
//!
//! While a former instance serves, a build that fails changes nothing but the status, and sources
//! that change during a build begin it again: there is one build, of the sources as they are.

use std::time::Duration;

use super::{Command, End, Failure, Fault, Life, next};
use crate::child::Child;
use crate::event::What;
use crate::supervisor::board::State;
use crate::supervisor::build::Broken;

/// A build that is begun anew so often writes sources itself, or they never rest: it is let finish.
const BEGUN_ANEW_MAX: u32 = 3;

/// How a build ended.
enum Built {
    /// There is something to start, of the sources as they are.
    Yes,
    /// The sources are again what runs is made of.
    Needless,
    /// It failed.
    Broken(Broken),
    /// Something else is to be done first.
    Told(Command),
}

/// Why what runs is to be started anew.
enum Cause {
    Changed,
    Asked,
}

impl Life {
    /// Builds what is started next, if it is not built yet. Returns how the try ended, if it did.
    pub(super) async fn be_built(&mut self) -> Option<End> {
        self.freshness.look().await;
        if self.planned.process.build.is_none() || self.freshness.is_built() {
            return None;
        }
        self.set(State::Building);
        match self.build(false).await {
            Built::Yes | Built::Needless => None,
            Built::Told(command) => Some(End::Told(command)),
            Built::Broken(broken) => {
                let reason = format!("build failed: {}", broken.reason);
                let watched = self.freshness.fingerprint().is_some();
                let hint = if watched {
                    "it is built again when its sources change".to_owned()
                } else {
                    format!("`trunkline restart {}` builds it again", self.planned.name)
                };
                self.tell_broken(broken, false);
                let hint = Some(hint);
                Some(End::Failed(Failure { hint, hopeless: true, ..Failure::of(reason) }))
            }
        }
    }

    /// Serves until told otherwise, until the process ends, or until there is something newer to
    /// start. What is newer is built meanwhile.
    pub(super) async fn serve(&mut self, child: &Child) -> Result<Command, Fault> {
        let ready_since = Some(self.around.deps.clock.now());
        loop {
            let cause = tokio::select! {
                biased;
                command = next(&mut self.commands, &self.around.scope) => match command {
                    Command::Restart => Cause::Asked,
                    command => return Ok(command),
                },
                () = child.exited() => return Err(Fault::Exited { ready_since }),
                () = self.freshness.stale() => Cause::Changed,
            };
            match cause {
                Cause::Asked => self.freshness.doubt(),
                Cause::Changed if self.freshness.is_fresh() => {
                    self.needless();
                    continue;
                }
                Cause::Changed => {
                    // Asked first: what changes from here on is another change.
                    let of = self.freshness.fingerprint();
                    let (files, more) = self.freshness.changed(&self.planned.process.directory);
                    if self.freshness.is_own_writing(self.begun, self.found_ready) {
                        self.tell_circle(&files, of);
                        continue;
                    }
                    self.emit(What::Changed { files, more });
                }
            }
            let built = tokio::select! {
                biased;
                () = child.exited() => return Err(Fault::Exited { ready_since }),
                built = self.renew(&cause) => built,
            };
            match built {
                Built::Yes => {
                    self.renews_callers =
                        matches!(cause, Cause::Changed) && self.planned.process.watch.dependants;
                    return Ok(Command::Restart);
                }
                Built::Told(command) => return Ok(command),
                Built::Broken(broken) => self.tell_broken(broken, true),
                Built::Needless => self.needless(),
            }
        }
    }

    /// Makes something to start of the sources as they are.
    async fn renew(&mut self, cause: &Cause) -> Built {
        if self.planned.process.build.is_none() || self.freshness.is_built() {
            return Built::Yes;
        }
        match self.build(true).await {
            Built::Needless if matches!(cause, Cause::Asked) => Built::Yes,
            built => built,
        }
    }

    /// Runs the build until it was of the sources as they are, or something else is to be done.
    async fn build(&mut self, serving: bool) -> Built {
        let Some(line) = self.planned.process.build.clone() else {
            return Built::Yes;
        };
        let (mut asked, mut begun_anew) = (false, 0);
        loop {
            let of = self.freshness.fingerprint();
            let begun = self.around.deps.clock.wall();
            self.emit(What::Building { serving });
            let around = (self.around.scope.clone(), self.around.deps.clone());
            let builds = self.around.builds.clone();
            let building = builds.build(line.clone(), self.planned.clone(), around);
            let mut building = std::pin::pin!(building);
            let ended = loop {
                tokio::select! {
                    biased;
                    command = next(&mut self.commands, &self.around.scope) => match command {
                        // What is being built is what is asked for.
                        Command::Restart => asked = true,
                        command => return Built::Told(command),
                    },
                    () = self.freshness.differs_from(of),
                        if of.is_some() && begun_anew < BEGUN_ANEW_MAX => break None,
                    ended = building.as_mut() => break Some(ended),
                }
            };
            match ended {
                Some(Ok(after)) => {
                    self.build_begun = Some(begun);
                    self.tell_built(of, after);
                    return Built::Yes;
                }
                Some(Err(broken)) => {
                    self.freshness.set_seen(of);
                    return Built::Broken(broken);
                }
                None if serving && !asked && self.freshness.is_fresh() => return Built::Needless,
                None => begun_anew += 1,
            }
        }
    }

    fn tell_built(&mut self, of: Option<u64>, after: Duration) {
        self.freshness.set_built(of);
        self.note_build(None);
        self.emit(What::Built { after });
    }

    fn tell_broken(&mut self, broken: Broken, serving: bool) {
        let Broken { reason, last_lines, after } = broken;
        self.note_build(Some(format!("build failed: {reason}")));
        self.emit(What::BuildFailed { reason, last_lines, after, serving });
    }

    /// What it writes when it is built or starts would have it started for ever.
    fn tell_circle(&mut self, files: &[String], of: Option<u64>) {
        self.freshness.disregard(of);
        let reason =
            format!("{} changes whenever it starts, and is not acted on", files.join(", "));
        let hint = Some("name it in `.gitignore`, or in `watch: { ignore: … }`".to_owned());
        self.emit(What::NotWatched { reason, hint });
    }

    /// The sources are again what runs is made of.
    fn needless(&mut self) {
        self.freshness.set_renewed();
        self.note_build(None);
    }

    /// Shows how the last build went.
    fn note_build(&self, problem: Option<String>) {
        self.around.board.change(&self.planned.name, |status| {
            status.builds_failed += u64::from(problem.is_some());
            status.build = problem;
        });
    }

    /// The next command; other sources than those given up on are a command to start anew.
    pub(super) async fn command_or_change(&mut self) -> Command {
        tokio::select! {
            biased;
            command = next(&mut self.commands, &self.around.scope) => command,
            () = self.freshness.stale() => Command::Restart,
        }
    }

    pub(super) fn emit(&self, what: What) {
        self.around.deps.emit(&self.planned.name, what);
    }
}
