//! The bodies of explained answers. Whatever came from outside is escaped for its form.

use std::fmt::Write as _;

use trunkline_model::reason::{Fact, write_decimal};

use super::Told;
use super::accept::Form;

/// What the page may do: show itself.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Told<'_> {
    /// The body in a form.
    pub(super) fn body(&self, form: Form) -> String {
        match form {
            Form::Json => self.json(),
            Form::Html => self.html(),
            Form::Text => self.text(),
        }
    }

    /// A problem document (RFC 9457); the reason's facts are extension members.
    fn json(&self) -> String {
        let (status, title) = (self.reply.status, self.title());
        let mut out = format!(r#"{{"type":"about:blank","title":"{title}","status":{status}"#);
        if let Some(sentence) = self.sentence() {
            let reason = &self.reply.reason;
            let _ = write!(out, r#","detail":"{sentence}","reason":{{"kind":"#);
            let _ = write!(out, r#""{}""#, reason.kind.as_str());
            if let Some(service) = &reason.service {
                let _ = write!(out, r#","service":"{service}""#);
            }
            for (name, fact) in &reason.facts {
                let _ = write!(out, r#","{name}":"#);
                match fact {
                    Fact::Number(number) => {
                        let _ = write!(out, "{number}");
                    }
                    Fact::Decimal(thousandths) => {
                        let _ = write_decimal(&mut out, *thousandths);
                    }
                    Fact::Token(token) => json_string(&mut out, token),
                    Fact::Text(text) => json_string(&mut out, text),
                }
            }
            out.push('}');
        }
        let _ = writeln!(out, r#","reference":"{}"}}"#, self.reference);
        out
    }

    fn text(&self) -> String {
        let (status, title) = (self.reply.status, self.title());
        let mut out = format!("{status} {title}\n");
        if let Some(sentence) = self.sentence() {
            let _ = write!(out, "{sentence}\nreason: {}\n", self.reply.reason);
        }
        let _ = writeln!(out, "reference: {}", self.reference);
        out
    }

    fn html(&self) -> String {
        let (status, title) = (self.reply.status, self.title());
        let mut told = String::new();
        if let Some(sentence) = self.sentence() {
            let reason = html_text(&self.reply.reason.to_string());
            let sentence = html_text(sentence);
            let _ = write!(told, "<p>{sentence}.</p><p><code>{reason}</code></p>");
        }
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{status} {title}</title><style>{STYLE}</style></head><body><main>\
             <h1><span>{status}</span> {title}</h1>{told}\
             <footer>Reference <code>{}</code></footer></main></body></html>\n",
            self.reference
        )
    }
}

/// Readable in light and dark, on a phone and on paper; no script, no font, no image.
const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
     body{margin:0;min-height:100vh;display:grid;place-items:center}\
     main{max-width:38rem;padding:2rem}h1{font-size:1.5rem;font-weight:600;margin:0 0 1rem}\
     h1 span{color:#888;font-weight:400}code{font-size:.9em;overflow-wrap:anywhere}\
     p{margin:.5rem 0}footer{margin-top:2rem;color:#888;font-size:.875rem}";

/// Appends a JSON string (RFC 8259 §7).
fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Text that stays text inside an element or a quoted attribute.
fn html_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
