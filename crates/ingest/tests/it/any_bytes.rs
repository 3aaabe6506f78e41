//! No bytes of a stranger panic, hang, or allocate beyond what they weigh.

use proptest::collection::vec;
use proptest::prelude::*;
use trunkline_ingest::thrift::{Flavor, Reader};
use trunkline_ingest::{jaeger, otlp, rules, sampling, zipkin};

const COMPACT: &[u8] = include_bytes!("../../testdata/jaeger_compact.bin");
const BINARY: &[u8] = include_bytes!("../../testdata/jaeger_binary.bin");
const JSON: &[u8] = include_bytes!("../../testdata/otlp.json");
const ZIPKIN: &[u8] = br#"[{"traceId":"5af7183fb1d4cf5f","id":"352bff9a74ca9ad2","kind":"CLIENT","timestamp":15,"duration":1431.5,"localEndpoint":{"serviceName":"b","ipv4":"1.2.3.4","port":-5},"annotations":[{"timestamp":1,"value":"a|{\"x\":1}|2"}],"binaryAnnotations":[{"key":"ca","value":true}],"tags":{"error":"x","otlp.link.0":"a|b|c|{}|1"}}]"#;

/// Reads bytes as everything that they could be.
fn read_all(bytes: &[u8]) {
    for flavor in [Flavor::Binary, Flavor::Compact] {
        let _ = jaeger::thrift::read_call(&mut Reader::new(bytes, flavor));
        let _ = jaeger::thrift::read_batch(&mut Reader::new(bytes, flavor));
    }
    let _ = jaeger::proto::read_post(bytes);
    let _ = zipkin::json::read_v1(bytes, 1);
    let _ = zipkin::json::read_v2(bytes, 1);
    let _ = zipkin::proto::read(bytes, 1);
    let _ = otlp::json::to_protobuf(bytes);
    let _ = sampling::Strategies::parse(bytes, 1.0);
    let _ = strict().apply(bytes);
}

fn strict() -> std::sync::Arc<rules::Rules> {
    let replace = rules::Action::Replace { pattern: "a+".into(), with: "$0$0".into() };
    let delete = rules::Action::Delete(vec!["*x*".to_owned()]);
    let rule = |action| rules::Rule { name: String::new(), action };
    rules::Rules::new(vec![rule(delete), rule(replace)], [0; 32]).unwrap()
}

/// Good bytes with some of them changed, cut or doubled.
fn damaged(good: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((0..good.len(), any::<u8>()), 0..6);
    (changes, 0..=good.len(), 0..=good.len()).prop_map(|(changes, cut, again)| {
        let mut bytes = good.to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let mut tail = bytes[again..].to_vec();
        bytes.truncate(cut);
        bytes.append(&mut tail);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..512)) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_thrift_is_read_or_refused(bytes in prop_oneof![damaged(COMPACT), damaged(BINARY)]) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_json_is_read_or_refused(bytes in prop_oneof![damaged(JSON), damaged(ZIPKIN)]) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_protobuf_is_read_or_refused(
        changes in vec((any::<usize>(), any::<u8>()), 0..6),
        cut in any::<usize>(),
    ) {
        let mut bytes = otlp::json::to_protobuf(JSON).unwrap();
        let length = bytes.len();
        for (at, byte) in changes {
            bytes[at % length] = byte;
        }
        bytes.truncate(cut % (length + 1));
        read_all(&bytes);
    }

    /// What translators write can be read, whatever they were given.
    #[test]
    fn what_is_translated_is_a_batch(bytes in prop_oneof![damaged(COMPACT), damaged(BINARY)]) {
        for flavor in [Flavor::Binary, Flavor::Compact] {
            if let Ok(Some(read)) = jaeger::thrift::read_call(&mut Reader::new(&bytes, flavor)) {
                let counts = trunkline_otlp::view::check(&read.request).unwrap();
                prop_assert_eq!(counts.invalid, 0);
            }
        }
        if let Ok(request) = zipkin::json::read_v2(&bytes, 1) {
            prop_assert_eq!(trunkline_otlp::view::check(&request).unwrap().invalid, 0);
        }
    }
}

/// Lists that announce two thousand million elements, and containers within containers.
#[test]
fn lengths_that_lie_and_endless_nests_end_at_once() {
    for flavor in [Flavor::Binary, Flavor::Compact] {
        for kind in 0..=255_u8 {
            let lie =
                [&[kind, 0, 2, 0x0c, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff][..], &[0xff; 40]].concat();
            let _ = jaeger::thrift::read_batch(&mut Reader::new(&lie, flavor));
            // A field of this type, and within it the same without end.
            let nest = [kind, 0, 1, kind, 0, 0, 0, 1].repeat(10_000);
            let _ = jaeger::thrift::read_batch(&mut Reader::new(&nest, flavor));
        }
    }
}
