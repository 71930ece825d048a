//! Settings of background jobs that outlive the process: who is paused, who is throttled. A file in the storage directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use walrus_service::worker::{Setting, WorkerInfo};
use walrus_sui::wallet::{FileError, read_bounded, replace_private};

/// The name of the file.
pub(super) const FILE: &str = "workers.json";

/// Most jobs of which something is remembered.
const MAX_JOBS: usize = 256;

/// Why settings are not kept.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The directory cannot be made.
    #[error("{path}: {source}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("{path} holds no settings of background jobs: {source}; delete it to begin with the usual ones", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    workers: BTreeMap<String, Setting>,
}

/// The file of one node.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    path: PathBuf,
}

impl WorkerSettings {
    /// That of the node that stores in `storage`.
    pub fn of(storage: &Path) -> Self {
        Self {
            path: storage.join(FILE),
        }
    }

    /// What was saved last; nothing if that never happened.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn load(&self) -> Result<BTreeMap<String, Setting>, SettingsError> {
        if !self.path.exists() {
            return Ok(BTreeMap::new());
        }
        let text = read_bounded("the settings of background jobs", &self.path)?;
        let document: Result<Document, _> = serde_json::from_str(&text);
        let document = document.map_err(|source| SettingsError::Malformed {
            path: self.path.clone(),
            source,
        })?;
        Ok(document.workers)
    }

    /// Saves what is not usual of these jobs, or was not. What is known of others stays: they may only not run this time.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn save(&self, workers: &[WorkerInfo]) -> Result<(), SettingsError> {
        let mut settings = self.load()?;
        for worker in workers {
            let setting = Setting {
                paused: worker.paused,
                throttle: worker.throttle,
            };
            // What is as usual now may not be so at the start, if it was set to be.
            let known = settings.contains_key(worker.name);
            if known || (setting != Setting::default() && settings.len() < MAX_JOBS) {
                settings.insert(worker.name.to_owned(), setting);
            }
        }
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent).map_err(|source| SettingsError::Directory {
                path: parent.to_owned(),
                source,
            })?;
        }
        let text = serde_json::to_vec_pretty(&Document { workers: settings });
        let text = text.map_err(|source| SettingsError::Malformed {
            path: self.path.clone(),
            source,
        })?;
        Ok(replace_private(&self.path, &text)?)
    }
}

#[cfg(test)]
mod tests {
    use walrus_service::{
        metrics::Registry,
        worker::{Failure, Runner, Step, Worker},
    };

    use super::*;

    struct Idle(&'static str);

    impl Worker for Idle {
        fn name(&self) -> &'static str {
            self.0
        }

        async fn work(&mut self) -> Result<Step, Failure> {
            Ok(Step::Wait)
        }
    }

    #[tokio::test]
    async fn settings_are_those_of_before_at_the_next_start_also_of_jobs_that_do_not_run_meanwhile()
    {
        let dir = tempfile::tempdir().unwrap();
        let settings = WorkerSettings::of(&dir.path().join("storage"));
        let start = |names: &[&'static str]| {
            let runner = Runner::new(&Registry::new());
            runner.preset(settings.load().unwrap());
            names.iter().for_each(|name| runner.spawn(Idle(name)));
            runner
        };
        let runner = start(&["one", "two"]);
        runner.workers().throttle("one", 3).unwrap();
        runner.workers().pause("two").unwrap();
        settings.save(&runner.workers().list()).unwrap();
        let runner = start(&["one"]);
        let one = &runner.workers().list()[0];
        assert_eq!((one.paused, one.throttle), (false, 3));
        runner.workers().throttle("one", 0).unwrap();
        settings.save(&runner.workers().list()).unwrap();
        let runner = start(&["one", "two"]);
        let list = runner.workers().list();
        assert_eq!((list[0].throttle, list[1].paused), (0, true));
    }

    #[test]
    fn a_file_that_holds_something_else_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{\"workers\": 7}").unwrap();
        let error = WorkerSettings::of(dir.path()).load().unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
    }
}
