//! Laws of the PROXY protocol: what is written is read back, what is read elsewhere means the same here.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn address() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(|(ip, port)| (ip, port).into()),
        (any::<[u8; 16]>(), any::<u16>()).prop_map(|(ip, port)| (ip, port).into()),
    ]
}

fn transport() -> impl Strategy<Value = Transport> {
    prop_oneof![Just(Transport::Stream), Just(Transport::Datagram)]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    vec(1_u8.., 0..=108)
}

fn addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        Just(Addresses::Local),
        Just(Addresses::Unknown),
        (address(), any::<u16>(), transport()).prop_map(|(source, port, transport)| {
            let destination = SocketAddr::new(source.ip(), port);
            Addresses::Ip { source, destination, transport }
        }),
        (path(), path(), transport()).prop_map(|(source, destination, transport)| {
            Addresses::Unix { source, destination, transport }
        }),
    ]
}

fn tlv() -> impl Strategy<Value = Tlv> {
    let bytes = || vec(any::<u8>(), 0..40);
    prop_oneof![
        bytes().prop_map(Tlv::Alpn),
        "[a-z.]{0,40}".prop_map(Tlv::Authority),
        bytes().prop_map(Tlv::UniqueId),
        "[a-z]{0,20}".prop_map(Tlv::NetworkNamespace),
        (0xe0_u8..=0xef, bytes()).prop_map(|(kind, value)| Tlv::Other(kind, value)),
        (any::<u8>(), any::<u32>(), vec((0x21_u8..0x26, bytes()), 0..4))
            .prop_map(|(client, verify, values)| Tlv::Ssl(Ssl { client, verify, values })),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    (addresses(), vec(tlv(), 0..6)).prop_map(|(addresses, tlvs)| Header { addresses, tlvs })
}

proptest! {
    #[test]
    fn version_2_is_read_as_it_was_written(header in header(), behind in vec(any::<u8>(), 0..9)) {
        for bytes in [header.encode(Version::V2).unwrap(), header.encode_summed().unwrap()] {
            let length = bytes.len();
            for end in 0..length {
                let Ok(Parsed::More(more)) = parse(&bytes[..end]) else { panic!("{end}") };
                prop_assert!(more > end && more <= length);
            }
            let stream = [bytes, behind.clone()].concat();
            prop_assert_eq!(parse(&stream), Ok(Parsed::Header(header.clone(), length)));
        }
    }

    #[test]
    fn version_1_is_read_as_it_was_written(source in address(), port in any::<u16>()) {
        let header = Header::relayed(source, SocketAddr::new(source.ip(), port));
        let bytes = header.encode(Version::V1).unwrap();
        for end in 0..bytes.len() {
            let Ok(Parsed::More(more)) = parse(&bytes[..end]) else { panic!("{end}") };
            prop_assert!(more > end && more <= bytes.len().max(V1_BYTES_MIN));
        }
        prop_assert_eq!(parse(&bytes), Ok(Parsed::Header(header, bytes.len())));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300), second in any::<bool>()) {
        let _ = parse(&bytes);
        let start = if second { V2_START } else { V1_START };
        let _ = parse(&[start, &bytes].concat());
        let _ = parse(&[V2_START, &[0x21, 0x11, 0, 200], &bytes].concat());
    }

    #[test]
    fn a_changed_byte_does_not_pass_the_checksum(header in header(), place in any::<usize>(), bit in 0_u32..8) {
        let mut bytes = header.encode_summed().unwrap();
        let place = place % bytes.len();
        bytes[place] ^= 1_u8 << bit;
        prop_assert_ne!(parse(&bytes), Ok(Parsed::Header(header, bytes.len())));
    }

    #[test]
    fn another_implementation_reads_the_same_addresses(header in header()) {
        let bytes = header.encode(Version::V2).unwrap();
        let other = ppp::v2::Header::try_from(bytes.as_slice()).unwrap();
        let theirs = match other.addresses {
            ppp::v2::Addresses::IPv4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
            ppp::v2::Addresses::IPv6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
            _ => None,
        };
        prop_assert_eq!(theirs, header.source());
        prop_assert!(other.tlvs().all(|tlv| tlv.is_ok()));
        if let Addresses::Ip { transport: Transport::Stream, .. } = header.addresses {
            let line = header.encode(Version::V1).unwrap();
            let other = ppp::v1::Header::try_from(line.as_slice()).unwrap();
            let theirs = match other.addresses {
                ppp::v1::Addresses::Tcp4(ip) => SocketAddr::from((ip.source_address, ip.source_port)),
                ppp::v1::Addresses::Tcp6(ip) => SocketAddr::from((ip.source_address, ip.source_port)),
                ppp::v1::Addresses::Unknown => panic!("{line:?}"),
            };
            prop_assert_eq!(Some(theirs), header.source());
        }
    }
}

#[test]
fn lines_that_are_not_exactly_one_are_refused() {
    let check = |line: &str, expect: Invalid| {
        assert_eq!(parse(line.as_bytes()), Err(expect), "{line:?}");
    };
    check("GET / HTTP/1.1\r\n", Invalid::NoHeader);
    check("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", Invalid::Line);
    check("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", Invalid::Line);
    check("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", Invalid::Line);
    check("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", Invalid::Line);
    check("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", Invalid::Line);
    check("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", Invalid::Line);
    check("PROXY TCP4 ::1 192.0.2.2 1 2\r\n", Invalid::Line);
    check("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", Invalid::Line);
    check("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", Invalid::Line);
    check(&format!("PROXY UNKNOWN {}\r\n", "x".repeat(100)), Invalid::LineTooLong);
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), V1_BYTES_MAX);
    let header = Header::new(Addresses::Unknown);
    assert_eq!(parse(longest.as_bytes()), Ok(Parsed::Header(header, V1_BYTES_MAX)));
}

#[test]
fn bytes_of_version_2_that_say_nothing_known_are_refused() {
    let check = |said: &[u8], expect: Invalid| {
        assert_eq!(parse(&[V2_START, said].concat()), Err(expect), "{said:?}");
    };
    check(&[0x11, 0x11, 0, 12], Invalid::Unknown);
    check(&[0x22, 0x11, 0, 12], Invalid::Unknown);
    check(&[0x21, 0x41, 0, 12], Invalid::Unknown);
    check(&[0x21, 0x13, 0, 12], Invalid::Unknown);
    check(&[0x21, 0x11, 0x20, 0], Invalid::TooLong);
    check(&[0x21, 0x11, 0, 2, 0, 0], Invalid::TooShort);
    check(&[0x21, 0, 0, 2, 4, 0], Invalid::Tlv);
    check(&[0x21, 0, 0, 4, 4, 0, 2, 0], Invalid::Tlv);
    check(&[0x21, 0, 0, 7, 3, 0, 4, 1, 2, 3, 4], Invalid::Checksum);
    let many = [&[0x21, 0, 0, 195][..], &[4, 0, 0].repeat(65)].concat();
    check(&many, Invalid::TooManyTlvs);
}

#[test]
fn the_checksum_is_the_one_of_rfc_3720() {
    assert_eq!(tlv::crc32c(&[&[0; 32]]), 0x8a91_36aa);
    assert_eq!(tlv::crc32c(&[b"1234", b"56789"]), 0xe306_9283);
}

#[tokio::test]
async fn a_header_is_taken_from_a_socket_and_not_a_byte_more() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source: SocketAddr = "203.0.113.7:4711".parse().unwrap();
    let header = Header::relayed(source, "192.0.2.1:443".parse().unwrap());
    for version in [Version::V1, Version::V2] {
        for size in [1, 7, 1000] {
            let mut sender =
                tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut taken, _) = listener.accept().await.unwrap();
            let bytes = [header.encode(version).unwrap(), b"behind\n".to_vec()].concat();
            let sending = async {
                for part in bytes.chunks(size) {
                    sender.write_all(part).await.unwrap();
                    tokio::task::yield_now().await;
                }
            };
            let (read, ()) = tokio::join!(read(&mut taken), sending);
            assert_eq!(read.unwrap(), header);
            drop(sender);
            let mut rest = Vec::new();
            taken.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, b"behind\n");
        }
    }
}
