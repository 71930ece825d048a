//! Local admin: steers a running node, under the names of node spec 6.3.

use walrus_node::operator::admin::{AdminRequest, WorkerCommand};

use crate::{
    args::{LocalAdminArgs, LocalAdminCommand, WorkerSteering},
    door::{done, socket},
    output::Output,
};

pub(crate) async fn run(args: LocalAdminArgs, output: &Output) -> anyhow::Result<()> {
    let request = match args.command {
        LocalAdminCommand::LogLevel { level } => AdminRequest::LogLevel { level },
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
