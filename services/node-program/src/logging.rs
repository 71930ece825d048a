//! Logging: to standard error, and what of it can be changed while the node runs.

use tracing_subscriber::{EnvFilter, fmt, reload};

/// Changes what is logged.
pub(crate) type SetFilter = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What a running node logs; its database tells every table that it opens.
const RUNNING: &str = "info,fjall=warn,lsm_tree=warn";

/// Begins to log what `RUST_LOG` says; without it `info` and worse if `talks`, or else only what is wrong.
pub(crate) fn start(talks: bool) -> SetFilter {
    let default = if talks { RUNNING } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_filter_reloading();
    let handle = builder.reload_handle();
    // Fails if the caller logs already, in its own way.
    let _ = builder.try_init();
    Box::new(move |directives| set(&handle, directives))
}

fn set<S>(handle: &reload::Handle<EnvFilter, S>, directives: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(directives).map_err(|error| error.to_string())?;
    handle.reload(filter).map_err(|error| error.to_string())
}
