//! Who called, as services and records are told, and what records tell of steps.

use trunkline_model::record::End;
use trunkline_testkit::Upstream;

use crate::rig::{Rig, model, service};

const ASKED: &str = "GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9, 198.51.100.7\r\n\
    X-Real-IP: 192.0.2.9\r\nX-Forwarded-Host: elsewhere\r\nForwarded: for=192.0.2.9\r\n\r\n";

#[tokio::test]
async fn nobody_but_a_trusted_proxy_says_who_called() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    caller.send(ASKED).await;
    let response = caller.response().await;
    let text = response.text();
    assert!(text.contains(r#"["x-forwarded-for","127.0.0.1"]"#), "{text}");
    assert!(text.contains(r#"["x-forwarded-host","a"]"#), "{text}");
    assert!(!text.contains("192.0.2.9"), "{text}");
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!(record.client.to_string(), "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_and_added_to_the_chain() {
    let upstream = Upstream::echo();
    let mut model = model(vec![service("web", &[upstream.address()])]);
    model.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let rig = Rig::start(model).await;
    let mut caller = rig.client().await;
    caller.send(ASKED).await;
    let response = caller.response().await;
    let text = response.text();
    let chain = r#"["x-forwarded-for","192.0.2.9, 198.51.100.7, 127.0.0.1"]"#;
    assert!(text.contains(chain), "{text}");
    let record = rig.records.wait(1).await.remove(0);
    assert_eq!(record.client.to_string(), "198.51.100.7");
    assert_eq!(record.peer.ip().to_string(), "127.0.0.1");
}

#[tokio::test]
async fn records_that_are_used_again_tell_of_one_exchange_only() {
    let upstream = Upstream::echo();
    let rig = Rig::before(&upstream).await;
    let mut caller = rig.client().await;
    for number in 0..40 {
        caller.get(&format!("host-{number}"), &format!("/a?{number}")).await;
        // Read before the next one is sent: the same record is filled again and again.
        rig.records.wait(number + 1).await;
    }
    for (number, record) in rig.records.all().iter().enumerate() {
        assert_eq!((record.host.as_str(), record.status), (&*format!("host-{number}"), 200));
        assert_eq!((record.target.as_str(), record.end), (&*format!("/a?{number}"), End::Complete));
        assert_eq!((record.attempts.len(), record.termination().to_string()), (1, "--".into()));
        let timings = record.timings;
        assert!(timings.queue.is_some() && timings.connect.is_some() && timings.response.is_some());
    }
}
