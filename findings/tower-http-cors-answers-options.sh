#!/usr/bin/env bash
# Guessed: the CORS layer of tower-http answers preflights (OPTIONS with `Origin` and `Access-Control-Request-Method`), and lets other requests through.
# Seen: in tower-http 0.6.11 `CorsLayer` answers every OPTIONS request with 200, also one that names neither. The discovery of a tus server,
#   an OPTIONS request of a client that may be no browser, never reaches the handler: its `Tus-Version` and `Tus-Extension` are not in the answer.
# For users: answer OPTIONS, or add its headers, in a layer outside of the CORS layer; a test of the handler alone does not notice.
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
tower-http = { version = "=0.6.11", default-features = false, features = ["cors"] }
tower = { version = "=0.5.3", default-features = false, features = ["util"] }
http = "=1.5.0"
futures = { version = "=0.3.34", default-features = false, features = ["executor"] }
TOML
cat >src/main.rs <<'RUST'
use http::{Method, Request, Response};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

/// The discovery of a tus server.
async fn handler(_: Request<String>) -> Result<Response<String>, Infallible> {
    let answer = Response::builder().status(204).header("tus-version", "1.0.0");
    Ok(answer.header("tus-extension", "creation").body(String::new()).unwrap())
}

fn asked(method: Method, with_layer: bool) -> (u16, bool) {
    let request = Request::builder().method(method).uri("/files").body(String::new()).unwrap();
    let answer = futures::executor::block_on(async {
        if with_layer {
            CorsLayer::new().layer(service_fn(handler)).oneshot(request).await
        } else {
            service_fn(handler).oneshot(request).await
        }
    });
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.headers().contains_key("tus-version"))
}

fn main() {
    let seen = [
        ("OPTIONS, handler alone", asked(Method::OPTIONS, false)),
        ("OPTIONS, behind the layer", asked(Method::OPTIONS, true)),
        ("HEAD, behind the layer", asked(Method::HEAD, true)),
    ];
    for (what, (status, reached)) in seen {
        println!("{what}: {status}, answered by the handler: {reached}");
    }
    assert_eq!(seen.map(|(_, answer)| answer), [(204, true), (200, false), (204, true)]);
}
RUST
cargo run --quiet
