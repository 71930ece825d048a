//! OTLP in JSON: the document that collectors take, and that their file receivers read.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::recorder::FinishedSpan;

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u8 = 1;
/// `STATUS_CODE_ERROR`.
const FAILED: u8 = 2;
/// The field of a span that failed.
const ERROR: &str = "error";
/// The field of a span that has a name of its own.
const LABEL: &str = "label";

/// All spans as one trace.
pub(super) fn of(spans: &[FinishedSpan]) -> Value {
    let trace_id = format!("{:032x}", rand::random::<u128>().max(1));
    let spans: Vec<_> = spans.iter().map(|one| span(&trace_id, one)).collect();
    json!({
        "resourceSpans": [{
            "resource": {
                "attributes": [
                    attribute("service.name", "walrus"),
                    attribute("service.version", env!("WALRUS_VERSION")),
                ],
            },
            "scopeSpans": [{"scope": {"name": "walrus"}, "spans": spans}],
        }],
    })
}

fn span(trace_id: &str, span: &FinishedSpan) -> Value {
    let field = |wanted| span.fields.0.iter().find(|(name, _)| *name == wanted);
    let attributes: Vec<_> = span
        .fields
        .0
        .iter()
        .filter(|(name, _)| ![ERROR, LABEL].contains(name))
        .map(|(name, value)| attribute(name, value))
        .collect();
    let status = match field(ERROR) {
        Some((_, message)) => json!({"code": FAILED, "message": message}),
        None => json!({}),
    };
    let mut document = json!({
        "traceId": trace_id,
        "spanId": id(span.id),
        "name": field(LABEL).map_or(span.name, |(_, label)| label),
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(span.began),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes,
        "status": status,
    });
    if let (Some(parent), Some(fields)) = (span.parent, document.as_object_mut()) {
        fields.insert("parentSpanId".to_owned(), id(parent).into());
    }
    document
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

fn id(number: u64) -> String {
    format!("{number:016x}")
}

/// 64-bit numbers are texts in this form of JSON.
fn nanoseconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trace::recorder::Fields;

    #[test]
    fn spans_have_the_form_that_collectors_take() {
        let began = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001);
        let finished = |id, parent, fields: &[(&'static str, &str)]| FinishedSpan {
            id,
            parent,
            name: "store",
            began,
            ended: began + Duration::from_nanos(5),
            fields: Fields(
                fields
                    .iter()
                    .map(|(name, value)| (*name, (*value).to_owned()))
                    .collect(),
            ),
        };
        let document = of(&[
            finished(2, Some(1), &[("label", "encode"), ("blobs", "3")]),
            finished(1, None, &[("error", "no room")]),
        ]);
        let spans = &document["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let inner = &spans[0];
        assert_eq!(inner["spanId"], "0000000000000002");
        assert_eq!(inner["parentSpanId"], spans[1]["spanId"]);
        assert_eq!(inner["traceId"].as_str().map(str::len), Some(32));
        assert_eq!(inner["traceId"], spans[1]["traceId"]);
        assert_eq!(inner["startTimeUnixNano"], "1700000000000000001");
        assert_eq!(inner["endTimeUnixNano"], "1700000000000000006");
        assert_eq!(
            inner["attributes"],
            json!([{"key": "blobs", "value": {"stringValue": "3"}}])
        );
        assert_eq!(
            (&inner["name"], &spans[1]["name"]),
            (&json!("encode"), &json!("store"))
        );
        assert_eq!(spans[1]["status"], json!({"code": 2, "message": "no room"}));
        assert!(spans[1].get("parentSpanId").is_none());
    }
}
