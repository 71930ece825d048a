//! Subprocess: running a program to its end.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{io::AsyncWriteExt, process::Command};

/// Longest time for installing or compiling.
const DEADLINE: Duration = Duration::from_secs(600);

/// Runs a program to its end, whatever that is.
///
/// # Errors
/// If it cannot be run, or does not end.
pub(super) async fn run(mut command: Command, input: &[u8]) -> anyhow::Result<Output> {
    let name = command.as_std().get_program().display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let mut stdin = child.stdin.take();
    let feed = async {
        if let Some(stdin) = stdin.as_mut() {
            // A program that ends without reading says why on standard error.
            let _ = stdin.write_all(input).await;
        }
        drop(stdin);
    };
    let finished = async { tokio::join!(feed, child.wait_with_output()).1 };
    tokio::time::timeout(DEADLINE, finished)
        .await
        .with_context(|| format!("{name} did not end within {} seconds", DEADLINE.as_secs()))?
        .with_context(|| format!("cannot run {name}"))
}

/// Runs a program that must succeed; its standard output.
///
/// # Errors
/// As for [`run`], and what it says when it fails.
pub(super) async fn succeed(command: Command, input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let name = command.as_std().get_program().display().to_string();
    let output = run(command, input).await?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, errors.trim());
    }
    Ok(output.stdout)
}
