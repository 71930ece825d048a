//! Exit: with which status the program ends, so that scripts can tell what happened.

use std::{future::Future, process::ExitCode};

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is as it should be.
    Fine,
    /// Problems were found, and left as they are.
    ProblemsLeft,
}

impl Exit {
    /// [`Exit::Fine`] if there is no problem.
    pub(crate) fn fine_if(fine: bool) -> Self {
        if fine { Self::Fine } else { Self::ProblemsLeft }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::SUCCESS,
            Exit::ProblemsLeft => Self::from(3),
        }
    }
}

/// Nothing was done, because it would not be safe.
#[derive(Debug, thiserror::Error)]
#[error("refused: {0}")]
pub(crate) struct Refused(pub(crate) String);

/// A signal ended it; what was done stays, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: {0}")]
pub(crate) struct Interrupted(pub(crate) &'static str);

/// Who reads the output wants no more of it, as `head` does; nothing is said about that.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(crate) struct Unread;

/// The status that tells of a failure.
pub(crate) fn status_of(error: &anyhow::Error) -> ExitCode {
    if error.is::<Refused>() {
        ExitCode::from(4)
    } else if error.is::<Interrupted>() {
        ExitCode::from(5)
    } else {
        ExitCode::FAILURE
    }
}

/// Does `what`, unless Ctrl-C comes first; `then` says what holds in that case.
pub(crate) async fn unless_interrupted<T>(
    what: impl Future<Output = anyhow::Result<T>>,
    then: &'static str,
) -> anyhow::Result<T> {
    tokio::select! {
        done = what => done,
        heard = tokio::signal::ctrl_c() => {
            heard?;
            Err(Interrupted(then).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn each_end_has_a_status_of_its_own_also_behind_a_context() {
        let refused = Err::<(), _>(Refused("it is running".to_owned()));
        let refused = refused.context("cannot mend it").unwrap_err();
        let same =
            |code: ExitCode, number| format!("{code:?}") == format!("{:?}", ExitCode::from(number));
        assert!(same(status_of(&refused), 4));
        assert!(same(status_of(&Interrupted("half is done").into()), 5));
        assert!(same(status_of(&anyhow::anyhow!("no")), 1));
        assert!(same(Exit::ProblemsLeft.into(), 3));
        assert!(same(Exit::fine_if(true).into(), 0));
    }
}
