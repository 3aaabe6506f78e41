//! `serve`: files in, requests answered, changes without loss, a clean end.

use std::time::Duration;

use trunkline_testkit::Upstream;

use crate::support::{World, describe, free_port, until};

/// A gateway on `port` in front of one service, with its management surfaces moved out of the way.
pub fn config(port: u16, upstream: &Upstream) -> String {
    format!(
        "version: 1\nname: demo\ngateway: {{ http: 127.0.0.1:{port}, access_log: off }}\n{}\
         services:\n  web: {{ external: \"{}\" }}\nroutes:\n  - {{ match: \"/**\", to: web }}\n",
        ports(),
        upstream.address()
    )
}

/// Management surfaces on free ports.
pub fn ports() -> String {
    let (metrics, jaeger, console) = (free_port(), free_port(), free_port());
    format!("ports: {{ metrics: {metrics}, jaeger: {jaeger}, console: {console} }}\n")
}

/// `GET` of a path over a fresh connection: status and body.
pub fn get(port: u16, path: &str) -> (u16, String) {
    get_as(port, "localhost", path)
}

/// `GET` of a path of some host.
pub fn get_as(port: u16, host: &str, path: &str) -> (u16, String) {
    use std::io::{Read, Write};
    let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", port)) else {
        return (0, String::new());
    };
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    let _ = socket.read_to_string(&mut text);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

#[test]
fn requests_go_through_and_a_wrong_file_changes_nothing() {
    let (one, two) = (Upstream::answering(200, "one"), Upstream::answering(200, "two"));
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &one));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    assert_eq!(get(port, "/"), (200, "one".to_owned()));

    world.write("trunkline.yaml", "version: 1\nservices: { web: { extrenal: 1 } }\n");
    serving.wait_for("the former one stays in force");
    assert_eq!(get(port, "/"), (200, "one".to_owned()));
    let refused = world.run(&["reload"]);
    assert_eq!(refused.status.code(), Some(2), "{}", describe(&refused));

    world.write("trunkline.yaml", &config(port, &two));
    until("the new file", || get(port, "/").1 == "two", || serving.text());
    serving.signal("TERM");
    assert_eq!(serving.ended().code(), Some(0));
    assert_eq!(std::fs::read_dir(world.path("run/trunkline")).unwrap().count(), 0);
}

#[test]
fn management_threads_step_back_behind_workers() {
    let (world, port, service) = (World::new(), free_port(), Upstream::answering(200, "one"));
    world.write("trunkline.yaml", &config(port, &service));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", serving.pid())).unwrap();
    let mut seen = [0, 0];
    for task in tasks {
        // proc_pid_stat(5): the name stands in parentheses; niceness is the 17th field behind it.
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        let (name, rest) = stat.rsplit_once(") ").unwrap();
        let niceness = rest.split(' ').nth(16).unwrap().to_owned();
        for (at, (kind, expected)) in [("(worker-", "0"), ("(manage", "5")].into_iter().enumerate()
        {
            if name.contains(kind) {
                assert_eq!(niceness, expected, "{stat}");
                seen[at] += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn the_end_waits_for_what_is_in_flight() {
    let slow = Upstream::streaming(10, "piece", Duration::from_millis(100));
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &slow));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    let request = std::thread::spawn(move || get(port, "/"));
    until("the request", || slow.requests() > 0, String::new);
    serving.signal("TERM");
    let (status, body) = request.join().unwrap();
    assert_eq!((status, body.matches("piece").count()), (200, 10));
    assert_eq!(serving.ended().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let slow = Upstream::streaming(600, "piece", Duration::from_millis(100));
    let (world, port) = (World::new(), free_port());
    world.write("trunkline.yaml", &config(port, &slow));
    let mut serving = world.start(&["serve", "-c", "trunkline.yaml"]);
    serving.wait_for("serving");
    let request = std::thread::spawn(move || get(port, "/"));
    until("the request", || slow.requests() > 0, String::new);
    serving.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert!(serving.child.try_wait().unwrap().is_none(), "it must drain");
    serving.signal("TERM");
    serving.ended();
    drop(request.join().unwrap());
}

#[test]
fn a_busy_port_is_told_with_its_holder() {
    let upstream = Upstream::answering(200, "one");
    let (world, port) = (World::new(), free_port());
    let _held = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    world.write("trunkline.yaml", &config(port, &upstream));
    let output = world.run(&["serve", "-c", "trunkline.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", describe(&output));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("already in use by") && text.contains("trunkline.yaml:3:"), "{text}");
}
