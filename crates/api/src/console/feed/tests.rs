//! Bounds of the feed.

use serde_json::json;
use trunkline_rt::Clock;

use super::*;

#[tokio::test]
async fn a_reader_begins_with_the_snapshot_and_hears_what_comes() {
    let feed = Feed::default();
    assert!(!feed.is_watched());
    feed.show(&json!({ "a": "\n" }));
    let mut reader = feed.join().unwrap();
    assert!(feed.is_watched());
    let first = reader.next().await.unwrap();
    assert_eq!(first, "retry: 1000\n\nevent: snapshot\ndata: {\"a\":\"\\n\"}\n\n");
    feed.tell("service", &json!({ "name": "web" }));
    assert_eq!(reader.next().await.unwrap(), "event: service\ndata: {\"name\":\"web\"}\n\n");
    feed.show(&json!(1));
    feed.show(&json!(2));
    assert_eq!(reader.next().await.unwrap(), "event: snapshot\ndata: 2\n\n");
    feed.end();
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn a_reader_that_is_too_far_behind_is_let_go() {
    let feed = Feed::default();
    let mut reader = feed.join().unwrap();
    reader.next().await.unwrap();
    for number in 0..=BEHIND_MAX {
        feed.tell("service", &json!(number));
    }
    assert_eq!(reader.next().await, None);
}

#[test]
fn readers_are_counted_and_their_places_come_back() {
    let feed = Feed::default();
    let mut readers: Vec<_> = (0..READERS_MAX).map(|_| feed.join().unwrap()).collect();
    assert!(feed.join().is_none());
    readers.pop();
    assert!(feed.join().is_some());
}

#[test]
fn so_many_requests_are_told_in_a_second() {
    let manual = trunkline_rt::ManualClock::new();
    let clock = Clock::from(&manual);
    let mut pace = Pace::default();
    let told = (0..200).filter(|_| pace.allows(clock.now())).count();
    assert_eq!(told, REQUESTS_PER_SECOND as usize);
    manual.advance(Duration::from_secs(1));
    assert!(pace.allows(clock.now()));
}
