//! Node process: a storage node that can be killed like any other program.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// A running `storage-node`. Killed when dropped.
#[derive(Debug)]
pub struct NodeProcess {
    child: Mutex<Child>,
}

impl NodeProcess {
    /// Starts `program` with a node configuration.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start(program: &str, config: &Path) -> Self {
        let child = Command::new(program)
            .args(["run", "--config-path"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // What is wrong is for the eyes of who reads the test's output, what is well is not.
            .env("RUST_LOG", "warn")
            .spawn()
            .expect("the program was built with the tests");
        Self {
            child: Mutex::new(child),
        }
    }

    /// Kills the process with `SIGKILL`, at once: nothing of it runs when this returns.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails only if it is gone already.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Whether the process is still there.
    pub fn is_alive(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(child.try_wait(), Ok(None))
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
