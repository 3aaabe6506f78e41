//! What is in Redis, and who answers, is not ours to trust: errors, never a panic.

use std::time::Duration;

use std::io::{Read, Write};
use std::net::TcpListener;

use trunkline_resilience::breaker::Config;
use trunkline_resilience::{budget, rate_limiter};
use trunkline_share::{Away, BadSettings, Bulkhead, Link, Policies, Settings};

use crate::rig::{MILLI, Redis, SECOND};

fn policies() -> Policies {
    Policies::new(
        Some(Config::default()),
        Some(rate_limiter::Config::default()),
        Some(Bulkhead { max: 5, lease: SECOND }),
    )
    .unwrap()
}

#[tokio::test]
async fn a_key_of_somebody_else_is_an_error() {
    let Some(redis) = Redis::start() else { return };
    let (link, mut raw) = (redis.link(), redis.raw());
    for part in ["breaker", "rate", "bulkhead", "budget"] {
        let key = format!("test:{{{part}}}:{part}");
        let () = redis::cmd("SET").arg(key).arg("hello").query(&mut raw).unwrap();
        let answer = match part {
            "budget" => link.withdraw(part, &budget::Config::default()).await.map(drop),
            _ => link.admit(part, &policies()).await.map(drop),
        };
        assert!(matches!(answer, Err(Away::Refused(_))), "{part}: {answer:?}");
        assert!(!answer.unwrap_err().is_unknown());
    }
    // The connection is as good as before.
    assert!(link.admit("web", &policies()).await.is_ok());
}

#[tokio::test]
async fn numbers_that_make_no_sense_are_an_error() {
    let Some(redis) = Redis::start() else { return };
    let (link, mut raw) = (redis.link(), redis.raw());
    let numbers = |state: f64| [&[state][..], &[0.0; 13][..]].concat();
    for numbers in [vec![], vec![1.0; 13], vec![-1.0; 14], vec![f64::NAN; 14], numbers(77.0)] {
        let packed: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let key = "test:{web}:breaker";
        let () = redis::cmd("SET").arg(key).arg(packed).query(&mut raw).unwrap();
        let answer = link.look("web", &policies()).await;
        assert!(matches!(answer, Err(Away::Refused(_) | Away::Garbled)), "{numbers:?}: {answer:?}");
    }
    let _: i64 = redis::cmd("DEL").arg("test:{web}:breaker").query(&mut raw).unwrap();
    let () = redis::cmd("SET").arg("test:{web}:rate").arg("hi").query(&mut raw).unwrap();
    assert!(matches!(link.admit("web", &policies()).await, Err(Away::Refused(_))));
}

#[tokio::test]
async fn a_server_that_speaks_another_language_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for words in ["HTTP/1.1 400 Bad Request\r\n\r\n", "*1000000000\r\n", "+OK\r\n+OK\r\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut read = [0; 1_024];
            while stream.read(&mut read).is_ok_and(|length| length > 0) {
                if stream.write_all(words.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    let settings = Settings {
        url: format!("redis://{address}"),
        tls: None,
        prefix: String::new(),
        timeout: MILLI * 100,
    };
    for _ in 0..3 {
        // A link for each, because a link that failed pauses.
        let link = Link::new(&settings).unwrap();
        for _ in 0..3 {
            let answer = link.admit("web", &policies()).await;
            assert!(answer.is_err(), "{answer:?}");
        }
    }
    server.join().unwrap();
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let good = Settings {
        url: "redis://127.0.0.1".into(),
        tls: None,
        prefix: "p".into(),
        timeout: SECOND,
    };
    let refused = |settings: Settings| Link::new(&settings).err();
    assert_eq!(refused(good.clone()), None);
    for url in ["unix:///run/redis", "redis://user:word@host:6380/2", "redis+unix:///run/redis"] {
        assert_eq!(refused(Settings { url: url.into(), ..good.clone() }), None, "{url}");
    }
    for url in ["", "http://127.0.0.1", "redis://", "redis://host/x"] {
        let settings = Settings { url: url.into(), ..good.clone() };
        assert_eq!(refused(settings), Some(BadSettings::Url), "{url}");
    }
    let tls = Settings { url: "rediss://host".into(), ..good.clone() };
    assert_eq!(refused(tls), Some(BadSettings::Tls));
    let braces = Settings { prefix: "{a}".into(), ..good.clone() };
    assert_eq!(refused(braces), Some(BadSettings::Prefix));
    let none = Settings { timeout: Duration::ZERO, ..good.clone() };
    assert_eq!(refused(none), Some(BadSettings::Timeout));
    let secret = Settings { url: "redis://:secret@host".into(), ..good };
    assert!(!format!("{secret:?}{:?}", Link::new(&secret)).contains("secret"));
}
