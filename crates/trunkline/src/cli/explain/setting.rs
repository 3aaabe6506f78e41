//! `explain orders.timeout`: the value in force, where it was written, what it does.

use serde_json::{Value, json};
use trunkline_api::commands::Object;
use trunkline_config::describe;
use trunkline_model::ServiceName;
use trunkline_model::service::Source;

use super::offline;
use crate::cli::Context;
use crate::client::Control;
use crate::exit::{Exit, Failure, Verdict};
use crate::print::clean;
use crate::screen::explain::Place;
use crate::screen::explain::settings::{Setting, render};

/// What the gateway's own settings are asked for by.
const GATEWAY: &str = "gateway";

/// Tells the settings of `object` whose key is `key` or below it; all of them for an empty key.
pub(super) async fn run(object: &str, key: &str, context: &Context) -> Verdict {
    let (all, running) = match Control::connect(context).await {
        Ok(control) => (of_run(&control.get("/v1/configuration").await?, object)?, true),
        Err(failure) if failure.exit == Exit::NotRunning => {
            (of_file(&offline::read(failure, context)?, object)?, false)
        }
        Err(failure) => return Err(failure),
    };
    let gateway = object == GATEWAY;
    // Two spellings of one map.
    let key = match key.strip_prefix("timeouts").filter(|_| !gateway) {
        Some(rest) => format!("timeout{rest}"),
        None => key.to_owned(),
    };
    let below = format!("{key}.");
    let wanted =
        |setting: &Setting| key.is_empty() || setting.key == key || setting.key.starts_with(&below);
    let mut found: Vec<_> = all.iter().filter(|setting| wanted(setting)).cloned().collect();
    for setting in &mut found {
        setting.doc = describe(gateway, &setting.key).map(|found| found.doc.replace('\n', " "));
    }
    let about = describe(gateway, &key).map(|found| found.doc.replace('\n', " "));
    if found.is_empty() && about.is_none() {
        return Err(unknown_key(object, &key, &all));
    }
    let name = if key.is_empty() { object.to_owned() } else { format!("{object}.{key}") };
    if context.printer.is_json() {
        context.printer.json(&json!({
            "schema": 1, "running": running, "setting": name, "doc": about, "settings": found,
        }));
    } else {
        let text = render(&name, about.as_deref(), &found, running, context.printer.data);
        context.printer.raw(&text);
    }
    Ok(Exit::Done)
}

/// From the answer of `/v1/configuration`.
fn of_run(document: &Value, object: &str) -> Result<Vec<Setting>, Failure> {
    let list = |name: &str| document.get(name).and_then(Value::as_array).into_iter().flatten();
    let owner = if object == GATEWAY {
        list("listeners").find(|one| one.get("caller").is_none_or(Value::is_null))
    } else {
        list("services").find(|one| text(one, "name") == object)
    };
    let names = || list("services").map(|one| text(one, "name").to_owned()).collect::<Vec<_>>();
    let owner = owner.ok_or_else(|| unknown_object(object, &names()))?;
    let settings = owner.get("settings").cloned().unwrap_or_default();
    let mut settings: Vec<Setting> = read(settings)?;
    // What a service is made of has the place of the service.
    if let Some(origin) = owner.get("origin").filter(|_| object != GATEWAY) {
        let origin: Place = read(origin.clone())?;
        let source = owner.get("source").unwrap_or(&Value::Null);
        let calls = owner.get("calls").and_then(Value::as_array).into_iter().flatten();
        let calls: Vec<_> = calls.filter_map(Value::as_str).collect();
        made_of(&mut settings, text(source, "command"), &calls, &origin);
    }
    Ok(settings)
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| Failure::from_error(&error))
}

/// Adds what is no setting of a number, where it was written.
fn made_of(settings: &mut Vec<Setting>, command: &str, calls: &[&str], origin: &Place) {
    for (key, value) in [("calls", calls.join(", ")), ("command", command.to_owned())] {
        if !value.is_empty() {
            settings.insert(0, Setting::written(key, value, origin.clone()));
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The same from a file, through the same document.
fn of_file(file: &offline::File, object: &str) -> Result<Vec<Setting>, Failure> {
    let is_owner = |owner: &Object| match owner {
        Object::Service(name) => name.as_str() == object,
        Object::Listener(_) => object == GATEWAY,
        Object::Route(_) => false,
    };
    let all = &file.configuration.settings;
    let names = || file.model.services.iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
    let (_, found) = all
        .iter()
        .find(|(owner, _)| is_owner(owner))
        .ok_or_else(|| unknown_object(object, &names()))?;
    let mut settings = found.iter().map(Setting::of).collect();
    if let Some(service) = file.model.services.iter().find(|one| one.name.as_str() == object) {
        let command = match &service.source {
            Source::Process(process) => process.command.as_str(),
            Source::Static(_) => "",
        };
        let calls: Vec<_> = service.calls.iter().map(ServiceName::as_str).collect();
        made_of(&mut settings, command, &calls, &Place::of(&service.origin));
    }
    Ok(settings)
}

fn unknown_object(object: &str, names: &[String]) -> Failure {
    let failure = Failure::usage(format_args!("no service has the name `{}`", clean(object)));
    failure.hint(format_args!("there are: {}, and {GATEWAY}", names.join(", ")))
}

fn unknown_key(object: &str, key: &str, all: &[Setting]) -> Failure {
    let keys: Vec<_> = all.iter().map(|setting| setting.key.as_str()).collect();
    let message = format!("`{}` has no setting `{}`", clean(object), clean(key));
    Failure::usage(message).hint(format_args!("there are: {}", keys.join(", ")))
}
