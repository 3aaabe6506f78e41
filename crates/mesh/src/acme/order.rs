//! One order: account, challenge, request, chain.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Error, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivatePkcs8KeyDer;
use trunkline_model::tls::{Acme, Challenge};
use trunkline_net::client::{Client, Connect};
use trunkline_net::resolve::Resolver;
use trunkline_net::tls::challenge::Answer;
use trunkline_net::tls::{self, Certificate, ClientSettings, Roots};

use super::{AcmeError, Storage, http::Http};

/// Longest time that one order may take.
pub const ORDER_TIME_MAX: Duration = Duration::from_mins(3);
/// How often an authority that is still checking is asked again, and for how long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Orders a certificate for `name` and keeps it.
pub async fn order(
    acme: &Acme,
    name: &str,
    (storage, resolver): (&Storage, Arc<Resolver>),
    now: SystemTime,
) -> Result<Certificate, AcmeError> {
    let account = account(acme, storage, resolver).await?;
    let names = [Identifier::Dns(name.to_owned())];
    let mut order = match account.new_order(&NewOrder::new(&names)).await {
        Err(Error::Api(problem)) if is_unknown_account(problem.r#type.as_deref()) => {
            // The authority has forgotten us: the next try begins with a new account.
            storage.forget_account(acme);
            return Err(Error::Api(problem).into());
        }
        order => order?,
    };
    // Answers are given as long as these are held.
    let answers = answer(&mut order, acme.challenge, name).await?;
    let patience = RetryPolicy::new().timeout(PATIENCE);
    if order.poll_ready(&patience).await? != OrderStatus::Ready {
        let why = what_failed(&mut order).await;
        return Err(AcmeError::NotOurs { name: name.to_owned(), why });
    }
    drop(answers);
    let key = rcgen::KeyPair::generate()?;
    let request = rcgen::CertificateParams::new(vec![name.to_owned()])?.serialize_request(&key)?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&patience).await?;
    storage.keep(acme, name, &format!("{chain}\n{}", key.serialize_pem()))?;
    let file = storage.file(acme, name);
    Certificate::from_files(&file, &file, now).map_err(|error| error.wrong.into())
}

fn is_unknown_account(kind: Option<&str>) -> bool {
    kind == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}

async fn account(
    acme: &Acme,
    storage: &Storage,
    resolver: Arc<Resolver>,
) -> Result<Account, AcmeError> {
    let roots = acme.ca.clone().map_or(Roots::System, |ca| Roots::Files(vec![ca]));
    let alpn = vec![tls::HTTP_1_1.to_vec()];
    let mut client = Client::new(Connect::Resolve(resolver));
    client.tls = Some(tls::client_config(&ClientSettings { roots, alpn, ..Default::default() })?);
    let builder = Account::builder_with_http(Box::new(Http(client)));
    if let Some(known) = storage.account(acme) {
        return Ok(builder.from_credentials(known).await?);
    }
    let contact = acme.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let wanted = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let (account, made) = builder.create(&wanted, acme.directory.clone(), None).await?;
    storage.keep_account(acme, &made)?;
    Ok(account)
}

/// Makes every open challenge of an order answerable, and says so to the authority.
async fn answer(
    order: &mut Order,
    challenge: Challenge,
    name: &str,
) -> Result<Vec<Answer>, AcmeError> {
    let kind = match challenge {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    };
    let mut answers = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let found = authorization.challenge(kind.clone());
        let mut found = found.ok_or(AcmeError::NoChallenge(challenge.as_str()))?;
        answers.push(hold(&found, challenge, name)?);
        found.set_ready().await?;
    }
    Ok(answers)
}

fn hold(
    found: &ChallengeHandle<'_>,
    challenge: Challenge,
    name: &str,
) -> Result<Answer, AcmeError> {
    let proof = found.key_authorization();
    let held = match challenge {
        Challenge::Http01 => Answer::by_text(&found.token, proof.as_str()),
        Challenge::TlsAlpn01 => {
            Answer::by_certificate(name, &proving(name, proof.digest().as_ref())?)
        }
    };
    held.ok_or(AcmeError::Full)
}

/// RFC 8737 §3: the name, and a digest of the proof in an extension of its own.
fn proving(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, AcmeError> {
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()])?;
    parameters.custom_extensions.push(rcgen::CustomExtension::new_acme_identifier(digest));
    let key = rcgen::KeyPair::generate()?;
    let chain = vec![parameters.self_signed(&key)?.der().clone()];
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let key = tls::provider().key_provider.load_private_key(key);
    let key = key.map_err(|error| tls::WhatIsWrong::BadKey(error.to_string()))?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// What the authority says of the challenges that it found wrong.
async fn what_failed(order: &mut Order) -> String {
    let mut said = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let errors = authorization.challenges.iter().filter_map(|one| one.error.as_ref());
        said.extend(errors.map(ToString::to_string));
    }
    if said.is_empty() { "it gave no reason".to_owned() } else { said.join("; ") }
}
