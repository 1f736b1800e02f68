//! What is on hosts and storages, whatever these are made of.

use std::collections::BTreeSet;

use cumulo_kernel::db::Db;
use cumulo_plugin_simulator::{Power, SimulatorFile, SimulatorStorage, SimulatorTask, SimulatorVm};
use cumulo_schema::Uuid;
use cumulo_sim_hosts::control::Execution;

use crate::machines::Look;

/// A guest that is up, or may be.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) vm: Uuid,
    pub(crate) host: Uuid,
    pub(crate) power: GuestPower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestPower {
    Running,
    Paused,
    /// Its host knows it, and it does not run.
    Off,
}

/// A file of a volume or image.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    /// Whose it is, as its name says.
    pub(crate) of: Option<Uuid>,
    /// The storage it is on, or the host whose storage that is.
    pub(crate) place: Uuid,
    pub(crate) size: i64,
}

/// A task about a VM that a host was given: `start`, `attach-nic`.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) vm: Uuid,
    pub(crate) command: &'static str,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) guests: Vec<Guest>,
    pub(crate) files: Vec<File>,
    /// What pretended disks count of what is on them.
    pub(crate) disks: Vec<SimulatorStorage>,
    pub(crate) given: Vec<Given>,
    /// What agents worked on, each one's in order.
    pub(crate) executions: Vec<Execution>,
}

/// The commands that are counted, as the simulator plugin records them and as agents call them.
pub(crate) const COUNTED: [(&str, &str); 7] = [
    ("start", "StartVm"),
    ("stop", "StopVm"),
    ("reboot", "RebootVm"),
    ("pause", "PauseVm"),
    ("resume", "ResumeVm"),
    ("attach-nic", "AttachNic"),
    ("detach-nic", "DetachNic"),
];

impl Found {
    /// In the tables of the simulator plugin.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn in_rows(db: &Db) -> anyhow::Result<Self> {
        let guests: Vec<SimulatorVm> = db.select().all().await?;
        let files: Vec<SimulatorFile> = db.select().all().await?;
        let tasks: Vec<SimulatorTask> = db.select().all().await?;
        let counted = |task: &SimulatorTask| COUNTED.iter().find(|(command, _)| *command == task.command);
        let guests = guests.into_iter().map(|guest| Guest {
            vm: guest.vm_uuid,
            host: guest.host_uuid,
            power: if guest.power == Power::Paused { GuestPower::Paused } else { GuestPower::Running },
        });
        let files = files.into_iter().map(|file| File {
            path: file.path,
            of: Some(file.resource_uuid),
            place: file.storage_uuid,
            size: file.actual_size,
        });
        Ok(Self {
            guests: guests.collect(),
            files: files.collect(),
            disks: db.select().all().await?,
            given: tasks
                .iter()
                .filter_map(|task| Some(Given { vm: task.vm_uuid, command: counted(task)?.0 }))
                .collect(),
            executions: Vec::new(),
        })
    }

    /// On machines.
    ///
    /// # Errors
    /// When their process does not answer, or has what is none of ours.
    pub(crate) async fn on_machines(machines: &dyn Look) -> anyhow::Result<Self> {
        let (machines, executions) = machines.look().await?;
        let mut found = Self::default();
        for machine in machines {
            let place = machine.agent.parse()?;
            for guest in machine.guests {
                let power = match guest.power.as_str() {
                    "running" => GuestPower::Running,
                    "paused" => GuestPower::Paused,
                    _ => GuestPower::Off,
                };
                found.guests.push(Guest { vm: guest.vm.parse()?, host: place, power });
            }
            for file in machine.files {
                let of = file.path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
                let path = file.path.display().to_string();
                found.files.push(File { path, of, place, size: i64::try_from(file.size)? });
            }
        }
        // However often an agent had to begin with one.
        let mut tasks = BTreeSet::new();
        for execution in executions.iter().filter(|execution| tasks.insert((&execution.agent, &execution.task))) {
            if let Some((command, _)) = COUNTED.iter().find(|(_, name)| *name == execution.command) {
                found.given.push(Given { vm: execution.key.parse()?, command });
            }
        }
        found.executions = executions;
        Ok(found)
    }
}
