//! Worker: lists and steers the background jobs of a running node.

use anyhow::{Context as _, bail};
use walrus_node::operator::{
    WorkerStatus,
    admin::{AdminBody, AdminRequest, WorkerCommand},
};

use crate::{
    args::{DoorArgs, NamedWorkerArgs, SteerWorkerArgs, WorkerArgs, WorkerVerb},
    door::{done, socket},
    output::{Output, field},
    words,
};

pub(crate) async fn run(args: WorkerArgs, output: &Output) -> anyhow::Result<()> {
    match args.command {
        WorkerVerb::List(door) => {
            let workers = list(&door).await?;
            output.result(&workers, |workers| workers.iter().map(line).collect())
        }
        WorkerVerb::Info(NamedWorkerArgs { name, door }) => {
            let workers = list(&door).await?;
            output.result(named(&workers, &name)?, info)
        }
        WorkerVerb::Pause(worker) => steer(worker, WorkerCommand::Pause, output).await,
        WorkerVerb::Resume(worker) => steer(worker, WorkerCommand::Resume, output).await,
        WorkerVerb::Set(set) => {
            steer(set.steer, WorkerCommand::Throttle(set.throttle), output).await
        }
    }
}

async fn list(door: &DoorArgs) -> anyhow::Result<Vec<WorkerStatus>> {
    let answer = done(&socket(door)?, &AdminRequest::Workers {}).await?;
    match answer.body {
        Some(AdminBody::Workers(workers)) => Ok(workers),
        _ => bail!("the node told nothing of its background jobs; is it an older version?"),
    }
}

fn named<'a>(workers: &'a [WorkerStatus], name: &str) -> anyhow::Result<&'a WorkerStatus> {
    let found = workers.iter().find(|worker| worker.name == name);
    found.with_context(|| {
        let known: Vec<_> = workers.iter().map(|worker| &*worker.name).collect();
        format!(
            "there is no worker `{name}`; there are {}",
            known.join(", ")
        )
    })
}

async fn steer(
    SteerWorkerArgs { worker, look }: SteerWorkerArgs,
    command: WorkerCommand,
    output: &Output,
) -> anyhow::Result<()> {
    let name = worker.name;
    if look.dry_run {
        let workers = list(&worker.door).await?;
        let would = match command {
            WorkerCommand::Pause => format!("{name} pauses once its step ends."),
            WorkerCommand::Resume => format!("{name} goes on."),
            WorkerCommand::Throttle(0) => format!("{name} runs at full speed."),
            WorkerCommand::Throttle(factor) => {
                format!("{name} rests {factor} times as long as each step takes.")
            }
        };
        return output.would(&would, named(&workers, &name)?, info);
    }
    let request = AdminRequest::Worker { name, command };
    let answer = done(&socket(&worker.door)?, &request).await?;
    output.result(&answer, |answer| vec![answer.message.clone()])
}

/// A job in one line.
pub(crate) fn line(worker: &WorkerStatus) -> String {
    let mut text = worker.state.clone();
    if worker.paused && worker.state != "paused" {
        text += ", to pause";
    }
    if let Some(done) = worker.done {
        text += &format!(", {done} done");
    }
    if let Some(left) = worker.left {
        text += &format!(", {left} left");
    }
    if let Some(eta) = worker.eta_secs {
        text += &format!(", some {} to go", words::duration(eta));
    }
    if let Some(note) = &worker.note {
        text += &format!(" ({note})");
    }
    if worker.throttle > 0 {
        text += &format!(", throttled by {}", worker.throttle);
    }
    if let Some(error) = &worker.last_error {
        text += &format!(", {} errors, the last: {error}", worker.errors);
    }
    field(&worker.name, text)
}

fn info(worker: &WorkerStatus) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or("unknown".to_owned(), |n| n.to_string());
    let mut lines = vec![
        worker.name.clone(),
        field("state", &worker.state),
        field("paused", if worker.paused { "yes" } else { "no" }),
        field("throttle", worker.throttle),
        field("done", number(worker.done)),
        field("left", number(worker.left)),
        field("steps", worker.steps),
        field("errors", worker.errors),
    ];
    if let Some(eta) = worker.eta_secs {
        lines.push(field("time to go", words::duration(eta)));
    }
    if let Some(note) = &worker.note {
        lines.push(field("note", note));
    }
    if let Some(error) = &worker.last_error {
        let ago = worker.last_error_at_ms.map(words::ago).unwrap_or_default();
        lines.push(field("last error", format!("{error} {ago}")));
    }
    lines
}
