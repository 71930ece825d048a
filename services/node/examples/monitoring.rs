//! Writes the dashboards and alert rules under `ops/`, made from the metrics of a node.

use std::{fs, path::Path};

fn main() -> anyhow::Result<()> {
    let ops = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops"));
    for file in walrus_node::monitoring::files()? {
        let path = ops.join(file.path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&path, file.text)?;
    }
    Ok(())
}
