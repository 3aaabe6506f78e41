//! The PROXY protocol against HAProxy, which wrote it: its headers are understood, and ours by it.

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};

use tokio::net::TcpStream;
use trunkline_model::relay::ProxyVersion;
use trunkline_testkit::RawClient;
use trunkline_testkit::upstream::unused_address;
use trunkline_testkit::wait::until;

use crate::relay::relaying;
use crate::rig::{Rig, service};

const HAPROXY: &str = "/usr/sbin/haproxy";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The caller's address goes to HAProxy, from there to the relay, and from there to HAProxy again,
/// which says who it thinks has called.
#[tokio::test]
async fn the_caller_is_known_behind_haproxy_and_to_haproxy_behind() {
    if !std::path::Path::new(HAPROXY).exists() {
        println!("skipped: needs haproxy");
        return;
    }
    for (ours, theirs) in [(ProxyVersion::V1, "send-proxy-v2"), (ProxyVersion::V2, "send-proxy")] {
        let (front, back) = (unused_address(), unused_address());
        let mut web = service("web", &[back]);
        web.proxy_protocol = Some(ours);
        let mut model = relaying(vec![web]);
        model.listeners[0].proxy_protocol = vec!["127.0.0.0/8".parse().unwrap()];
        let rig = Rig::start(model).await;
        let mut text = String::from("defaults\n timeout connect 5s\n timeout client 5s\n");
        text.push_str(" timeout server 5s\n");
        write!(
            text,
            "frontend front\n mode tcp\n bind {front}\n default_backend relay\n\
             backend relay\n mode tcp\n server relay {} {theirs}\n\
             frontend back\n mode http\n bind {back} accept-proxy\n\
             \x20http-request return status 200 content-type text/plain lf-string %[src]:%[src_port]\n",
            rig.address
        )
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(HAPROXY);
        command.arg("-db").arg("-f").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let _running = Running(command.spawn().unwrap());
        until("haproxy listens", async || TcpStream::connect(back).await.is_ok()).await;
        let caller = TcpStream::connect(front).await.unwrap();
        let address = caller.local_addr().unwrap().to_string();
        let answer = RawClient::over(caller).get("shop.localhost", "/").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(String::from_utf8_lossy(&answer.body), address);
        let record = rig.records.wait(1).await.remove(0);
        assert_eq!(record.peer.to_string(), address);
    }
}
