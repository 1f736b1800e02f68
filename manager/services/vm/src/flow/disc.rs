//! An ISO image goes into a CD drive of a VM that exists, or comes out.
//!
//! Both are one chain: what is in the drive becomes something else, which may be nothing. A failed change puts back what was
//! in it. Of a VM that does not run only the record changes; its next start brings the image to its host.

mod steps;

use std::sync::Arc;

use cumulo_contracts::resource::VmState;
use cumulo_kernel::{
    Setup,
    flow::{Flow, FlowReply},
};
use cumulo_schema::Uuid;
use serde::{Deserialize, Serialize};

use super::change::OnHost;
use crate::{Vms, cdrom::Disc};

/// The states in which discs come and go.
pub(crate) const CHANGEABLE: [VmState; 3] = [VmState::Running, VmState::Stopped, VmState::Created];

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Wish {
    /// An image into a drive.
    Insert {
        /// The image.
        iso: Uuid,
        /// The drive; the first empty one where absent.
        drive: Option<Uuid>,
    },
    /// An image out of its drive.
    Eject {
        /// The image; the only one there is where absent.
        iso: Option<Uuid>,
    },
}

/// What it comes to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Choice {
    /// The drive.
    pub drive: Uuid,
    /// Its place.
    pub device_id: i32,
    /// What is in it before.
    pub before: Option<Disc>,
    /// What is in it afterwards.
    pub after: Option<Disc>,
    /// Where the VM runs, if it does.
    pub on: Option<OnHost>,
}

/// The context.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeDisc {
    /// The VM.
    pub vm: Uuid,
    /// What is asked for.
    pub wish: Wish,
    /// What it comes to; chosen by the first step.
    pub choice: Option<Choice>,
}

impl ChangeDisc {
    pub(crate) fn new(vm: Uuid, wish: Wish) -> Self {
        Self { vm, wish, choice: None }
    }
}

impl Flow for ChangeDisc {
    const NAME: &'static str = "change-disc";

    fn resource(&self) -> Uuid {
        self.vm
    }

    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("VmInstance", self.vm)
    }
}

pub(crate) fn install(setup: &mut Setup, vms: &Arc<Vms>) {
    setup
        .step(steps::Choose(vms.clone()))
        .step(steps::Fetch(vms.clone()))
        .step(steps::Record(vms.clone()))
        .step(steps::Load(vms.clone()));
}
