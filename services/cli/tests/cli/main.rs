//! The command line as people use it: the program is run in a home directory of its own, one module for each behaviour.
//!
//! All modules are one program: linking takes long, and once is enough.
#![allow(clippy::unwrap_used)]

mod blob_id_offline;
mod changing_input;
mod closed_standard_error;
mod configuration_offline;
mod damaged_slivers;
mod demo_command;
mod devchain_call;
mod devchain_command;
mod devchain_publish;
mod devchain_sui_cli;
mod interrupted_offline;
mod large_files;
mod localnet_commands;
mod outputs_offline;
mod permissions_offline;
mod program;
mod revision_of_the_build;
mod slivers_limits;
mod slivers_offline;
