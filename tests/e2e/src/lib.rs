//! End-to-end tests on a real local network.
