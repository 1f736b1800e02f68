//! A hypervisor that is installed and never asked: clusters only look whether there is one.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{CdRomSpec, ConsoleAddress, Hypervisor, NicSpec, StopKind, VmSpec},
    resource::VmState,
};
use cumulo_schema::{ErrorCode, Uuid};

pub(crate) struct Idle;

fn refused<T>() -> Result<T, ErrorCode> {
    Err(ErrorCode::internal("clusters run nothing"))
}

#[async_trait]
impl Hypervisor for Idle {
    async fn start(&self, _: Uuid, _: Uuid, _: &VmSpec) -> Result<(), ErrorCode> {
        refused()
    }
    async fn stop(&self, _: Uuid, _: Uuid, _: Uuid, _: StopKind) -> Result<(), ErrorCode> {
        refused()
    }
    async fn reboot(&self, _: Uuid, _: Uuid, _: &VmSpec, _: StopKind) -> Result<(), ErrorCode> {
        refused()
    }
    async fn pause(&self, _: Uuid, _: Uuid, _: Uuid) -> Result<(), ErrorCode> {
        refused()
    }
    async fn resume(&self, _: Uuid, _: Uuid, _: Uuid) -> Result<(), ErrorCode> {
        refused()
    }
    async fn destroy(&self, _: Uuid, _: Uuid, _: Uuid) -> Result<(), ErrorCode> {
        refused()
    }
    async fn state(&self, _: Uuid, _: Uuid) -> Result<VmState, ErrorCode> {
        refused()
    }
    async fn attach_nic(&self, _: Uuid, _: Uuid, _: Uuid, _: &NicSpec) -> Result<(), ErrorCode> {
        refused()
    }
    async fn detach_nic(&self, _: Uuid, _: Uuid, _: Uuid, _: &str) -> Result<(), ErrorCode> {
        refused()
    }
    async fn set_link(&self, _: Uuid, _: Uuid, _: Uuid, _: &str, _: bool) -> Result<(), ErrorCode> {
        refused()
    }
    async fn load_cd_rom(&self, _: Uuid, _: Uuid, _: Uuid, _: &CdRomSpec) -> Result<(), ErrorCode> {
        refused()
    }
    async fn console(&self, _: Uuid, _: Uuid, _: Uuid) -> Result<ConsoleAddress, ErrorCode> {
        refused()
    }
}
