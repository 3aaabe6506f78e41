//! Instances of each kind, with what they inherit, and the policies that they are.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_config::decode::Spanned;
use trunkline_config::diagnostic::{Diagnostic, Diagnostics, codes};
use trunkline_config::node::Node;
use trunkline_config::source::{SourceFile, Span};
use trunkline_model::service::policies::{
    Breaker, Bulkhead, Condition, Methods, Policies, RateLimiter, Retry, Scope, Shared, Waits,
    Window,
};
use trunkline_model::units::Share;

use crate::binding::{Fields, is};
use crate::value::Reader;

/// What the file says of one name.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: Spanned<String>,
    pub(crate) policies: Policies,
    /// The limit of one attempt.
    pub(crate) attempt: Option<Duration>,
}

/// Keys that concern the inside of a JVM, or what is always done here.
const SILENT: &[&str] = &[
    "baseConfig",
    "registerHealthIndicator",
    "allowHealthIndicatorToFail",
    "eventConsumerBufferSize",
    "writableStackTraceEnabled",
    "cancelRunningFuture",
    "subscribeForEvents",
    "fairCallHandlingStrategyEnabled",
    "slidingWindowSynchronizationStrategy",
];

/// Keys that name classes of a JVM.
const CLASSES: &[&str] = &[
    "recordExceptions",
    "ignoreExceptions",
    "retryExceptions",
    "recordFailurePredicate",
    "recordResultPredicate",
    "ignoreExceptionPredicate",
    "retryExceptionPredicate",
    "resultPredicate",
    "intervalBiFunction",
];

/// Settings of an instance, and those that it inherits behind them.
struct Settings<'a> {
    own: Fields<'a>,
    inherited: Fields<'a>,
    /// Where its name is written.
    place: Span,
}

impl<'a> Settings<'a> {
    fn get(&self, key: &str) -> Option<&'a Node> {
        self.own.get(key).or_else(|| self.inherited.get(key))
    }
}

/// Reads every instance of the tree.
pub(crate) fn read(tree: &Node, file: &SourceFile, diagnostics: &mut Diagnostics) -> Vec<Instance> {
    let root = Fields::of(Some(tree));
    let mut reader = Reader { file, diagnostics };
    let mut found: BTreeMap<String, Instance> = BTreeMap::new();
    let mut each = |kind: &str, reader: &mut Reader<'_>, lower: Lower| {
        for (name, settings) in instances(root.get(kind), reader) {
            let instance = found.entry(name.value.clone()).or_insert_with(|| Instance {
                name,
                policies: Policies::default(),
                attempt: None,
            });
            lower(&settings, reader, instance);
        }
    };
    each("circuitbreaker", &mut reader, |settings, reader, instance| {
        instance.policies.breaker = Some(breaker(settings, reader));
    });
    each("retry", &mut reader, |settings, reader, instance| {
        instance.policies.retry = Some(retry(settings, reader));
    });
    each("bulkhead", &mut reader, |settings, reader, instance| {
        instance.policies.bulkhead = Some(bulkhead(settings, reader));
    });
    each("timelimiter", &mut reader, |settings, reader, instance| {
        let limit = reader.duration(settings.get("timeoutDuration"));
        instance.attempt = Some(limit.unwrap_or(Duration::from_secs(1)));
    });
    each("ratelimiter", &mut reader, |settings, reader, instance| {
        instance.policies.rate_limiter = rate_limiter(settings, reader);
    });
    {
        let kind = "threadPoolBulkhead";
        if let Some(node) = root.get(kind) {
            reader.diagnostics.push(
                Diagnostic::new(
                    codes::NOT_SERVED_SECURITY,
                    format!(
                        "`{kind}` is not served yet, and without it calls would not be limited"
                    ),
                )
                .at(node.span, "this would have no effect")
                .hint("take it out of the file that Trunkline reads, or use a `bulkhead`"),
            );
        }
    }
    found.into_values().collect()
}

type Lower = fn(&Settings<'_>, &mut Reader<'_>, &mut Instance);

/// The instances of a kind; their unknown keys are told.
fn instances<'a>(
    kind: Option<&'a Node>,
    reader: &mut Reader<'_>,
) -> Vec<(Spanned<String>, Settings<'a>)> {
    let fields = Fields::of(kind);
    let configs = Fields::of(fields.get("configs"));
    // Older versions of the starter call instances `backends`.
    let written = fields.get("instances").or_else(|| fields.get("backends"));
    let mut all = Vec::new();
    for (name, node) in Fields::of(written).all() {
        let own = Fields::of(Some(node));
        let base = own.get("baseConfig").and_then(Node::as_str).unwrap_or("default");
        let inherited = configs.get(base);
        if let (None, Some(missing)) = (inherited, own.get("baseConfig")) {
            reader.diagnostics.push(
                Diagnostic::new(codes::BAD_VALUE, format!("there is no config `{base}`"))
                    .at(missing.span, "named here")
                    .hint("it belongs into `configs`, beside `instances`"),
            );
        }
        let inherited = Fields::of(inherited);
        classes(own, reader);
        let place = name.span;
        all.push((name, Settings { own, inherited, place }));
    }
    configs.all().for_each(|(_, node)| classes(Fields::of(Some(node)), reader));
    all
}

/// Tells of settings that only a JVM can have, and of those that nobody knows.
fn classes(fields: Fields<'_>, reader: &mut Reader<'_>) {
    for (key, _) in fields.all() {
        if CLASSES.iter().any(|known| is(&key.value, known)) {
            reader.diagnostics.push(
                Diagnostic::new(
                    codes::NOT_SERVED,
                    format!("`{}` names classes, and a proxy sees answers: statuses of 500 and above, time-outs and broken connections count", key.value),
                )
                .at(key.span, "this has no effect")
                .hint("`failures` of `breaker` and `on` of `retry` say it in a trunkline.yaml"),
            );
        } else if !SILENT.iter().chain(KNOWN).any(|known| is(&key.value, known)) {
            reader.diagnostics.push(
                Diagnostic::new(codes::NOT_SERVED, format!("`{}` is not known", key.value))
                    .at(key.span, "this has no effect"),
            );
        }
    }
}

/// Keys that are read.
const KNOWN: &[&str] = &[
    "failureRateThreshold",
    "slowCallRateThreshold",
    "slowCallDurationThreshold",
    "slidingWindowType",
    "slidingWindowSize",
    "minimumNumberOfCalls",
    "waitDurationInOpenState",
    "permittedNumberOfCallsInHalfOpenState",
    "maxWaitDurationInHalfOpenState",
    "transitionToStateAfterWaitDuration",
    "automaticTransitionFromOpenToHalfOpenEnabled",
    "enableExponentialBackoff",
    "exponentialBackoffMultiplier",
    "exponentialMaxWaitDurationInOpenState",
    "exponentialMaxWaitDuration",
    "enableRandomizedWait",
    "randomizedWaitFactor",
    "maxAttempts",
    "waitDuration",
    "failAfterMaxAttempts",
    "maxConcurrentCalls",
    "maxWaitDuration",
    "timeoutDuration",
    "limitForPeriod",
    "limitRefreshPeriod",
];

fn share(basis_points: u16) -> Share {
    Share::from_basis_points(basis_points).unwrap_or(Share::ALL)
}

/// Resilience4j's own defaults, but for the one that waits for ever.
fn breaker(settings: &Settings<'_>, reader: &mut Reader<'_>) -> Breaker {
    let get = |key: &str| settings.get(key);
    let size = reader.number(get("slidingWindowSize")).unwrap_or(100).clamp(1, 1_000_000);
    let by_time = reader.word(get("slidingWindowType")).as_deref() == Some("TIME_BASED");
    let minimum = reader.number(get("minimumNumberOfCalls")).unwrap_or(100).max(1);
    let wait = reader.duration(get("waitDurationInOpenState")).unwrap_or(Duration::from_secs(60));
    let longest = reader.duration(get("exponentialMaxWaitDurationInOpenState"));
    let trial_time = reader.duration(get("maxWaitDurationInHalfOpenState"));
    let after = reader.word(get("transitionToStateAfterWaitDuration"));
    Breaker {
        failure_rate: reader.percent(get("failureRateThreshold")).unwrap_or(share(5_000)),
        slow_call_rate: reader.percent(get("slowCallRateThreshold")).unwrap_or(Share::ALL),
        slow_call: reader
            .duration(get("slowCallDurationThreshold"))
            .unwrap_or(Duration::from_secs(60)),
        window: if by_time { Window::Seconds(size.min(3_600)) } else { Window::Calls(size) },
        minimum_calls: if by_time { minimum } else { minimum.min(size) },
        wait: waits(settings, reader, (wait, longest)),
        trials: reader
            .number(get("permittedNumberOfCallsInHalfOpenState"))
            .unwrap_or(10)
            .clamp(1, 1_000_000),
        trial_time: trial_time.filter(|time| !time.is_zero()).unwrap_or(Duration::from_secs(60)),
        closes_after_trials: after.as_deref() == Some("CLOSED"),
        automatic: reader
            .truth(get("automaticTransitionFromOpenToHalfOpenEnabled"))
            .unwrap_or(false),
        failures: vec![
            Condition::Statuses(5),
            Condition::Connect,
            Condition::Reset,
            Condition::Timeout,
        ],
        scope: Scope::Target,
        shared: Shared::Local,
        dry_run: false,
    }
}

fn retry(settings: &Settings<'_>, reader: &mut Reader<'_>) -> Retry {
    let wait = reader.duration(settings.get("waitDuration")).unwrap_or(Duration::from_millis(500));
    let longest = reader.duration(settings.get("exponentialMaxWaitDuration"));
    Retry {
        attempts: reader.number(settings.get("maxAttempts")).unwrap_or(3).clamp(1, 10),
        on: vec![Condition::Statuses(5), Condition::Connect, Condition::Reset, Condition::Timeout],
        methods: Methods::Idempotent,
        wait: waits(settings, reader, (wait, longest)),
        retry_after_max: Duration::ZERO,
        body_bytes: 64 << 10,
        budget: None,
    }
}

fn bulkhead(settings: &Settings<'_>, reader: &mut Reader<'_>) -> Bulkhead {
    Bulkhead {
        max_calls: reader.number(settings.get("maxConcurrentCalls")).unwrap_or(25).max(1),
        max_wait: reader.duration(settings.get("maxWaitDuration")).unwrap_or(Duration::ZERO),
        queue: 1_024,
        scope: Scope::Target,
        shared: Shared::Local,
        dry_run: false,
    }
}

/// `None`, and a message, for one that limits nothing: Resilience4j's default period is 500 ns.
fn rate_limiter(settings: &Settings<'_>, reader: &mut Reader<'_>) -> Option<RateLimiter> {
    let Some(period) = reader.duration(settings.get("limitRefreshPeriod")) else {
        reader.diagnostics.push(
            Diagnostic::new(
                codes::NOT_SERVED,
                "a `ratelimiter` without `limitRefreshPeriod` has a period of 500 ns",
            )
            .at(settings.place, "it limits nothing, and is left out")
            .hint("add `limitRefreshPeriod: 1s`"),
        );
        return None;
    };
    Some(RateLimiter {
        limit: reader.number(settings.get("limitForPeriod")).unwrap_or(50).max(1),
        period: period.max(Duration::from_nanos(1)),
        max_wait: reader
            .duration(settings.get("timeoutDuration"))
            .unwrap_or(Duration::from_secs(5)),
        shared: Shared::Local,
        dry_run: false,
    })
}

fn waits(
    settings: &Settings<'_>,
    reader: &mut Reader<'_>,
    (initial, longest): (Duration, Option<Duration>),
) -> Waits {
    let grows = reader.truth(settings.get("enableExponentialBackoff")).unwrap_or(false);
    let multiplier = reader.factor(settings.get("exponentialBackoffMultiplier"));
    let varies = reader.truth(settings.get("enableRandomizedWait")).unwrap_or(false);
    let factor = reader.share(settings.get("randomizedWaitFactor"));
    let initial = initial.max(Duration::from_millis(1));
    Waits {
        initial,
        multiplier_thousandths: if grows { multiplier.unwrap_or(1_500) } else { 1_000 },
        randomization: if varies { factor.unwrap_or(share(5_000)) } else { Share::NONE },
        max: longest.filter(|_| grows).map(|longest| longest.max(initial)),
    }
}
