//! Key generation and conversion: `walrus-node key-gen`.

use std::path::PathBuf;

use anyhow::Context as _;
use walrus_node::operator::{KeyFormat, KeyKind, convert, generate, write_key};

use crate::{
    args::KeyGenArgs,
    output::{Output, field},
};

pub(crate) fn run(args: &KeyGenArgs, output: &Output) -> anyhow::Result<()> {
    let kind = KeyKind::from(args.key_type);
    let format = match (args.format, kind) {
        (Some(format), _) => format.into(),
        (None, KeyKind::Protocol) => KeyFormat::Tagged,
        (None, KeyKind::Network) => KeyFormat::Pkcs8,
    };
    let out = args.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from(kind.file_name()));
    let text = match &args.convert {
        Some(path) => convert(path, kind, format)
            .with_context(|| format!("cannot take the {kind} key of --convert"))?,
        None => generate(kind, format)?,
    };
    write_key(&out, &text, args.force)?;
    output.result(&serde_json::json!({ "keyPath": out }), |_| {
        vec![field(&format!("{kind} key"), out.display())]
    })
}
