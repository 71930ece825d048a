//! Runs the `walrus` program in a home directory of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Longest time for one command.
const PATIENCE: Duration = Duration::from_secs(120);

/// Names of what is in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A home directory without anything in it.
pub(crate) struct Home {
    home: TempDir,
    temporary: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            temporary: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// Names of what is left in the directory for temporary files.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        names(self.temporary.path())
    }

    /// A new file in it.
    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    /// A command that is not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_walrus"), arguments)
    }

    /// Another program, in the same surroundings.
    pub(crate) fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("TMPDIR", self.temporary.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("WALRUS_PRIVATE_KEY")
            .env_remove("SUI_BIN")
            // The Move compiler is installed once for all tests.
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        // What cargo and npm keep where the user is at home.
        if let Some(real) = std::env::home_dir() {
            for (variable, below) in [
                ("CARGO_HOME", ".cargo"),
                ("RUSTUP_HOME", ".rustup"),
                ("npm_config_cache", ".npm"),
                ("npm_config_userconfig", ".npmrc"),
            ] {
                if std::env::var_os(variable).is_none() {
                    command.env(variable, real.join(below));
                }
            }
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must succeed; standard output must be one JSON document and nothing else.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.succeed(arguments);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error} in {text}"))
    }

    /// Runs a command that must fail, with status 1; what it says.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
        assert!(errors.contains("Error: "), "{errors}");
        errors
    }

    /// Starts a command, sends it a signal, by its short name, once `begun` says so of its process ID, and waits for the end.
    pub(crate) fn signal_once(
        &self,
        arguments: &[&str],
        signal: &str,
        begun: impl Fn(u32) -> bool,
    ) -> Output {
        self.disturb_once(arguments, begun, |id| send(id, signal))
    }

    /// The same with anything else that is done to the command or its files.
    pub(crate) fn disturb_once(
        &self,
        arguments: &[&str],
        begun: impl Fn(u32) -> bool,
        disturb: impl FnOnce(u32),
    ) -> Output {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let started = Instant::now();
        while !begun(child.id()) {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{arguments:?} was over at once: {ended:?}");
            assert!(started.elapsed() < PATIENCE, "{arguments:?} does not begin");
            std::thread::yield_now();
        }
        disturb(child.id());
        wait_for_end(&mut child);
        child.wait_with_output().unwrap()
    }

    /// Starts a command that goes on until it is told to stop.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines }
    }
}

/// A command that is running. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// Waits for a line of standard output that contains `text`; everything up to and with it.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        let started = Instant::now();
        let mut seen = String::new();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("`{text}` did not come ({error}) after:\n{seen}"));
            seen.push_str(&line);
            seen.push('\n');
            if line.contains(text) {
                return seen;
            }
        }
    }

    /// Waits for the JSON document that is all of standard output so far.
    pub(crate) fn wait_for_json(&self) -> Value {
        let started = Instant::now();
        let mut seen = String::new();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("no whole document came ({error}):\n{seen}"));
            seen.push_str(&line);
            if let Ok(document) = serde_json::from_str(&seen) {
                return document;
            }
        }
    }

    /// Sends a signal, by its short name, and waits for the end.
    pub(crate) fn stop_with(mut self, signal: &str) -> ExitStatus {
        send(self.child.id(), signal);
        wait_for_end(&mut self.child)
    }
}

fn send(id: u32, signal: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {id}")])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// It gets killed if it takes too long, so that nothing of a failed test goes on.
fn wait_for_end(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it does not stop");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
