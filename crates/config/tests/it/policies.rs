//! Policies as they are written: short forms, long forms, Resilience4j's names, and mistakes.

use std::time::Duration;

use insta::assert_snapshot;
use trunkline_model::service::policies::{
    Condition, Fallback, HedgeDelay, Instead, Methods, Policies, Shared, Window,
};
use trunkline_model::units::Share;
use trunkline_model::{Fail, ServiceName};

use crate::rig::{model, screen};

fn policies(text: &str) -> Policies {
    let file = format!("version: 1\nservices:\n  web:\n    external: \"127.0.0.1:1\"\n{text}");
    model(&file).services.remove(0).policies
}

#[test]
fn short_forms_have_the_defaults_of_resilience4j() {
    let short = policies("    breaker: 60%\n    retry: 2\n    bulkhead: 10\n");
    let breaker = short.breaker.unwrap();
    assert_eq!(breaker.failure_rate, Share::from_basis_points(6_000).unwrap());
    assert_eq!((breaker.window, breaker.minimum_calls), (Window::Calls(100), 100));
    assert_eq!((breaker.wait.initial, breaker.trials), (Duration::from_secs(60), 10));
    let retry = short.retry.unwrap();
    assert_eq!((retry.attempts, retry.methods), (2, Methods::Idempotent));
    assert_eq!(retry.budget.unwrap().min_per_second, 10);
    assert_eq!(short.bulkhead.unwrap().max_calls, 10);
    let on =
        policies("    breaker: true\n    retry: true\n    bulkhead: true\n    adaptive: true\n");
    assert_eq!(on.bulkhead.unwrap().max_calls, 25);
    assert_eq!((on.retry.unwrap().attempts, on.adaptive.unwrap().max), (3, 200));
}

#[test]
fn long_forms_say_everything() {
    let long = policies(
        "    breaker: { open_at: 50%, window: 10s, min_calls: 20, wait: 5s..60s, trials: 3, \
         failures: [5xx, 429, \"grpc:unavailable\", timeout] }\n    \
         retry: { attempts: 3, on: [5xx, connect], backoff: 100ms..2s, budget: off, \
         methods: [get, post], try_timeout: 1s }\n    \
         bulkhead: { max_calls: 50, max_wait: 20ms }\n    \
         adaptive: { max: 10 }\n    shed: true\n    \
         fallback: { respond: { status: 200, body: '[]', type: application/json } }\n",
    );
    let breaker = long.breaker.unwrap();
    assert_eq!(breaker.window, Window::Seconds(10));
    assert_eq!(breaker.wait.max, Some(Duration::from_secs(60)));
    let failures =
        [Condition::Statuses(5), Condition::Status(429), Condition::Grpc(14), Condition::Timeout];
    assert_eq!(breaker.failures, failures);
    let retry = long.retry.unwrap();
    assert_eq!(retry.methods, Methods::These(vec!["GET".into(), "POST".into()]));
    assert_eq!((retry.budget, retry.wait.multiplier_thousandths), (None, 2_000));
    assert!(matches!(
        long.fallback,
        Some(Fallback { instead: Some(Instead::Respond { status: 200, .. }), stale: None })
    ));
}

#[test]
fn hedges_and_rates_have_short_and_long_forms() {
    let short = policies("    hedge: p95\n    rate_limiter: 100/s\n");
    let hedge = short.hedge.unwrap();
    assert_eq!(hedge.delay, HedgeDelay::Quantile(Share::from_basis_points(9_500).unwrap()));
    assert_eq!(
        (hedge.max, hedge.methods, hedge.budget.unwrap().min_per_second),
        (1, Methods::Idempotent, 1)
    );
    let limiter = short.rate_limiter.unwrap();
    assert_eq!((limiter.limit, limiter.period), (100, Duration::from_secs(1)));
    let long = policies(
        "    hedge: { delay: average+20%, max: 2, budget: off, methods: all }\n    \
         ratelimiter: { limitForPeriod: 10, limitRefreshPeriod: 100ms, timeoutDuration: 0 }\n",
    );
    let hedge = long.hedge.unwrap();
    assert_eq!(hedge.delay, HedgeDelay::AverageAndShare(Share::from_basis_points(2_000).unwrap()));
    assert_eq!((hedge.max, hedge.budget), (2, None));
    let limiter = long.rate_limiter.unwrap();
    assert_eq!((limiter.limit, limiter.period), (10, Duration::from_millis(100)));
    assert_eq!(limiter.max_wait, Duration::ZERO);
}

#[test]
fn a_call_has_policies_and_time_limits_of_its_own() {
    let model = model(
        "version: 1
services:
  web:
    external: \"127.0.0.1:1\"
    calls:
      - orders
      - { service: payment, timeout: 2s, retry: { attempts: 2, try_timeout: 500ms }, breaker: 30% }
  orders: { external: \"127.0.0.1:2\" }
  payment: { external: \"127.0.0.1:3\", bulkhead: 5 }
",
    );
    let web = model.services.iter().find(|service| service.name.as_str() == "web").unwrap();
    let names: Vec<_> = web.calls.iter().map(ServiceName::as_str).collect();
    assert_eq!(names, ["orders", "payment"]);
    let [call] = &web.call_policies[..] else { panic!("one call has policies") };
    assert_eq!(call.service.as_str(), "payment");
    assert_eq!(call.timeouts.request, Some(Duration::from_secs(2)));
    assert_eq!(call.timeouts.attempt, Some(Duration::from_millis(500)));
    assert_eq!(call.policies.retry.as_ref().unwrap().attempts, 2);
    assert!(call.policies.bulkhead.is_none(), "that is the service's");
}

#[test]
fn state_is_shared_through_a_redis() {
    let model = model(
        "version: 1
name: shop
cluster: { redis: \"redis://127.0.0.1:6379\", timeout: 20ms, fail: closed }
services:
  web:
    external: \"127.0.0.1:1\"
    breaker: { open_at: 50%, share: cluster }
    retry: { attempts: 2, share: cluster }
    passive: { success_rate: 1.9, latency: 3, hosts_min: 3 }
",
    );
    let cluster = model.cluster.unwrap();
    assert_eq!((cluster.prefix.as_str(), cluster.fail), ("shop", Fail::Closed));
    assert_eq!(cluster.timeout, Duration::from_millis(20));
    let web = &model.services[0];
    assert_eq!(web.policies.breaker.as_ref().unwrap().shared, Shared::Cluster);
    let budget = web.policies.retry.as_ref().unwrap().budget.unwrap();
    assert_eq!(budget.shared, Shared::Cluster);
    let compared = web.outlier.unwrap().compared.unwrap();
    assert_eq!((compared.success_deviations_thousandths, compared.hosts_min), (1_900, 3));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one screen with every mistake")]
fn what_cannot_be_shared_hedged_or_limited_is_told() {
    assert_snapshot!(screen(
        "
version: 1
services:
  web:
    external: \"127.0.0.1:1\"
    breaker: { scope: endpoint, share: cluster }
    hedge: { delay: soon, max: 9 }
    rate_limiter: 0/s
    fallback: { to: nobody }
  api:
    external: \"127.0.0.1:2\"
    hedge: { max: 9 }
    rate_limiter: { limit: 5/s, period: 2s }
"
    ), @r#"
    error[TL0108]: the fallback of `web` is `nobody`, which does not exist
     --> trunkline.yaml:4:3
      |
    4 |   web:
      |   ^^^ has this fallback
      |
      = hint: add it to `services`; one that runs elsewhere is `nobody: { external: "host:port" }`

    error[TL0114]: `share: cluster` needs a `cluster`
     --> trunkline.yaml:4:3
      |
    4 |   web:
      |   ^^^ has a policy that is to be shared
      |
      = hint: add `cluster: redis://host:6379` at the top of the file

    error[TL0114]: what there is for each endpoint is not shared
     --> trunkline.yaml:6:40
      |
    6 |     breaker: { scope: endpoint, share: cluster }
      |                                        ^^^^^^^ this has no effect
      |
      = hint: take `share` or `scope` out

    error[TL0105]: `delay` says after how long a hedge is made
     --> trunkline.yaml:7:21
      |
    7 |     hedge: { delay: soon, max: 9 }
      |                     ^^^^ not a delay
      |
      = hint: write `p95`, `50ms`, `average+20%` or `average+10ms`

    error[TL0105]: `max` is between 1 and 4
     --> trunkline.yaml:7:32
      |
    7 |     hedge: { delay: soon, max: 9 }
      |                                ^ of a hedge
      |
      = hint: it counts further attempts: `1` makes a second one

    error[TL0105]: a rate is at least 1 call in at most a day
     --> trunkline.yaml:8:19
      |
    8 |     rate_limiter: 0/s
      |                   ^^^ nobody could come through
      |
      = hint: write `100/s`, `10/100ms` or `1000/m`

    error[TL0105]: `max` is between 1 and 4
      --> trunkline.yaml:12:19
       |
    12 |     hedge: { max: 9 }
       |                   ^ of a hedge
       |
       = hint: it counts further attempts: `1` makes a second one

    error[TL0114]: the period is said twice
      --> trunkline.yaml:13:41
       |
    13 |     rate_limiter: { limit: 5/s, period: 2s }
       |                            --- and here ^^ here

    8 errors
    "#);
}

#[test]
fn names_of_resilience4j_are_understood() {
    let named = policies(
        "    breaker:\n      failureRateThreshold: 40\n      slidingWindowSize: 10\n      \
         minimumNumberOfCalls: 5\n      waitDurationInOpenState: 30s\n      \
         permittedNumberOfCallsInHalfOpenState: 3\n    \
         retry: { maxAttempts: 4, waitDuration: 200ms }\n    \
         bulkhead: { maxConcurrentCalls: 7, maxWaitDuration: 10ms }\n",
    );
    let breaker = named.breaker.unwrap();
    assert_eq!(breaker.failure_rate.basis_points(), 4_000);
    assert_eq!((breaker.minimum_calls, breaker.trials), (5, 3));
    assert_eq!((named.retry.unwrap().attempts, named.bulkhead.unwrap().max_calls), (4, 7));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one screen with every mistake")]
fn what_no_policy_can_be_is_told_with_its_place() {
    assert_snapshot!(screen(
        "
version: 1
services:
  web:
    external: \"127.0.0.1:1\"
    breaker: { open_at: 0%, slow_at: 101%, window: 0, trials: 0 }
    retry: { attempts: 0, on: [5xx, sometimes], backoff: 2s..1s }
    bulkhead: 0
  api:
    external: \"127.0.0.1:2\"
    breaker: { window: 10, min_calls: 20 }
    retry: soon
    shed: true
    fallback: { to: web, respond: { status: 200 } }
"
    ), @r#"
    error[TL0105]: `open_at` is above 0% and at most 100%
     --> trunkline.yaml:6:25
      |
    6 |     breaker: { open_at: 0%, slow_at: 101%, window: 0, trials: 0 }
      |                         ^^ it would be open from the first call on
      |
      = hint: `50%` opens it when every second call fails

    error[TL0105]: a share is at most 100%
     --> trunkline.yaml:6:38
      |
    6 |     breaker: { open_at: 0%, slow_at: 101%, window: 0, trials: 0 }
      |                                      ^^^^ not a share
      |
      = hint: write it like `12.5%`

    error[TL0105]: `window` is 1 to 1000000 calls, or 1 to 3600 whole seconds
     --> trunkline.yaml:6:52
      |
    6 |     breaker: { open_at: 0%, slow_at: 101%, window: 0, trials: 0 }
      |                                                    ^ no window
      |
      = hint: write `100` for the last 100 calls, or `10s`

    error[TL0105]: `trials` is between 1 and 1000000
     --> trunkline.yaml:6:63
      |
    6 |     breaker: { open_at: 0%, slow_at: 101%, window: 0, trials: 0 }
      |                                                               ^ it could never close again

    error[TL0105]: `attempts` is between 1 and 10
     --> trunkline.yaml:7:24
      |
    7 |     retry: { attempts: 0, on: [5xx, sometimes], backoff: 2s..1s }
      |                        ^ out of range
      |
      = hint: it counts the first attempt: `3` repeats twice

    error[TL0105]: `sometimes` is no kind of failure
     --> trunkline.yaml:7:37
      |
    7 |     retry: { attempts: 0, on: [5xx, sometimes], backoff: 2s..1s }
      |                                     ^^^^^^^^^ not known
      |
      = hint: known are `5xx`, a status such as `503`, `grpc:unavailable`, `connect`, `reset` and `timeout`

    error[TL0105]: a range begins with the shorter wait
     --> trunkline.yaml:7:58
      |
    7 |     retry: { attempts: 0, on: [5xx, sometimes], backoff: 2s..1s }
      |                                                          ^^^^^^ it would shrink

    error[TL0105]: `max_calls` is between 1 and 1000000
     --> trunkline.yaml:8:15
      |
    8 |     bulkhead: 0
      |               ^ nobody could come through

    error[TL0105]: `min_calls` is at least 1 and not above `window`
      --> trunkline.yaml:11:39
       |
    11 |     breaker: { window: 10, min_calls: 20 }
       |                        --             ^^ never reached
       |                        |
       |                        the calls that count
       |
       = hint: write a smaller `min_calls`, or a larger `window`

    error[TL0104]: expected a whole number, found the text `soon`
      --> trunkline.yaml:12:12
       |
    12 |     retry: soon
       |            ^^^^ this has another type

    error[TL0114]: `shed` has no limit to be a share of
      --> trunkline.yaml:13:11
       |
    13 |     shed: true
       |           ^^^^ nothing is ever shed
       |
       = hint: add `adaptive: true`, or a `bulkhead`

    error[TL0114]: a fallback has either `to` or `respond`
      --> trunkline.yaml:14:5
       |
    14 |     fallback: { to: web, respond: { status: 200 } }
       |     ^^^^^^^^ one of the two, and `stale` before it
       |
       = hint: write `fallback: { respond: { status: 200, body: '[]' } }`

    12 errors
    "#);
}
