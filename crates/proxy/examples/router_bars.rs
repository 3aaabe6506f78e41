//! Measures the router's bars: `cargo run --release -p trunkline-proxy --example router_bars`.
//!
//! - Preparing 10 000 routes, from nothing and over a former table.
//! - A lookup among 10 000 routes against one among 10, in several shapes of route lists.
//!
//! Each round asks for every route of the large table once, in random order, so that it does not sit
//! in the first cache by luck, and for the routes of the small one as often. Requests lie behind each
//! other in one buffer, as little in the way of the table as they can be. Rounds of both sizes
//! alternate, and the bar is the median of the rounds' ratios: what slows the machine down for a
//! moment slows both.
#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]
#![expect(clippy::disallowed_methods, reason = "measuring time is what it is for")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_model::route::{
    Action, HostPattern, Match, PathPattern, Route, RouteTimeouts, Target, specificity,
};
use trunkline_model::{ListenerId, Origin, RouteId};
use trunkline_proxy::route::{Asked, Fields, RouteTable};
use trunkline_rt::Random;

const MANY: u64 = 10_000;
const FEW: u64 = 10;
const ROUNDS: usize = 31;

/// A way in which a configuration may have many routes: host and path of the route at an index.
struct Shape {
    name: &'static str,
    host: fn(u64) -> Option<HostPattern>,
    pattern: fn(u64) -> PathPattern,
    /// Host and path of a request for it.
    request: fn(u64) -> (String, String),
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "one host, prefixes",
        host: |_| None,
        pattern: |n| PathPattern::Prefix(format!("/api/resource-{n}")),
        request: |n| ("shop.localhost".into(), format!("/api/resource-{n}/items")),
    },
    Shape {
        name: "one host, exact paths, three levels",
        host: |_| None,
        pattern: |n| PathPattern::Exact(format!("/v1/group-{}/item-{n}", n % 100)),
        request: |n| ("shop.localhost".into(), format!("/v1/group-{}/item-{n}", n % 100)),
    },
    Shape {
        name: "one host, globs",
        host: |_| None,
        pattern: |n| PathPattern::Glob(format!("/tenants/*/resource-{n}/**")),
        request: |n| ("shop.localhost".into(), format!("/tenants/t7/resource-{n}/x")),
    },
    Shape {
        name: "100 routes for each host",
        host: |n| Some(HostPattern::Exact(format!("host-{}.example.com", n / 100))),
        pattern: |n| PathPattern::Glob(format!("/api/resource-{}/**", n % 100)),
        request: |n| {
            let host = format!("host-{}.example.com", n / 100);
            (host, format!("/api/resource-{}/items", n % 100))
        },
    },
    Shape {
        name: "one route for each host",
        host: |n| Some(HostPattern::Exact(format!("host-{n}.example.com"))),
        pattern: |_| PathPattern::Glob("/**".into()),
        request: |n| (format!("host-{n}.example.com"), "/index.html".into()),
    },
];

fn main() {
    println!("prepare {MANY} routes (bar: the whole prepare in 500 ms), median of 9");
    for shape in &SHAPES {
        prepare(shape);
    }
    println!("lookup among {MANY} / among {FEW} (bar: 1.5), medians of {ROUNDS} rounds");
    for shape in &SHAPES {
        compare(shape);
    }
}

fn routes(shape: &Shape, count: u64) -> Vec<Route> {
    (0..count).map(|n| route(shape, n)).collect()
}

fn route(shape: &Shape, n: u64) -> Route {
    let matching = Match {
        hosts: (shape.host)(n).into_iter().collect(),
        path: (shape.pattern)(n),
        methods: vec![],
        headers: vec![],
        query: vec![],
    };
    Route {
        id: RouteId::new(format!("route-{n}")),
        listeners: vec![],
        order: specificity(&matching, n),
        matching,
        action: Action::Forward(vec![Target {
            service: "web".parse().expect("`web` is a name"),
            weight: 1,
        }]),
        filters: vec![],
        timeouts: RouteTimeouts::default(),
        policies: trunkline_model::service::policies::Policies::default(),
        tracing: trunkline_model::trace::tracing::RouteTracing::default(),
        priority: 0,
        origin: Origin::new("trunkline.yaml", 1, 1),
    }
}

fn build(routes: &[Route], donors: &[&RouteTable]) -> RouteTable {
    RouteTable::build(&ListenerId::new("http"), routes, donors).expect("the routes are valid")
}

fn prepare(shape: &Shape) {
    let routes = routes(shape, MANY);
    let former = build(&routes, &[]);
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let start = Instant::now();
        black_box(build(&routes, &[]));
        fresh.push(start.elapsed());
        let start = Instant::now();
        black_box(build(&routes, &[&former]));
        again.push(start.elapsed());
    }
    let (fresh, again) = (median(fresh), median(again));
    println!("  {:<38} {fresh:>9.2?}   unchanged {again:>9.2?}", shape.name);
}

fn compare(shape: &Shape) {
    let (many, few) = (routes(shape, MANY), routes(shape, FEW));
    let (many, few) = (build(&many, &[]), build(&few, &[]));
    let (requests_many, requests_few) = (requests(shape, MANY), requests(shape, FEW));
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let pair = (look_up(&many, &requests_many), look_up(&few, &requests_few));
        // The first round warms caches and clock speed.
        if round > 0 {
            rounds.push(pair);
        }
    }
    let mut ratios: Vec<_> =
        rounds.iter().map(|(many, few)| many.as_secs_f64() / few.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    let many = median(rounds.iter().map(|(many, _)| *many).collect());
    let few = median(rounds.iter().map(|(_, few)| *few).collect());
    println!("  {:<38} {many:>9.2?} / {few:>9.2?} = {ratio:.2}", shape.name);
}

/// `MANY` requests for the first `count` routes, each equally often, in random order: one text, and
/// where in it each host and path end.
fn requests(shape: &Shape, count: u64) -> (String, Vec<(u32, u32)>) {
    let mut random = Random::from_seed(1);
    let mut order: Vec<_> = (0..MANY).map(|n| (random.number(), n % count)).collect();
    order.sort_unstable();
    let (mut text, mut ends) = (String::new(), Vec::new());
    let end = |text: &String| u32::try_from(text.len()).expect("the text is short");
    for (_, n) in order {
        let (host, path) = (shape.request)(n);
        text.push_str(&host);
        let host_end = end(&text);
        text.push_str(&path);
        ends.push((host_end, end(&text)));
    }
    (text, ends)
}

/// Time of one lookup.
fn look_up(table: &RouteTable, (text, ends): &(String, Vec<(u32, u32)>)) -> Duration {
    let part = |from: u32, to: u32| text.get(from as usize..to as usize).unwrap_or_default();
    let mut at = 0;
    let start = Instant::now();
    for (host_end, path_end) in ends {
        let asked = Asked {
            host: part(at, *host_end),
            method: "GET",
            path: part(*host_end, *path_end),
            query: None,
            fields: Fields::Pairs(&[]),
        };
        at = *path_end;
        let found = table.find(black_box(&asked)).expect("every request has a route");
        black_box(Arc::as_ptr(found));
    }
    let count = u32::try_from(ends.len()).expect("there are few requests");
    start.elapsed() / count
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
