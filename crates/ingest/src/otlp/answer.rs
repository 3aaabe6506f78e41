//! What OTLP answers, in protobuf and JSON: `ExportTraceServiceResponse`, and `google.rpc.Status` for
//! what failed (OTLP specification, "OTLP/HTTP Response").

use std::time::Duration;

use serde_json::json;
use trunkline_otlp::wire::{put_bytes, put_message, put_number, put_present};

use crate::intake::Taken;

/// What is said of spans that were left out.
const REJECTED: &str = "spans without valid ids of trace and span were not kept";

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
}

/// An answer to a batch that is kept, in whole or in part.
pub(super) fn taken(form: Form, taken: Taken) -> Vec<u8> {
    match form {
        Form::Protobuf => {
            let mut out = Vec::new();
            if taken.rejected > 0 {
                put_message(&mut out, 1, |into| {
                    put_number(into, 1, taken.rejected as u64);
                    put_bytes(into, 2, REJECTED.as_bytes());
                });
            }
            out
        }
        Form::Json if taken.rejected > 0 => {
            let partial =
                json!({ "rejectedSpans": taken.rejected.to_string(), "errorMessage": REJECTED });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
        Form::Json => b"{}".to_vec(),
    }
}

/// A `google.rpc.Status`.
pub(super) fn failed(form: Form, code: u32, message: &str, retry: Option<Duration>) -> Vec<u8> {
    const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
    match form {
        Form::Protobuf => {
            let mut out = Vec::new();
            put_number(&mut out, 1, code.into());
            put_bytes(&mut out, 2, message.as_bytes());
            if let Some(after) = retry {
                put_message(&mut out, 3, |into| {
                    put_bytes(into, 1, RETRY_INFO.as_bytes());
                    let mut info = Vec::new();
                    put_message(&mut info, 1, |into| {
                        put_number(into, 1, after.as_secs());
                        put_number(into, 2, after.subsec_nanos().into());
                    });
                    put_present(into, 2, &info);
                });
            }
            out
        }
        Form::Json => {
            let details = retry.map(|after| {
                let delay = format!("{}s", after.as_secs_f64());
                json!({ "@type": RETRY_INFO, "retryDelay": delay })
            });
            let details: Vec<_> = details.into_iter().collect();
            let mut status = json!({ "code": code, "message": message });
            if let Some(map) = status.as_object_mut()
                && !details.is_empty()
            {
                map.insert("details".to_owned(), details.into());
            }
            status.to_string().into_bytes()
        }
    }
}
