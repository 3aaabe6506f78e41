//! PROXY headers and greetings of TLS: no bytes make a reader panic, a header that was taken is sent
//! as one that says the same, and what is there of one never says more than the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trunkline_net::hello::{Greeting, greeting};
use trunkline_net::proxy_protocol::{Parsed, Version, parse};

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(bytes);
    if let Ok(Parsed::Header(header, length)) = &parsed {
        assert!(*length <= bytes.len());
        let sent = header.encode(Version::V2).expect("what was taken can be sent");
        let again = parse(&sent).expect("what was sent can be taken");
        assert_eq!(again, Parsed::Header(header.clone(), sent.len()));
        for end in 0..*length {
            let part = parse(&bytes[..end]);
            assert!(
                matches!(part, Ok(Parsed::More(more)) if more > end && more <= *length),
                "{part:?}"
            );
        }
    }
    if let Greeting::Hello(hello) = greeting(bytes) {
        for end in 0..bytes.len() {
            match greeting(&bytes[..end]) {
                Greeting::More => {}
                Greeting::Hello(part) => assert_eq!(part, hello),
                Greeting::Other => panic!("the beginning of a greeting is none"),
            }
        }
    }
});
