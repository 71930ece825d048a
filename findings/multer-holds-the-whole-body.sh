#!/usr/bin/env bash
# Guessed: whoever reads the parts of a multipart/form-data upload one by one, and a part chunk by chunk, holds about a chunk of it.
# Seen: multer 3.1.0 asks the body for more until it has to wait, and keeps all of it. When the body is always ready (it comes faster than it is asked
#   for), `next_field` of the first part returns after all of it was taken: 64 of 64 MiB here. A body that lets it wait after each piece is taken
#   as it is read.
# For users: give it a stream that is pending once after each piece, or a limit for the whole body that fits into memory.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "shown"
version = "0.0.0"
edition = "2021"

[dependencies]
multer = "=3.1.0"
futures = { version = "=0.3.34", default-features = false, features = ["executor"] }
TOML
cat >src/main.rs <<'RUST'
use futures::stream::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{convert::Infallible, sync::Arc, task::Poll};

const MIB: usize = 1 << 20;

/// What was taken of a body of 64 MiB and a little when the first part begins, and when it was read to its end, and the length of the part.
fn taken(waits: bool) -> (usize, usize, usize) {
    let mut pieces = vec![b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_vec()];
    pieces.extend((0..64).map(|_| vec![b'a'; MIB]));
    pieces.push(b"\r\n--x--\r\n".to_vec());
    let count = Arc::new(AtomicUsize::new(0));
    let (counted, mut pieces, mut wait) = (count.clone(), pieces.into_iter(), false);
    let body = poll_fn(move |context| {
        wait = waits && !wait;
        if waits && !wait {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = pieces.next();
        counted.fetch_add(piece.as_ref().map_or(0, Vec::len), Ordering::SeqCst);
        Poll::Ready(piece.map(Ok::<_, Infallible>))
    });
    futures::executor::block_on(async {
        let mut form = multer::Multipart::new(body, "x");
        let mut part = form.next_field().await.unwrap().expect("a part");
        let at_first = count.load(Ordering::SeqCst) / MIB;
        let mut length = 0;
        while let Some(chunk) = part.chunk().await.unwrap() {
            length += chunk.len();
        }
        (at_first, count.load(Ordering::SeqCst) / MIB, length / MIB)
    })
}

fn main() {
    let (fast, slow) = (taken(false), taken(true));
    println!("a body that is always ready: {} MiB taken before the first byte of a part is read, of {}", fast.0, fast.2);
    println!("a body that waits after each piece: {} MiB, of {}", slow.0, slow.2);
    assert_eq!(fast, (64, 64, 64));
    assert_eq!(slow, (0, 64, 64));
}
RUST
cargo run --quiet
