//! Logging: to standard error, and what of it can be changed while the node runs.

use tracing_subscriber::{EnvFilter, fmt, reload};

/// Changes what is logged.
pub(crate) type SetFilter = std::sync::Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

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
    std::sync::Arc::new(move |directives| set(&handle, directives))
}

fn set<S>(handle: &reload::Handle<EnvFilter, S>, directives: &str) -> Result<(), String> {
    let filter = filter(directives)?;
    handle.reload(filter).map_err(|error| error.to_string())
}

/// The filter of directives. A lone word that is no level would be taken for the part of a program that nobody has, and silence all
/// others.
fn filter(directives: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in directives.split(',').map(str::trim) {
        let is_level = LEVELS
            .iter()
            .any(|level| level.eq_ignore_ascii_case(directive));
        if !is_level && !directive.contains(['=', '[', ']']) {
            return Err(format!(
                "`{directive}` is no level: say {}, or a part of the program and its level as in walrus_node=debug",
                LEVELS.join(", ")
            ));
        }
    }
    EnvFilter::try_new(directives).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_no_level_are_refused() {
        for directives in [
            "info",
            "WARN",
            "off",
            "info,walrus_node=debug",
            "walrus_node[event]=trace",
        ] {
            filter(directives).unwrap();
        }
        for directives in [
            "loud",
            "",
            "info,",
            "walrus_node",
            "info,loud",
            "walrus_node=loud",
        ] {
            filter(directives).unwrap_err();
        }
        assert!(filter("loud").unwrap_err().contains("trace"));
    }
}
