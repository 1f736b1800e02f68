//! Running VMs that there are not: a VM that is on is a row, one that is off is none.

use async_trait::async_trait;
use cumulo_contracts::ext::hypervisor::{CdRomSpec, ConsoleAddress, Hypervisor, NicSpec, StopKind, VmSpec};
use cumulo_schema::{ErrorCode, Uuid, codes};

use crate::{
    Simulator,
    power::{Act, NotRunning},
};

#[async_trait]
impl Hypervisor for Simulator {
    async fn start(&self, host: Uuid, _task: Uuid, vm: &VmSpec) -> Result<(), ErrorCode> {
        self.check_disks(vm).await?;
        self.act(host, vm.vm, Act::Start).await
    }

    /// A pretended guest shuts down at once.
    async fn stop(&self, host: Uuid, _task: Uuid, vm: Uuid, _how: StopKind) -> Result<(), ErrorCode> {
        self.act(host, vm, Act::Stop).await
    }

    async fn reboot(&self, host: Uuid, _task: Uuid, vm: &VmSpec, _how: StopKind) -> Result<(), ErrorCode> {
        self.check_disks(vm).await?;
        self.act(host, vm.vm, Act::Start).await
    }

    async fn pause(&self, host: Uuid, _task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.act(host, vm, Act::Pause).await
    }

    async fn resume(&self, host: Uuid, _task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.act(host, vm, Act::Resume).await
    }

    async fn destroy(&self, host: Uuid, _task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        self.act(host, vm, Act::Stop).await
    }

    /// A pretended guest has the NICs that are recorded of it; as on a real host, it must be there to get one.
    async fn attach_nic(&self, host: Uuid, _task: Uuid, vm: Uuid, _nic: &NicSpec) -> Result<(), ErrorCode> {
        match self.store.power(host, vm).await? {
            Some(_) => Ok(()),
            None => Err(ErrorCode::operation(format!("VM {vm} is not on simulated host {host}; start it first"))),
        }
    }

    /// A pretended guest lets go at once.
    async fn detach_nic(&self, _host: Uuid, _task: Uuid, _vm: Uuid, _mac: &str) -> Result<(), ErrorCode> {
        Ok(())
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
    async fn act(&self, host: Uuid, vm: Uuid, act: Act) -> Result<(), ErrorCode> {
        let before = self.store.power(host, vm).await?;
        let after = act.on(before).map_err(|NotRunning| {
            ErrorCode::operation(format!("VM {vm} does not run on simulated host {host}; start it first"))
        })?;
        match after {
            // A VM that is on for longer is not on anew.
            Some(power) if before != after => Ok(self.store.put_vm(host, vm, power).await?),
            Some(_) => Ok(()),
            None => Ok(self.store.remove_vm(host, vm).await?),
        }
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
