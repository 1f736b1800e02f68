//! The arguments of the program.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{http::Endpoint, render::Format};

const USAGE: &str = "\
cumulo [OPTIONS] [VERB [NAME=VALUE]... | FILE | -c LINE...]
       cumulo [OPTIONS] scenario FILE [--var NAME=VALUE]... [--host-exec PROGRAM]
       cumulo help [VERB]";

const AFTER: &str = "\
Without a verb, a script or standard input to read, cumulo is interactive.

Examples:
  cumulo LogInByAccount accountName=admin        asks for the password, keeps the session
  cumulo QueryVmInstance state=Running fields=uuid,name
  cumulo -c 'CreateZone name=z -> zone' -c 'DeleteZone uuid=$zone'
  cumulo setup.cumulo                            runs the commands in a file
  cumulo help CreateVmInstance                   what it does and takes

Exit codes: 0 done, 1 failed, 2 not understood, 3 refused by the management node,
4 management node not reached, 130 interrupted.";

/// The command line of a Cumulo cloud.
#[derive(Debug, Parser)]
#[command(name = "cumulo", version, about, disable_help_subcommand = true)]
#[command(override_usage = USAGE, after_help = AFTER)]
pub struct Options {
    /// How to reach the management node and show its answers.
    #[command(flatten)]
    pub common: Common,
    /// Run this line; may be given several times.
    #[arg(short = 'c', long = "command", value_name = "LINE")]
    pub lines: Vec<String>,
    /// What to do.
    #[command(subcommand)]
    pub mode: Option<Mode>,
}

/// Options of every mode.
#[derive(Debug, Args)]
pub struct Common {
    /// Where the management node is.
    #[arg(long, env = "CUMULO_ENDPOINT", default_value = "http://127.0.0.1:8080", global = true, value_name = "URL")]
    pub endpoint: Endpoint,
    /// Certificates, in PEM, that an https endpoint may be signed by besides those this machine trusts.
    #[arg(long, env = "CUMULO_CA_FILE", global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// How to show answers: JSON, unless a person makes a query.
    #[arg(short, long, value_enum, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// What else there is to do than to talk.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Run a scenario: commands, and checks of what really happened on the host.
    Scenario(ScenarioOptions),
    /// Say what verbs there are, or what one does and takes.
    Help {
        /// The verb.
        verb: Option<String>,
    },
    /// A verb with its arguments, or a script's file.
    #[command(external_subcommand)]
    Words(Vec<String>),
}

/// Options of `cumulo scenario`.
#[derive(Debug, Args)]
pub struct ScenarioOptions {
    /// The scenario.
    pub file: PathBuf,
    /// Sets $NAME; without a value it is taken from the environment, which keeps secrets out of the process list.
    #[arg(long = "var", value_name = "NAME[=VALUE]")]
    pub variables: Vec<String>,
    /// The program that is given each shell command, as one argument, and runs it on the host.
    #[arg(long, value_name = "PROGRAM")]
    pub host_exec: Option<OsString>,
    /// How long a shell command may take to come true, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub host_timeout: u64,
    /// The scenario's name, if not that of the file.
    #[arg(long)]
    pub name: Option<String>,
    /// Write times and remembered values to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_verb_takes_all_that_follows() {
        let options = Options::try_parse_from(["cumulo", "-o", "table", "QueryZone", "name=-c", "x!=y"]).expect("fine");
        assert_eq!(options.common.output, Some(Format::Table));
        let Some(Mode::Words(words)) = options.mode else { panic!("words") };
        assert_eq!(words, ["QueryZone", "name=-c", "x!=y"]);
    }

    #[test]
    fn the_endpoint_is_checked_at_once() {
        assert!(Options::try_parse_from(["cumulo", "--endpoint", "ftp://x"]).is_err());
    }
}
