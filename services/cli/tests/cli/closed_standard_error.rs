//! Nobody has to listen to what is said on standard error.

use std::process::Stdio;

use crate::program::Home;

#[test]
fn a_failure_is_told_by_the_exit_code_when_standard_error_is_closed() {
    let home = Home::new();
    for arguments in [
        ["info", "--json"],
        ["read", "no-blob-id"],
        ["blob-id", "absent"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        // Before the program starts: each write to the pipe fails.
        drop(reader);
        let status = home
            .command(&arguments)
            .env("RUST_LOG", "trace")
            .stdout(Stdio::null())
            .stderr(writer)
            .status()
            .unwrap();
        // A panic would be 101.
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}
