//! Names on a laptop: of the gateway, of services, of surfaces, and in the certificate.

use std::process::Command;

use trunkline_testkit::Upstream;

use crate::serve::get_as;
use crate::support::{World, free_port};

/// A project of two pages and an API that answers at two names.
struct Poly {
    world: World,
    http: u16,
    https: u16,
    console: u16,
    _services: [Upstream; 3],
}

impl Poly {
    fn new() -> Self {
        let services = ["web page", "admin page", "auth api"];
        let services = services.map(|body| Upstream::answering(200, body));
        let world = World::new();
        let [http, https, console, metrics, jaeger] = std::array::from_fn(|_| free_port());
        let [web, admin, auth] = [0, 1, 2].map(|at: usize| services[at].address());
        world.write(
            "trunkline.yaml",
            &format!(
                "version: 1\nname: poly\n\
                 gateway: {{ domain: [poly.localhost, poly.test], http: {http}, https: {https} }}\n\
                 ports: {{ metrics: {metrics}, jaeger: {jaeger}, console: {console} }}\n\
                 services:\n  web-service: {{ external: \"{web}\" }}\n  \
                 admin-service: {{ external: \"{admin}\" }}\n  \
                 auth-service: {{ external: \"{auth}\" }}\n\
                 routes:\n  - {{ match: \"/api/auth/**\", to: auth-service, rewrite: {{ prefix: /api/auth, to: / }} }}\n  \
                 - {{ match: \"/**\", to: web-service }}\n"
            ),
        );
        Self { world, http, https, console, _services: services }
    }

    #[track_caller]
    fn check(&self, host: &str, path: &str, body: &str) {
        let found = get_as(self.http, host, path);
        assert_eq!(found, (200, body.to_owned()), "{host}{path}");
    }
}

#[test]
fn pages_and_the_api_answer_under_every_name() {
    let poly = Poly::new();
    let mut up = poly.world.start(&["up"]);
    up.wait_for("Ready in");
    for name in ["poly.localhost", "poly.test"] {
        for (label, page) in [
            ("", "web page"),
            ("web.", "web page"),
            ("web-service.", "web page"),
            ("admin.", "admin page"),
            ("admin-service.", "admin page"),
            ("auth.", "auth api"),
            ("api.", "web page"),
        ] {
            let host = format!("{label}{name}");
            poly.check(&host, "/", page);
            poly.check(&host, "/api/auth/login", "auth api");
        }
        for (label, status) in [("console.", 200), ("kiali.", 200), ("evil.example.", 200)] {
            assert_eq!(get_as(poly.console, &format!("{label}{name}"), "/v1/live").0, status);
        }
    }
    assert_eq!(get_as(poly.console, "poly.test.evil.example", "/v1/live").0, 421);
    let table = poly.world.data(&["urls"]);
    let (https, console) = (poly.https, poly.console);
    for url in [
        format!("gateway  https          https://poly.localhost:{https}"),
        format!("https://poly.test:{https}"),
        format!("service  admin-service  https://admin.poly.localhost:{https}"),
        format!("https://admin-service.poly.test:{https}"),
        format!("http://console.poly.test:{console}"),
    ] {
        assert!(table.contains(&url), "{url}\n{table}");
    }
    certificates(&poly);
    up.signal("INT");
    up.ended();
}

/// A client that trusts the project's root alone accepts every name.
fn certificates(poly: &Poly) {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: needs curl");
        return;
    }
    let root = poly.world.path("root.pem");
    std::fs::write(&root, poly.world.data(&["trust", "--print"])).unwrap();
    for name in ["poly.localhost", "poly.test", "admin.poly.localhost", "admin.poly.test"] {
        let port = poly.https;
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"]);
        curl.arg(&root).args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
        let output = curl.arg(format!("https://{name}:{port}/")).output().unwrap();
        let (body, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(body.ends_with(" page"), "{name}: {body}{error}");
    }
}
