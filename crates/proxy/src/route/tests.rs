//! Laws of the whole table.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use trunkline_model::filter::Filter;
use trunkline_model::ops::Question;
use trunkline_model::route::{
    Action, HostPattern, Match, OrderKey, PathPattern, Route, RouteTimeouts, Target, ValuePattern,
    specificity,
};
use trunkline_model::{ListenerId, Origin, RouteId};

use super::table::kind::EXACT;
use super::*;

fn route(id: &str, hosts: &[&str], path: PathPattern) -> Route {
    let host = |host: &&str| match host.strip_prefix("*.") {
        Some(suffix) => HostPattern::Wildcard(suffix.into()),
        None => HostPattern::Exact((*host).into()),
    };
    Route {
        id: RouteId::new(id),
        listeners: vec![],
        matching: Match {
            hosts: hosts.iter().map(host).collect(),
            path,
            methods: vec![],
            headers: vec![],
            query: vec![],
        },
        order: OrderKey(0, 0),
        action: Action::Forward(vec![Target { service: "web".parse().unwrap(), weight: 1 }]),
        filters: vec![],
        timeouts: RouteTimeouts::default(),
        policies: trunkline_model::service::policies::Policies::default(),
        tracing: trunkline_model::trace::tracing::RouteTracing::default(),
        priority: 0,
        origin: Origin::new("trunkline.yaml", 1, 1),
    }
}

fn ranked(mut routes: Vec<Route>) -> Vec<Route> {
    for (position, route) in (0..).zip(&mut routes) {
        route.order = specificity(&route.matching, position);
    }
    routes
}

fn build(routes: &[Route]) -> RouteTable {
    RouteTable::build(&ListenerId::new("http"), routes, &[]).unwrap()
}

fn asked<'a>(host: &'a str, path: &'a str) -> Asked<'a> {
    Asked { host, method: "GET", path, query: None, fields: Fields::Pairs(&[]) }
}

fn found<'a>(table: &'a RouteTable, host: &str, path: &str) -> &'a str {
    match table.find(&asked(host, path)) {
        Ok(route) => route.id.as_str(),
        Err(Miss::NoRoute) => "none",
        Err(Miss::BadPath(_)) => "bad",
    }
}

fn glob(text: &str) -> PathPattern {
    PathPattern::Glob(text.into())
}

#[test]
fn the_most_specific_route_wins_and_the_next_takes_the_rest() {
    let mut only_post = route("post", &[], glob("/api/orders/**"));
    only_post.matching.methods = vec!["POST".into()];
    let table = build(&ranked(vec![
        route("all", &[], glob("/**")),
        route("orders", &[], glob("/api/orders/**")),
        only_post,
        route("admin", &["admin.test"], glob("/**")),
        route("tenant", &["*.test"], glob("/api/**")),
        route("user", &[], PathPattern::Regex("/users/[0-9]+".into())),
    ]));
    for (host, path, wanted) in [
        ("shop", "/", "all"),
        ("shop", "/api/orders/1", "orders"),
        ("shop", "/api", "all"),
        ("admin.test", "/api/orders", "admin"),
        ("x.test", "/api/orders", "tenant"),
        ("x.y.test", "/api/orders", "tenant"),
        ("test", "/api/orders", "orders"),
        ("x.test", "/", "all"),
        ("shop", "/users/7", "user"),
        ("shop", "/users/x", "all"),
        ("shop", "/api/%6frders", "orders"),
        ("shop", "/x/../api", "bad"),
        ("shop", "*", "bad"),
    ] {
        assert_eq!(found(&table, host, path), wanted, "{host} {path}");
    }
}

#[test]
fn order_keys_decide_against_specificity_where_a_dialect_says_so() {
    let mut first = route("first", &[], glob("/**"));
    first.order = OrderKey(9, 0);
    let mut exact = route("exact", &["a.test"], PathPattern::Exact("/x".into()));
    exact.order = OrderKey(1, 0);
    assert_eq!(found(&build(&[first, exact]), "a.test", "/x"), "first");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut both = route("both", &["UPPER.test"], PathPattern::Regex("(".into()));
    both.action = Action::Forward(vec![]);
    let twice = route("glob", &[], glob("/a**"));
    let wrong = RouteTable::build(&ListenerId::new("http"), &[both, twice], &[]).unwrap_err();
    let ids: Vec<_> = wrong.iter().map(|wrong| wrong.id.as_str()).collect();
    assert_eq!(ids, ["both", "both", "both", "glob"]);
}

#[test]
fn a_listener_serves_its_own_routes_and_those_of_all() {
    let mut other = route("other", &[], glob("/x"));
    other.listeners = vec![ListenerId::new("admin")];
    let table = build(&ranked(vec![other, route("all", &[], glob("/**"))]));
    assert_eq!(found(&table, "a", "/x"), "all");
}

#[test]
fn unchanged_buckets_and_routes_are_shared_with_the_former_table() {
    let mut routes = ranked(vec![
        route("a", &["a.test"], glob("/**")),
        route("b", &["b.test"], glob("/**")),
        route("re", &["b.test"], PathPattern::Regex("/x.*".into())),
    ]);
    let former = build(&routes);
    routes[1].action =
        Action::Forward(vec![Target { service: "other".parse().unwrap(), weight: 1 }]);
    let http = ListenerId::new("http");
    let next = RouteTable::build(&http, &routes, &[&former]).unwrap();
    let same = |host| {
        let (a, b) = (former.bucket(EXACT, host), next.bucket(EXACT, host));
        a.unwrap().is_shared_with(b.unwrap())
    };
    assert!(same("a.test") && !same("b.test"));
    let by_id = |table: &RouteTable, id: &str| {
        Arc::clone(table.routes().iter().find(|r| r.id.as_str() == id).unwrap())
    };
    assert!(Arc::ptr_eq(&by_id(&former, "re"), &by_id(&next, "re")));
    assert!(!Arc::ptr_eq(&by_id(&former, "b"), &by_id(&next, "b")));

    routes[0].origin.line = 7;
    let moved = RouteTable::build(&http, &routes, &[&next]).unwrap();
    assert_eq!(by_id(&moved, "a").origin.line, 7);
}

#[test]
fn explanations_tell_why_better_routes_were_passed_over() {
    let mut canary = route("canary", &[], glob("/api/**"));
    canary.matching.headers = vec![("x-canary".parse().unwrap(), ValuePattern::Present)];
    let mut api = route("api", &[], glob("/api/**"));
    api.filters = vec![Filter::RequestHeaders(vec![])];
    let far = route("far", &["a.test"], glob("/other/**"));
    let table = build(&ranked(vec![api, canary, far]));
    let mut question = Question {
        method: "GET".into(),
        scheme: "https".into(),
        host: "b.test".into(),
        port: None,
        caller: None,
        target: "/api/orders?x=1".into(),
        headers: vec![],
    };
    let told = explanation(&table, &question);
    assert_eq!(told.route.unwrap().0, RouteId::new("api"));
    assert_eq!(told.filters, ["request_headers"]);
    assert_eq!(told.targets.len(), 1);
    let why = "header `x-canary` does not fit";
    assert_eq!(told.passed_over, [(RouteId::new("canary"), why.to_owned())]);

    question.headers.push(("X-Canary".into(), "1".into()));
    assert_eq!(explanation(&table, &question).route.unwrap().0, RouteId::new("canary"));

    question.target = "/none".into();
    let told = explanation(&table, &question);
    assert_eq!((told.route, told.passed_over.len()), (None, 3));
}

fn a_segment() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "ab", "", "*", "**", "a*", "*b", "%61", "a*b*"])
}

fn a_path_pattern() -> impl Strategy<Value = PathPattern> {
    let joined = proptest::collection::vec(a_segment(), 1..5)
        .prop_map(|segments| format!("/{}", segments.join("/")))
        .boxed();
    let plain = joined.clone().prop_map(|path| path.replace('*', "")).boxed();
    let regexes = vec![
        "/a.*",
        "/a/b?",
        "/(a|b)/.*",
        "/a|/b",
        ".*b",
        "/a/[ab]+",
        "(?i)/A",
        "/ab/(a/)*b",
        "/a\\/b",
    ];
    prop_oneof![
        plain.clone().prop_map(PathPattern::Exact),
        plain.prop_map(PathPattern::Prefix),
        joined.prop_map(PathPattern::Glob),
        select(regexes).prop_map(|text| PathPattern::Regex(text.into())),
    ]
}

fn a_value_pattern() -> impl Strategy<Value = ValuePattern> {
    select(vec![
        ValuePattern::Exact("a".into()),
        ValuePattern::Prefix("a".into()),
        ValuePattern::Regex("a|b+".into()),
        ValuePattern::Present,
        ValuePattern::Absent,
    ])
}

fn some_hosts() -> impl Strategy<Value = Vec<HostPattern>> {
    let exact = select(vec!["t", "a.t", "b.a.t"]).prop_map(|h| HostPattern::Exact(h.into()));
    let wildcard = select(vec!["t", "a.t"]).prop_map(|h| HostPattern::Wildcard(h.into()));
    proptest::collection::vec(prop_oneof![exact, wildcard], 0..3)
}

prop_compose! {
    fn a_route()(
        hosts in some_hosts(),
        path in a_path_pattern(),
        methods in proptest::collection::vec(select(vec!["GET", "POST"]), 0..2),
        header in proptest::option::weighted(0.3, a_value_pattern()),
        query in proptest::option::weighted(0.3, a_value_pattern()),
        rank in 0_u64..4,
    ) -> Route {
        let mut route = route("r", &[], path);
        route.matching.hosts = hosts;
        route.matching.methods = methods.into_iter().map(str::to_owned).collect();
        route.matching.headers = header.map(|h| ("x-a".parse().unwrap(), h)).into_iter().collect();
        route.matching.query = query.map(|q| ("q".to_owned(), q)).into_iter().collect();
        route.order = OrderKey(rank, 0);
        route
    }
}

fn some_routes() -> impl Strategy<Value = Vec<Route>> {
    proptest::collection::vec(a_route(), 0..25).prop_map(|mut routes| {
        for (index, route) in (0..).zip(&mut routes) {
            route.id = RouteId::new(format!("r{index}"));
            route.order.1 = index;
        }
        routes
    })
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_naive_law(
        routes in some_routes(),
        host in select(vec!["t", "a.t", "b.a.t", "c.b.a.t", "x", ""]),
        segments in proptest::collection::vec(
            select(vec!["a", "b", "ab", "", "aab", "%61", "aXb", "A"]), 1..6),
        method in select(vec!["GET", "POST"]),
        values in proptest::collection::vec(select(vec!["a", "b", "ab", ""]), 0..3),
        query in proptest::option::of(select(vec!["q=a", "q", "x=1&q=%61b", "q=b&q=a", ""])),
    ) {
        let path = format!("/{}", segments.join("/"));
        let fields: Vec<_> = values.into_iter().map(|v| ("X-A".to_owned(), v.to_owned())).collect();
        let asked = Asked { host, method, path: &path, query, fields: Fields::Pairs(&fields) };
        let table = build(&routes);
        let found = table.find(&asked).map(|route| route.id.clone()).ok();
        let wanted = reference::pick(&routes, &asked).unwrap().map(|route| route.id.clone());
        prop_assert_eq!(&found, &wanted);
        let again = RouteTable::build(&ListenerId::new("http"), &routes, &[&table]).unwrap();
        prop_assert_eq!(again.find(&asked).map(|route| route.id.clone()).ok(), wanted);
    }
}
