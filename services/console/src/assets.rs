//! Assets: the files of the page, as they are in the program.

/// A file that the console serves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    /// Its path, from the root on.
    pub(crate) path: &'static str,
    /// Its media type, which browsers insist on.
    pub(crate) media_type: &'static str,
    /// Its content.
    pub(crate) bytes: &'static [u8],
}

macro_rules! asset {
    ($path:literal, $media_type:literal, $file:literal) => {
        Asset {
            path: $path,
            media_type: $media_type,
            bytes: include_bytes!(concat!("../assets/", $file)),
        }
    };
}

/// All of them.
pub(crate) const ASSETS: &[Asset] = &[
    asset!("/", "text/html; charset=utf-8", "index.html"),
    asset!("/console.css", "text/css", "console.css"),
    asset!("/console.js", "text/javascript", "console.js"),
    asset!("/kinds.js", "text/javascript", "kinds.js"),
    asset!("/store.js", "text/javascript", "store.js"),
    asset!("/verify.js", "text/javascript", "verify.js"),
    asset!("/verifier.js", "text/javascript", "verifier.js"),
    asset!("/walrus-core.wasm", "application/wasm", "walrus-core.wasm"),
];
