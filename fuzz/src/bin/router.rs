//! Routing: no list of routes and no request makes the table panic, and the indexed table picks what the naive law
//! picks.
//!
//! The input is text, so that a person can read and write cases. First line: a request, `GET a.test /path?query value`,
//! where the last word is the value of a header field `x-a`. Further lines: one route each, `kind hosts path methods
//! header query rank`, with `-` for nothing; kinds are `e`xact, `p`refix, `g`lob and `r`egex, lists have commas.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trunkline_model::route::{
    Action, HostPattern, Match, OrderKey, PathPattern, Route, RouteTimeouts, Target, ValuePattern,
};
use trunkline_model::{ListenerId, Origin, RouteId};
use trunkline_proxy::route::{Asked, Fields, Miss, RouteTable, host, reference};

/// Most routes of one case: more find nothing new and take longer.
const ROUTES_MAX: u64 = 64;
/// Longest line: globs and regular expressions of the naive law are slow on long ones.
const LINE_BYTES_MAX: usize = 256;

fuzz_target!(|text: &str| {
    let mut lines = text.lines().filter(|line| line.len() <= LINE_BYTES_MAX);
    let Some(request) = lines.next() else { return };
    let mut words = request.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, authority, target, value) = (word(), word(), word(), word());
    let Ok(host) = host::normal(authority) else {
        return;
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let fields = [("X-A".to_owned(), value.to_owned())];
    let asked = Asked {
        host: &host,
        method,
        path,
        query,
        fields: Fields::Pairs(if value.is_empty() { &[] } else { &fields }),
    };

    let listener = ListenerId::new("http");
    let build = |routes: &[Route]| RouteTable::build(&listener, routes, &[]);
    let mut routes: Vec<Route> =
        (0..ROUTES_MAX).zip(lines).map(|(n, line)| route(n, line)).collect();
    routes.retain(|route| build(std::slice::from_ref(route)).is_ok());
    let table = build(&routes).expect("each of them alone is valid");
    let found = table.find(&asked).map(|route| route.id.clone());
    let wanted = match reference::pick(&routes, &asked) {
        Ok(Some(route)) => Ok(route.id.clone()),
        Ok(None) => Err(Miss::NoRoute),
        Err(bad) => Err(Miss::BadPath(bad)),
    };
    assert_eq!(found, wanted);
});

fn route(position: u64, line: &str) -> Route {
    let mut words = line.split(' ').map(|word| if word == "-" { "" } else { word });
    let mut word = || words.next().unwrap_or_default();
    let (kind, hosts, path, methods) = (word(), word(), word().to_owned(), word());
    let (header, query, rank) = (word(), word(), word());
    let list = |text: &str| -> Vec<String> {
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let host = |host: String| match host.strip_prefix("*.") {
        Some(suffix) => HostPattern::Wildcard(suffix.to_owned()),
        None => HostPattern::Exact(host),
    };
    Route {
        id: RouteId::new(position.to_string()),
        listeners: vec![],
        matching: Match {
            hosts: list(hosts).into_iter().map(host).collect(),
            path: match kind {
                "e" => PathPattern::Exact(path),
                "p" => PathPattern::Prefix(path),
                "r" => PathPattern::Regex(path),
                _ => PathPattern::Glob(path),
            },
            methods: list(methods),
            headers: value(header)
                .and_then(|pattern| Some(("x-a".parse().ok()?, pattern)))
                .into_iter()
                .collect(),
            query: value(query).map(|pattern| ("q".to_owned(), pattern)).into_iter().collect(),
        },
        order: OrderKey(rank.parse().unwrap_or_default(), position),
        action: Action::Forward(vec![Target {
            service: "web".parse().expect("`web` is a name"),
            weight: 1,
        }]),
        filters: vec![],
        timeouts: RouteTimeouts::default(),
        policies: trunkline_model::service::policies::Policies::default(),
        tracing: trunkline_model::trace::tracing::RouteTracing::default(),
        priority: 0,
        origin: Origin::built_in(),
    }
}

/// `=text`, `^text`, `~regex`, `+` for present, `!` for absent.
fn value(text: &str) -> Option<ValuePattern> {
    let rest = text.get(1..).unwrap_or_default().to_owned();
    Some(match text.chars().next()? {
        '=' => ValuePattern::Exact(rest),
        '^' => ValuePattern::Prefix(rest),
        '~' => ValuePattern::Regex(rest),
        '+' => ValuePattern::Present,
        '!' => ValuePattern::Absent,
        _ => return None,
    })
}
