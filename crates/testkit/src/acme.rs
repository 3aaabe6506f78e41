//! An ACME authority (RFC 8555) on loopback, strict where it matters: signatures and nonces are checked, and a name is
//! believed only after really connecting to where it is said to be served.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, Error as TlsError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use trunkline_net::tls::sha256;
use x509_parser::prelude::FromDer;

use crate::body::{self, ReplyBody};
use crate::raw::RawClient;
use crate::{Pki, Upstream};

/// A running authority.
pub struct AcmeServer {
    upstream: Upstream,
    shared: Arc<Shared>,
}

struct Shared {
    pki: Pki,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nonces: HashSet<String>,
    keys: HashMap<String, Value>,
    orders: Vec<Order>,
    counter: u64,
    /// Where names are served: plain and by TLS.
    plain: Option<SocketAddr>,
    secure: Option<SocketAddr>,
}

#[derive(Clone)]
struct Order {
    name: String,
    status: &'static str,
    error: Option<String>,
    certificate: Option<String>,
}

impl Default for AcmeServer {
    fn default() -> Self {
        Self::new()
    }
}

impl AcmeServer {
    /// Starts one.
    pub fn new() -> Self {
        let shared = Arc::new(Shared { pki: Pki::new(), state: Mutex::default() });
        let own = shared.pki.issue(&["localhost"]);
        let answering = Arc::clone(&shared);
        let upstream = Upstream::https(&own, move |request| {
            let shared = Arc::clone(&answering);
            async move { shared.answer(request).await }
        });
        Self { upstream, shared }
    }

    /// URL of the directory.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/directory", self.upstream.address().port())
    }

    /// Its root, which signs its own certificate and those that it issues.
    pub fn root_file(&self) -> PathBuf {
        self.shared.pki.root_file()
    }

    /// A client that trusts what it issues.
    pub fn client(&self, alpn: &[&[u8]]) -> Arc<rustls::ClientConfig> {
        self.shared.pki.client(alpn)
    }

    /// Where every name is served, as the world's DNS would say.
    pub fn serve_names_at(&self, plain: Option<SocketAddr>, secure: Option<SocketAddr>) {
        let mut state = self.shared.state.lock().unwrap();
        (state.plain, state.secure) = (plain, secure);
    }

    /// Orders so far, by name and status.
    pub fn orders(&self) -> Vec<(String, String)> {
        let state = self.shared.state.lock().unwrap();
        state.orders.iter().map(|order| (order.name.clone(), order.status.to_owned())).collect()
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        let base = format!("https://{host}");
        let path = request.uri().path().to_owned();
        if path == "/directory" {
            let url = |name| format!("{base}/{name}");
            return self.reply(200, &json!({
                "newNonce": url("nonce"), "newAccount": url("account"), "newOrder": url("order"),
            }), None);
        }
        if path == "/nonce" {
            return self.reply(200, &Value::Null, None);
        }
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        let signed: Value = serde_json::from_slice(&bytes).unwrap();
        let (account, payload) = match self.verified(&signed, &format!("{base}{path}")) {
            Ok(verified) => verified,
            Err(why) => return self.problem(400, "malformed", &why),
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["account"] => self.reply(
                201,
                &json!({ "status": "valid" }),
                Some(&format!("{base}/acct/{account}")),
            ),
            ["order"] => self.new_order(&payload, &base),
            ["order", number] => self.reply(200, &self.order(number, &base), None),
            ["authz", number] => self.reply(200, &self.authorization(number, &base), None),
            ["challenge", number, kind] => self.challenge(number, kind, &account, &base).await,
            ["order", number, "finalize"] => self.finalize(number, &payload, &base),
            ["certificate", number] => {
                let order = self.get(number);
                let mut response = self.reply(200, &Value::Null, None);
                *response.body_mut() = body::full(order.certificate.unwrap_or_default());
                response
            }
            _ => self.problem(404, "malformed", "no such resource"),
        }
    }

    /// The account's thumbprint and the payload of a signed request.
    fn verified(&self, signed: &Value, url: &str) -> Result<(String, Value), String> {
        let part = |name: &str| signed[name].as_str().unwrap_or_default();
        let protected: Value = serde_json::from_slice(&base64url(part("protected"))).unwrap();
        if protected["url"] != *url || protected["alg"] != "ES256" {
            return Err(format!("signed for another request: {protected}"));
        }
        let mut state = self.state.lock().unwrap();
        if !state.nonces.remove(protected["nonce"].as_str().unwrap_or_default()) {
            return Err("the nonce is not one of ours".to_owned());
        }
        let (account, key) = match protected["kid"].as_str() {
            Some(kid) => {
                let account = kid.rsplit('/').next().unwrap_or_default().to_owned();
                let key = state.keys.get(&account).cloned().ok_or("an unknown account")?;
                (account, key)
            }
            None => (thumbprint(&protected["jwk"]), protected["jwk"].clone()),
        };
        let coordinate = |name: &str| base64url(key[name].as_str().unwrap_or_default());
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let message = format!("{}.{}", part("protected"), part("payload"));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
            .verify(message.as_bytes(), &base64url(part("signature")))
            .map_err(|_| "the signature is wrong")?;
        state.keys.insert(account.clone(), key);
        let payload = base64url(part("payload"));
        Ok((account, serde_json::from_slice(&payload).unwrap_or_default()))
    }

    fn new_order(&self, payload: &Value, base: &str) -> Response<ReplyBody> {
        let name = payload["identifiers"][0]["value"].as_str().unwrap_or_default().to_owned();
        if name.contains("forbidden") {
            return self.problem(403, "rejectedIdentifier", "this name is not to be had");
        }
        let number = {
            let mut state = self.state.lock().unwrap();
            let order = Order { name, status: "pending", error: None, certificate: None };
            state.orders.push(order);
            state.orders.len() - 1
        };
        let location = format!("{base}/order/{number}");
        self.reply(201, &self.order(&number.to_string(), base), Some(&location))
    }

    fn get(&self, number: &str) -> Order {
        self.state.lock().unwrap().orders[number.parse::<usize>().unwrap()].clone()
    }

    fn set(&self, number: &str, change: impl FnOnce(&mut Order)) {
        change(&mut self.state.lock().unwrap().orders[number.parse::<usize>().unwrap()]);
    }

    fn order(&self, number: &str, base: &str) -> Value {
        let order = self.get(number);
        let mut document = json!({
            "status": order.status,
            "identifiers": [{ "type": "dns", "value": order.name }],
            "authorizations": [format!("{base}/authz/{number}")],
            "finalize": format!("{base}/order/{number}/finalize"),
        });
        if order.certificate.is_some() {
            document["certificate"] = json!(format!("{base}/certificate/{number}"));
        }
        document
    }

    fn authorization(&self, number: &str, base: &str) -> Value {
        let order = self.get(number);
        let status = match order.status {
            "pending" | "invalid" => order.status,
            _ => "valid",
        };
        let challenge = |kind: &str| {
            let mut document = json!({
                "type": kind,
                "url": format!("{base}/challenge/{number}/{kind}"),
                "token": format!("token-{number}"),
                "status": status,
            });
            if let Some(error) = &order.error {
                document["error"] = json!({
                    "type": "urn:ietf:params:acme:error:unauthorized", "detail": error,
                });
            }
            document
        };
        json!({
            "identifier": { "type": "dns", "value": order.name },
            "status": status,
            "challenges": [challenge("http-01"), challenge("tls-alpn-01")],
        })
    }

    async fn challenge(
        &self,
        number: &str,
        kind: &str,
        account: &str,
        base: &str,
    ) -> Response<ReplyBody> {
        let (name, token) = (self.get(number).name, format!("token-{number}"));
        let expected = format!("{token}.{account}");
        let (plain, secure) = {
            let state = self.state.lock().unwrap();
            (state.plain, state.secure)
        };
        let seen = match kind {
            "http-01" => seen_by_http(plain, &name, &token, &expected).await,
            _ => seen_by_tls(secure, &name, &expected).await,
        };
        self.set(number, |order| match seen {
            Ok(()) => order.status = "ready",
            Err(why) => (order.status, order.error) = ("invalid", Some(why)),
        });
        let document = self.authorization(number, base);
        let place = usize::from(kind != "http-01");
        self.reply(200, &document["challenges"][place], None)
    }

    fn finalize(&self, number: &str, payload: &Value, base: &str) -> Response<ReplyBody> {
        let order = self.get(number);
        if order.status != "ready" {
            return self.problem(403, "orderNotReady", "the name is not shown to be yours");
        }
        let request = base64url(payload["csr"].as_str().unwrap_or_default());
        let (_, request) =
            x509_parser::certification_request::X509CertificationRequest::from_der(&request)
                .unwrap();
        let key = &request.certification_request_info.subject_pki.subject_public_key.data;
        let chain = self.pki.certify(&[&order.name], key);
        self.set(number, |order| (order.status, order.certificate) = ("valid", Some(chain)));
        self.reply(200, &self.order(number, base), None)
    }

    fn problem(&self, status: u16, kind: &str, detail: &str) -> Response<ReplyBody> {
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        self.reply(status, &json!({ "type": kind, "detail": detail, "status": status }), None)
    }

    fn reply(&self, status: u16, document: &Value, location: Option<&str>) -> Response<ReplyBody> {
        let nonce = {
            let mut state = self.state.lock().unwrap();
            state.counter += 1;
            let nonce = format!("nonce-{}", state.counter);
            state.nonces.insert(nonce.clone());
            nonce
        };
        let mut response = Response::new(body::full(document.to_string()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let headers = response.headers_mut();
        headers.insert("replay-nonce", nonce.parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        if let Some(location) = location {
            headers.insert("location", location.parse().unwrap());
        }
        response
    }
}

async fn seen_by_http(
    at: Option<SocketAddr>,
    name: &str,
    token: &str,
    expected: &str,
) -> Result<(), String> {
    let at = at.ok_or("the name is served nowhere")?;
    let mut caller = RawClient::connect(at).await;
    let answer = caller.get(name, &format!("/.well-known/acme-challenge/{token}")).await;
    if answer.status == 200 && answer.text() == expected {
        return Ok(());
    }
    Err(format!("{name} answered {} instead of the token's proof", answer.status))
}

async fn seen_by_tls(at: Option<SocketAddr>, name: &str, expected: &str) -> Result<(), String> {
    let at = at.ok_or("the name is served nowhere")?;
    let mut config = rustls::ClientConfig::builder_with_provider(trunkline_net::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Looks))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let socket = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
    let server = ServerName::try_from(name.to_owned()).unwrap();
    let secured = connector.connect(server, socket).await.map_err(|error| error.to_string())?;
    let leaf = secured.get_ref().1.peer_certificates().unwrap()[0].clone();
    let digest = sha256(expected.as_bytes());
    let proven = leaf.windows(digest.len()).any(|part| part == digest);
    if proven { Ok(()) } else { Err(format!("{name} showed a certificate without the proof")) }
}

/// Only looks at the certificate: its extension is a critical one that no verifier knows (RFC 8737 §3).
#[derive(Debug)]
struct Looks;

impl ServerCertVerifier for Looks {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        trunkline_net::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Digits of RFC 4648 §5.
const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 7638.
fn thumbprint(key: &Value) -> String {
    let text = format!(
        r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
        key["crv"], key["kty"], key["x"], key["y"]
    );
    let digest = sha256(text.as_bytes());
    let mut encoded = String::new();
    for part in digest.chunks(3) {
        let bits = part.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for place in 0..=part.len() {
            encoded.push(char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    encoded
}

/// RFC 4648 §5, without padding; what is no digit is skipped.
fn base64url(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    };
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for value in text.bytes().filter_map(digit) {
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
            bits &= (1 << count) - 1;
        }
    }
    bytes
}
