//! Recording: a layer that keeps the spans of the command that is traced.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::Context,
    registry::LookupSpan,
};

/// Spans that one trace has at most.
const MAX_SPANS: usize = 10_000;

static RECORDING: Mutex<Option<Spans>> = Mutex::new(None);

/// The spans of a trace.
#[derive(Debug, Default)]
pub(super) struct Spans {
    /// Those that are kept, in the order of their ends.
    pub(super) finished: Vec<FinishedSpan>,
    /// How many more there were.
    pub(super) left_out: usize,
}

/// A span that is over.
#[derive(Debug, Clone)]
pub(super) struct FinishedSpan {
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) fields: Fields,
}

/// Names and values of a span's fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(pub(super) Vec<(&'static str, String)>);

fn recording() -> MutexGuard<'static, Option<Spans>> {
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on spans are kept.
pub(super) fn begin() {
    *recording() = Some(Spans::default());
}

/// What was kept; nothing more is.
pub(super) fn end() -> Spans {
    recording().take().unwrap_or_default()
}

/// The layer, which does nothing until a trace begins.
pub(crate) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let own = Targets::new().with_target("walrus", LevelFilter::INFO);
    Recorder.with_filter(own)
}

struct Recorder;

/// A span that goes on.
struct OpenSpan {
    id: u64,
    parent: Option<u64>,
    began: SystemTime,
    fields: Fields,
}

impl<S> Layer<S> for Recorder
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|_| recording().is_some()) else {
            return;
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            extensions.get::<OpenSpan>().map(|open| open.id)
        });
        span.extensions_mut().insert(OpenSpan {
            // Zero is no ID.
            id: rand::random::<u64>().max(1),
            parent,
            began: SystemTime::now(),
            fields,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<OpenSpan>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let Some(open) = span.extensions_mut().remove::<OpenSpan>() else {
            return;
        };
        let mut recording = recording();
        let Some(spans) = recording.as_mut() else {
            return;
        };
        if spans.finished.len() >= MAX_SPANS {
            spans.left_out = spans.left_out.saturating_add(1);
            return;
        }
        spans.finished.push(FinishedSpan {
            id: open.id,
            parent: open.parent,
            name: span.name(),
            began: open.began,
            ended: SystemTime::now(),
            fields: open.fields,
        });
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}
