//! `walrus get-blob-attribute` and the commands that change attributes. Client spec 2.8.

use anyhow::{Context as _, ensure};
use serde::Serialize;
use walrus_sui::objects::{BlobAttributes, check_attribute};

use super::{Report, show};
use crate::{
    args::{
        GetBlobAttributeArgs, GlobalOptions, RemoveBlobAttributeArgs,
        RemoveBlobAttributeFieldsArgs, SetBlobAttributeArgs,
    },
    context::Network,
    report::{Reporter, count},
};

#[derive(Serialize)]
struct AttributeOutput {
    attribute: Option<BlobAttributes>,
}

impl Report for AttributeOutput {
    fn print(&self, reporter: &Reporter) {
        match &self.attribute {
            None => reporter.line("The blob object has no attributes"),
            Some(attributes) => {
                for entry in &attributes.metadata.contents {
                    reporter.line(format!("{}: {}", entry.key, entry.value));
                }
            }
        }
    }
}

/// Shows the attributes of a blob object.
pub(crate) async fn get(global: &GlobalOptions, args: GetBlobAttributeArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let reader = network.reader();
    // Those of a shared blob are at the object inside.
    let blob = reader.blob_inside(args.blob_obj_id).await?;
    let attribute = reader.blob_attributes(blob.id).await?;
    show(global, &AttributeOutput { attribute })
}

/// Sets attributes, those that are there already included.
pub(crate) async fn set(global: &GlobalOptions, args: SetBlobAttributeArgs) -> anyhow::Result<()> {
    let pairs = pairs(&args.attr)?;
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    network.reader().blob(args.blob_obj_id).await?;
    writer.set_attributes(args.blob_obj_id, &pairs).await?;
    done(
        global,
        &format!("Set {}", count(pairs.len() as u64, "attribute")),
    );
    Ok(())
}

/// Key and value in turn, as pairs.
fn pairs(flat: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pairs: Option<Vec<_>> = flat
        .chunks(2)
        .map(|pair| match pair {
            [key, value] => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect();
    let pairs = pairs.context("a key has no value")?;
    ensure!(!pairs.is_empty(), "there are no attributes to set");
    for (key, value) in &pairs {
        check_attribute(key, value)?;
    }
    Ok(pairs)
}

/// Removes single attributes.
pub(crate) async fn remove_fields(
    global: &GlobalOptions,
    args: RemoveBlobAttributeFieldsArgs,
) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    network.reader().blob(args.blob_obj_id).await?;
    let attributes = network.reader().blob_attributes(args.blob_obj_id).await?;
    let attributes = attributes.context("the blob object has no attributes")?;
    for key in &args.keys {
        let mut there = attributes.metadata.contents.iter();
        ensure!(
            there.any(|entry| entry.key == *key),
            "the blob object has no attribute `{key}`"
        );
    }
    writer
        .remove_attributes(args.blob_obj_id, &args.keys)
        .await?;
    done(
        global,
        &format!("Removed {}", count(args.keys.len() as u64, "attribute")),
    );
    Ok(())
}

/// Removes all attributes.
pub(crate) async fn remove(
    global: &GlobalOptions,
    args: RemoveBlobAttributeArgs,
) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    network.reader().blob(args.blob_obj_id).await?;
    let attributes = network.reader().blob_attributes(args.blob_obj_id).await?;
    ensure!(attributes.is_some(), "the blob object has no attributes");
    writer.take_attributes(args.blob_obj_id).await?;
    done(global, "Removed all attributes");
    Ok(())
}

/// Programs are told nothing on success, as ever.
fn done(global: &GlobalOptions, text: &str) {
    if !global.json {
        Reporter::new(false).line(text);
    }
}
