//! `/v1/configuration`: the files in force, and every object of the Model with its place and settings.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use trunkline_model::listener::Listener;
use trunkline_model::route::{Authority, Route};
use trunkline_model::service::{Service, Source};
use trunkline_model::tls::{Certificates, Tls};
use trunkline_model::{ListenerId, Model, ServiceName};

use super::logs::rfc3339;
use super::routes::{action, matching, origin};
use crate::Wiring;
use crate::commands::{Configuration, Object, Setting};
use crate::console::book::caller_of;
use crate::parameters::Parameters;
use crate::problem::Problem;

pub(super) async fn configuration(
    State(wiring): State<Wiring>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Parameters::strict(&uri, &[])?;
    let configuration = wiring.commands.configuration().await;
    let (Some(model), Some(configuration)) = (wiring.commands.model(), configuration) else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_configuration",
            "no configuration is in force yet",
        ));
    };
    let generation = wiring.ops.stats().await.generation;
    let files = configuration.files.iter();
    let files = files.map(|file| json!({ "name": file.name, "text": file.text }));
    let mut routes: Vec<&Route> = model.routes.iter().collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.order));
    let listeners = model.listeners.iter().map(|listener| of_listener(listener, &configuration));
    let routes = routes.into_iter().map(|route| of_route(&model, route, &configuration));
    let services = model.services.iter().map(|service| of_service(service, &configuration));
    Ok(Json(json!({
        "schema": super::SCHEMA,
        "generation": generation,
        "loaded_at": rfc3339(configuration.loaded_unix_nanos),
        "project": model.name.as_str(),
        "files": files.collect::<Vec<_>>(),
        "listeners": listeners.collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
    })))
}

/// The settings of an object.
fn settings(configuration: &Configuration, object: &Object) -> Vec<Value> {
    let found = configuration.settings.iter().find(|(other, _)| other == object);
    let setting = |setting: &Setting| {
        json!({
            "key": setting.key,
            "value": setting.value,
            "origin": setting.origin.as_ref().map(origin),
            "default": setting.origin.is_none(),
        })
    };
    found.map(|(_, settings)| settings.iter().map(setting).collect()).unwrap_or_default()
}

/// A secret has no place here: keys are named by their files.
fn of_tls(tls: &Tls) -> Value {
    let mut document = match &tls.certificates {
        Certificates::Own { names } => json!({ "kind": "own", "names": names }),
        Certificates::Files(files) => {
            let file = |file: &trunkline_model::tls::CertificateFiles| json!({ "certificate": file.certificate, "key": file.key });
            json!({ "kind": "files", "certificates": files.iter().map(file).collect::<Vec<_>>() })
        }
        Certificates::Acme(acme) => json!({
            "kind": "acme",
            "directory": acme.directory,
            "names": acme.names,
            "challenge": acme.challenge.as_str(),
        }),
    };
    if let Some(document) = document.as_object_mut() {
        let clients = tls.clients.as_ref().map(
            |clients| json!({ "ca": clients.ca, "crl": clients.crl, "required": clients.required }),
        );
        document.insert("clients".into(), json!(clients));
        document.insert("min_version".into(), json!(tls.min_version.as_str()));
        document.insert("strict_sni".into(), json!(tls.strict_sni));
    }
    document
}

fn of_listener(listener: &Listener, configuration: &Configuration) -> Value {
    let tls = listener.tls.as_ref().map(of_tls);
    json!({
        "id": listener.id.as_str(),
        "origin": origin(&listener.origin),
        "address": listener.address,
        "caller": listener.caller.as_ref().map(ServiceName::as_str),
        "tls": tls,
        "filters": listener.filters.len(),
        "settings": settings(configuration, &Object::Listener(listener.id.clone())),
    })
}

fn of_route(model: &Model, route: &Route, configuration: &Configuration) -> Value {
    json!({
        "id": route.id.as_str(),
        "caller": caller_of(model, route).map(ServiceName::as_str),
        "origin": origin(&route.origin),
        "listeners": route.listeners.iter().map(ListenerId::as_str).collect::<Vec<_>>(),
        "match": matching(&route.matching),
        "action": action(&route.action),
        "filters": route.filters.len(),
        "settings": settings(configuration, &Object::Route(route.id.clone())),
    })
}

fn of_service(service: &Service, configuration: &Configuration) -> Value {
    json!({
        "name": service.name.as_str(),
        "origin": origin(&service.origin),
        "source": source(&service.source),
        "calls": service.calls.iter().map(ServiceName::as_str).collect::<Vec<_>>(),
        "settings": settings(configuration, &Object::Service(service.name.clone())),
    })
}

/// Where endpoints come from; of environment variables the names alone.
fn source(source: &Source) -> Value {
    match source {
        Source::Static(endpoints) => {
            let endpoints = endpoints.iter().map(|endpoint| {
                json!({ "address": authority(&endpoint.authority), "weight": endpoint.weight })
            });
            json!({ "kind": "external", "endpoints": endpoints.collect::<Vec<_>>() })
        }
        Source::Process(process) => json!({
            "kind": "process",
            "command": process.command,
            "directory": process.directory,
            "language": process.language,
            "port": process.port,
            "env": process.env.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        }),
    }
}

fn authority(authority: &Authority) -> String {
    match authority {
        Authority::Service(name) => name.to_string(),
        Authority::Address(address) => address.to_string(),
        Authority::Dns { host, port } => format!("{host}:{port}"),
        Authority::Srv(name) => format!("srv:{name}"),
    }
}
