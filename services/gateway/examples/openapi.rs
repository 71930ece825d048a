//! The OpenAPI document of a gateway with all services: what `openapi.json` has to be.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

fn main() {
    print!("{}", walrus_gateway::openapi());
}
