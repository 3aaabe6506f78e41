//! The laptop: runs the services of a project as processes of this machine and cleans up after them.
//!
//! From the Model's services with a process it makes a [`plan`] (order, ports, environment), a
//! [`supervisor`] starts each as a [`child`], asks for its [`readiness`], publishes its endpoint and
//! starts it again when it fails. What an earlier run left behind is found and ended by [`reap`];
//! what must outlast a run (chosen ports, logs) lies in the project's [`state`] folder.
//!
//! It prints nothing and knows no proxy: events go to a channel, endpoints to an `EndpointSink`.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod checkout;
pub mod settle;
pub mod state;

pub mod discover;
pub mod outbound;
pub mod toolchains;

pub mod plan;

pub mod child;
pub mod hints;
pub mod language;
pub mod processes;
pub mod readiness;
pub mod reap;
pub mod run;
pub mod sources;

pub mod event;
pub mod logs;
pub mod supervisor;

pub mod tool;
pub mod trust;
