//! An `application.yml` as a Java team has it, beside a `trunkline.yaml`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use trunkline_config::files::Memory;
use trunkline_config::native::Native;
use trunkline_config::{Loaded, Options, load_with};
use trunkline_dialect_spring::Spring;
use trunkline_model::service::policies::{Policies, Window};

const OURS: &str = "version: 1
include: [application.yml]
gateway: { http: 8000 }
services:
  backend-a: { external: \"127.0.0.1:1\" }
  backend-b: { external: \"127.0.0.1:2\", retry: 5 }
";

const THEIRS: &str = "
spring:
  application.name: shop
server.port: 9080
resilience4j:
  circuitbreaker:
    configs:
      default:
        registerHealthIndicator: true
        slidingWindowSize: 10
        minimumNumberOfCalls: 5
        permittedNumberOfCallsInHalfOpenState: 3
        automaticTransitionFromOpenToHalfOpenEnabled: true
        waitDurationInOpenState: 5s
        failureRateThreshold: 50
        eventConsumerBufferSize: 10
      shared:
        sliding-window-type: TIME_BASED
        sliding-window-size: 100
        wait-duration-in-open-state: PT1S
        failure-rate-threshold: 33.5
    instances:
      backendA:
        baseConfig: default
      backendB:
        baseConfig: shared
        enableExponentialBackoff: true
        exponentialBackoffMultiplier: 2
        recordExceptions: [java.io.IOException]
  retry:
    instances:
      backendA: { maxAttempts: 4, waitDuration: 100ms }
      backendB: { maxAttempts: 3 }
  bulkhead:
    instances:
      backendA: { maxConcurrentCalls: 7, maxWaitDuration: 10 }
  timelimiter:
    instances:
      backendA: { timeoutDuration: 2s }
  ratelimiter:
    instances:
      backendA: { limitForPeriod: 10, limitRefreshPeriod: 1s, timeoutDuration: 0 }
";

fn load(theirs: &str) -> Loaded {
    let files = [("trunkline.yaml", OURS), ("application.yml", theirs)];
    let files: BTreeMap<_, _> =
        files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect();
    load_with(
        &Memory(files),
        &[PathBuf::from("trunkline.yaml")],
        &Options::default(),
        &[&Native, &Spring],
    )
}

fn messages(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(|told| format!("{} {}", told.code, told.message)).collect()
}

#[test]
fn instances_protect_the_services_of_their_name() {
    let loaded = load(THEIRS);
    let model = loaded.model.clone().unwrap_or_else(|| panic!("{:?}", messages(&loaded)));
    let policies = |name: &str| -> (Policies, Option<Duration>) {
        let service = model.services.iter().find(|s| s.name.as_str() == name).unwrap();
        (service.policies.clone(), service.timeouts.attempt)
    };
    let (a, limit) = policies("backend-a");
    let breaker = a.breaker.unwrap();
    assert_eq!((breaker.window, breaker.minimum_calls), (Window::Calls(10), 5));
    assert_eq!((breaker.wait.initial, breaker.trials), (Duration::from_secs(5), 3));
    assert!(breaker.automatic);
    assert_eq!(a.retry.unwrap().wait.initial, Duration::from_millis(100));
    assert_eq!(a.bulkhead.unwrap().max_wait, Duration::from_millis(10));
    assert_eq!(limit, Some(Duration::from_secs(2)));
    let limiter = a.rate_limiter.unwrap();
    assert_eq!((limiter.limit, limiter.period), (10, Duration::from_secs(1)));
    assert_eq!(limiter.max_wait, Duration::ZERO);
    let (b, _) = policies("backend-b");
    let breaker = b.breaker.unwrap();
    assert_eq!(
        (breaker.window, breaker.failure_rate.basis_points()),
        (Window::Seconds(100), 3_350)
    );
    assert_eq!(breaker.wait.multiplier_thousandths, 2_000);
    assert_eq!(b.retry.unwrap().attempts, 5, "what trunkline.yaml says wins");
    let told = messages(&loaded);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("`recordExceptions` names classes"), "{told:?}");
}

#[test]
fn mistakes_are_told_and_limits_are_never_dropped_silently() {
    let told = messages(&load(
        "resilience4j:
  circuitbreaker:
    instances:
      backendA: { failureRateThreshold: 101, waitDurationInOpenState: soon, baseConfig: none }
      nobody: { slidingWindowSize: 5 }
  ratelimiter:
    instances: { backendA: { limitForPeriod: 5 } }
  threadPoolBulkhead:
    instances: { backendA: { maxThreadPoolSize: 5 } }
",
    ));
    for expect in [
        "percentage above 0 and at most 100",
        "expected a duration",
        "there is no config `none`",
        "no service is named `nobody`",
        "a `ratelimiter` without `limitRefreshPeriod` has a period of 500 ns",
        "`threadPoolBulkhead` is not served yet",
    ] {
        assert!(told.iter().any(|message| message.contains(expect)), "{expect}: {told:?}");
    }
}
