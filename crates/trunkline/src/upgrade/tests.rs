use super::*;

use std::os::unix::net::UnixStream;
use trunkline_net::socket::Bound;

fn lines() -> (Line, Line) {
    let (one, other) = UnixStream::pair().unwrap();
    let line = |socket| Line::new(Channel::new(socket, STEP_MAX).unwrap());
    (line(one), line(other))
}

#[tokio::test]
async fn what_is_said_arrives_with_its_sockets() {
    let (mut old, mut new) = lines();
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let descriptors = bound.descriptors().map(|fd| fd.try_clone_to_owned().unwrap()).collect();
    old.send(&Say::Offer, descriptors).await.unwrap();
    let (say, message) = new.receive().await.unwrap();
    assert_eq!(say, Say::Offer);
    assert_eq!(Bound::adopt(message.descriptors).unwrap()[0].address(), bound.address());
    let state =
        State { overrides: vec![("a@127.0.0.1:1".into(), "maint".into())], ..State::default() };
    old.send(&Say::State(state.clone()), Vec::new()).await.unwrap();
    assert_eq!(new.receive().await.unwrap().0, Say::State(state));
}

#[tokio::test]
async fn a_peer_that_goes_is_an_error_and_not_a_hang() {
    let (mut old, new) = lines();
    drop(new);
    assert!(matches!(old.receive().await, Err(UpgradeError::Channel(UnixError::Closed))));
}

#[test]
fn a_refusal_carries_its_reason() {
    let refused = out_of_turn("ready", &Say::Failed { reason: "no route".into() });
    assert_eq!(refused.to_string(), "the new process cannot serve: no route");
}
