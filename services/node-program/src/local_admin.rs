//! Local admin: steers a running node, under the names of node spec 6.3.

use walrus_node::operator::admin::{AdminRequest, CheckpointCommand, WorkerCommand};

use crate::{
    args::{CheckpointArgs, LocalAdminArgs, LocalAdminCommand, WorkerSteering},
    door::{done, socket},
    output::Output,
};

pub(crate) async fn run(args: LocalAdminArgs, output: &Output) -> anyhow::Result<()> {
    let request = match args.command {
        LocalAdminCommand::LogLevel { level } => AdminRequest::LogLevel { level },
        LocalAdminCommand::Checkpoint { command } => AdminRequest::Checkpoint {
            command: match command {
                CheckpointArgs::Create { path, delay_secs } => CheckpointCommand::Create {
                    path: path.map(std::path::absolute).transpose()?,
                    delay_secs,
                    sealed_keys: None,
                },
                CheckpointArgs::Cancel => CheckpointCommand::Cancel,
            },
        },
        LocalAdminCommand::Worker { name, command } => AdminRequest::Worker {
            name,
            command: match command {
                WorkerSteering::Pause => WorkerCommand::Pause,
                WorkerSteering::Resume => WorkerCommand::Resume,
                WorkerSteering::Throttle { factor } => WorkerCommand::Throttle(factor),
            },
        },
    };
    let answer = done(&socket(&args.door)?, &request).await?;
    output.result(&answer, |answer| vec![answer.message.clone()])
}
