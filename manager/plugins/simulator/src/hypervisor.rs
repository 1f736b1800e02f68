//! Running VMs that there are not: a VM that is on is a row, one that is off is none.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{CdRomSpec, ConsoleAddress, Hypervisor, NicSpec, StopKind, VmSpec},
    resource::VmState,
};
use cumulo_schema::{ErrorCode, Uuid, codes};

use crate::{
    Simulator,
    power::{Act, NotRunning, Power},
    store::{NewTask, Turned},
};

#[async_trait]
impl Hypervisor for Simulator {
    async fn start(&self, host: Uuid, task: Uuid, vm: &VmSpec) -> Result<(), ErrorCode> {
        self.check_disks(vm).await?;
        self.act(NewTask { uuid: task, host, vm: vm.vm, command: "start" }, Act::Start).await
    }

    /// A pretended guest shuts down at once.
    async fn stop(&self, host: Uuid, task: Uuid, vm: Uuid, _how: StopKind) -> Result<(), ErrorCode> {
        self.act(NewTask { uuid: task, host, vm, command: "stop" }, Act::Stop).await
    }

    async fn reboot(&self, host: Uuid, task: Uuid, vm: &VmSpec, _how: StopKind) -> Result<(), ErrorCode> {
        self.check_disks(vm).await?;
        self.act(NewTask { uuid: task, host, vm: vm.vm, command: "reboot" }, Act::Start).await
    }

    async fn pause(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.act(NewTask { uuid: task, host, vm, command: "pause" }, Act::Pause).await
    }

    async fn resume(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.act(NewTask { uuid: task, host, vm, command: "resume" }, Act::Resume).await
    }

    async fn destroy(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.act(NewTask { uuid: task, host, vm, command: "destroy" }, Act::Stop).await
    }

    async fn state(&self, host: Uuid, vm: Uuid) -> Result<VmState, ErrorCode> {
        Ok(match self.store.power(host, vm).await? {
            Some(Power::Running) => VmState::Running,
            Some(Power::Paused) => VmState::Paused,
            None => VmState::Stopped,
        })
    }

    /// A pretended guest has the NICs that are recorded of it; as on a real host, it must be there to get one.
    async fn attach_nic(&self, host: Uuid, task: Uuid, vm: Uuid, _nic: &NicSpec) -> Result<(), ErrorCode> {
        if self.store.is_done(task).await? {
            return Ok(());
        }
        match self.store.power(host, vm).await? {
            Some(_) => Ok(self.store.done(NewTask { uuid: task, host, vm, command: "attach-nic" }, None).await?),
            None => Err(ErrorCode::operation(format!("VM {vm} is not on simulated host {host}; start it first"))),
        }
    }

    /// A pretended guest lets go at once.
    async fn detach_nic(&self, host: Uuid, task: Uuid, vm: Uuid, _mac: &str) -> Result<(), ErrorCode> {
        Ok(self.store.done(NewTask { uuid: task, host, vm, command: "detach-nic" }, None).await?)
    }

    /// A pretended card has the link that is recorded of it.
    async fn set_link(&self, _host: Uuid, _task: Uuid, _vm: Uuid, _mac: &str, _up: bool) -> Result<(), ErrorCode> {
        Ok(())
    }

    /// A pretended drive holds what is recorded of it; as on a real host, the VM must be there to get a disc.
    async fn load_cd_rom(&self, host: Uuid, _task: Uuid, vm: Uuid, drive: &CdRomSpec) -> Result<(), ErrorCode> {
        match (self.store.power(host, vm).await?, &drive.path) {
            (Some(_), _) | (None, None) => Ok(()),
            (None, Some(_)) => {
                Err(ErrorCode::operation(format!("VM {vm} is not on simulated host {host}; start it first")))
            }
        }
    }

    async fn console(&self, host: Uuid, _task: Uuid, vm: Uuid) -> Result<ConsoleAddress, ErrorCode> {
        let text = format!("VM {vm} is on simulated host {host} and has no console; only VMs on real hosts have one");
        Err(ErrorCode::new(codes::NO_CAPABILITY, text))
    }
}

impl Simulator {
    /// Does `act` unless that task was done before.
    async fn act(&self, task: NewTask, act: Act) -> Result<(), ErrorCode> {
        if self.store.is_done(task.uuid).await? {
            return Ok(());
        }
        let NewTask { host, vm, .. } = task;
        let before = self.store.power(host, vm).await?;
        let after = act.on(before).map_err(|NotRunning| {
            ErrorCode::operation(format!("VM {vm} does not run on simulated host {host}; start it first"))
        })?;
        let turned = match after {
            // A VM that is on for longer is not on anew.
            Some(_) if before == after => None,
            Some(power) => Some(Turned::On(power)),
            None => Some(Turned::Off),
        };
        Ok(self.store.done(task, turned).await?)
    }

    /// As a real host would, refuses a VM whose disks are not there.
    async fn check_disks(&self, vm: &VmSpec) -> Result<(), ErrorCode> {
        let volumes: Vec<Uuid> = vm.volumes.iter().map(|volume| volume.volume).collect();
        let files = self.store.files_of(&volumes).await?;
        let is_there = |path: &str| files.iter().any(|file| file.path == path);
        match vm.volumes.iter().find(|volume| !is_there(&volume.path)) {
            None => Ok(()),
            Some(missing) => Err(ErrorCode::operation(format!(
                "volume {} of VM {} has no file {} on simulated storage",
                missing.volume, vm.vm, missing.path
            ))),
        }
    }
}
