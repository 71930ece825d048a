//! The page of the document: HTML without scripts.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code,pre{font:14px/1.4 monospace}\
pre{background:#8882;padding:.5rem;overflow:auto}section{border-top:1px solid #8886;margin-top:2rem}\
dt{font-weight:bold;margin-top:.5rem}dd{margin-left:1.5rem}:root{color-scheme:light dark}";

/// The methods of an operation, in the order in which they are shown.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// A page, and what it may do in a browser.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) policy: String,
}

/// The page that shows a document.
pub(super) fn render(document: &Value) -> Page {
    let title = escape(text(&document["info"], "title"));
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body>\
         <h1>{title}</h1><p>{}</p><p>The same as an OpenAPI document: <a href=\"/v1/api/openapi.json\">openapi.json</a>.</p>",
        prose(text(&document["info"], "description")),
    );
    let paths = document["paths"].as_object();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                show(&mut html, method, path, operation);
            }
        }
    }
    html.push_str("</body></html>\n");
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "sandbox; default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Page { html, policy }
}

fn show(html: &mut String, method: &str, path: &str, operation: &Value) {
    let tags = operation["tags"].as_array();
    let tag = tags.and_then(|tags| tags.first()).and_then(Value::as_str);
    // To a string: it cannot fail.
    let _ = write!(
        html,
        "<section><h2><code>{} {}</code></h2><p><em>{}</em></p><p>{}</p>",
        method.to_uppercase(),
        escape(path),
        escape(tag.unwrap_or_default()),
        prose(text(operation, "summary")),
    );
    let description = text(operation, "description");
    if !description.is_empty() {
        let _ = write!(html, "<p>{}</p>", prose(description));
    }
    let parameters = operation["parameters"].as_array();
    list(
        html,
        "Parameters",
        parameters.into_iter().flatten().map(|parameter| {
            let required = parameter["required"].as_bool().unwrap_or_default();
            let place = text(parameter, "in");
            let needed = if required && place != "path" {
                ", required"
            } else {
                ""
            };
            let name = format!("{} ({place}{needed})", text(parameter, "name"));
            (name, text(parameter, "description"))
        }),
    );
    let body = text(&operation["requestBody"], "description");
    list(
        html,
        "Body",
        (!body.is_empty())
            .then_some(("Body".to_owned(), body))
            .into_iter(),
    );
    let responses = operation["responses"].as_object();
    list(
        html,
        "Answers",
        responses
            .into_iter()
            .flatten()
            .map(|(status, response)| (status.clone(), text(response, "description"))),
    );
    let samples = operation["x-codeSamples"].as_array();
    for sample in samples.into_iter().flatten() {
        let _ = write!(html, "<pre>{}</pre>", escape(text(sample, "source")));
    }
    html.push_str("</section>");
}

fn list<'a>(html: &mut String, title: &str, items: impl Iterator<Item = (String, &'a str)>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    let _ = write!(html, "<h3>{title}</h3><dl>");
    for (name, about) in items {
        let _ = write!(
            html,
            "<dt><code>{}</code></dt><dd>{}</dd>",
            escape(&name),
            prose(about)
        );
    }
    html.push_str("</dl>");
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Text with `code` in it, and empty lines between paragraphs.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (place, part) in escape(text).split('`').enumerate() {
        match place % 2 {
            0 => html.push_str(&part.replace("\n\n", "</p><p>")),
            _ => {
                let _ = write!(html, "<code>{part}</code>");
            }
        }
    }
    html
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_shown_and_nothing_of_it_is_markup() {
        let document = json!({
            "info": {"title": "a <b>", "description": "one `<x>`\n\ntwo"},
            "paths": {"/v1/{id}": {"get": {
                "tags": ["reads"],
                "summary": "Reads & writes.",
                "parameters": [{"name": "wait", "in": "query", "required": true, "description": "how \"long\""}],
                "responses": {"404": {"description": "`GONE`"}},
                "x-codeSamples": [{"source": "curl \"$A\" > x"}],
            }}},
        });
        let Page { html, policy } = render(&document);
        for expected in [
            "a &lt;b&gt;",
            "one <code>&lt;x&gt;</code></p><p>two",
            "GET /v1/{id}",
            "Reads &amp; writes.",
            "wait (query, required)",
            "how &quot;long&quot;",
            "<code>404</code></dt><dd><code>GONE</code>",
            "<pre>curl &quot;$A&quot; &gt; x</pre>",
        ] {
            assert!(html.contains(expected), "{expected} in {html}");
        }
        assert!(!html.contains("<script") && policy.starts_with("sandbox; default-src 'none'"));
    }
}
