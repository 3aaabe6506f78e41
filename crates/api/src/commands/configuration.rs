//! What can be told of the configuration in force: its texts and what each setting came from.
//!
//! Formats and secrets are the binary's: texts arrive here with secrets already masked, and settings
//! with keys as the file would write them.

use trunkline_model::{ListenerId, Origin, RouteId, ServiceName};

/// The configuration in force, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// When it was read, nanoseconds since the Unix epoch.
    pub loaded_unix_nanos: u64,
    /// Its files, in the order in which they were read.
    pub files: Vec<File>,
    /// Settings of objects of the Model.
    pub settings: Vec<(Object, Vec<Setting>)>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As the person named it.
    pub name: String,
    /// What it said when it was read, without secrets; `None` where it is too large to be kept.
    pub text: Option<String>,
}

/// An object that has settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A listener.
    Listener(ListenerId),
    /// A route.
    Route(RouteId),
    /// A service.
    Service(ServiceName),
}

/// One value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// As the file writes it: `timeout.connect`.
    pub key: String,
    /// As the file would write it: `5s`.
    pub value: String,
    /// Where it was written; `None` for a default.
    pub origin: Option<Origin>,
}
