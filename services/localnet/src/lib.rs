//! A whole Walrus network in one process.
