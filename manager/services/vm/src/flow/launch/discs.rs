//! The ISO images in the VM's CD drives.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_kernel::flow::{Step, StepCx};
use cumulo_schema::ErrorCode;

use super::LaunchVm;
use crate::{Vms, api::spec, cdrom, store};

/// Brings the images to the host. The copies stay, as those of other images do, and so does the record of where they are.
pub(super) struct FetchIsos(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for FetchIsos {
    fn name(&self) -> &'static str {
        "fetch-isos"
    }

    // Its undo does nothing.
    fn is_foretold(&self) -> bool {
        true
    }

    fn describe(&self) -> &'static str {
        "brings the ISO images in its CD drives to the host"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let db = self.0.kernel.db();
        let mut drives = cdrom::of_vm(db, cx.vm).await?;
        drives.retain(|drive| drive.iso_uuid.is_some());
        if drives.is_empty() {
            return Ok(());
        }
        let vm = store::find(db, cx.vm).await?;
        for drive in drives {
            let Some(before) = cdrom::disc(&drive) else { continue };
            let task = cx.task(&format!("iso/{}", drive.uuid));
            let path = spec::fetch_iso(&self.0, &vm, cx.place()?, before.iso, task).await.map_err(|cause| {
                let text = format!("{}; detach the image to start the VM without it", cause.details);
                ErrorCode::operation(text).because(cause)
            })?;
            let now = cdrom::Disc { path: Some(path), ..before.clone() };
            if now != before {
                cdrom::set_disc(db, drive.uuid, Some(&now)).await?;
            }
        }
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        Ok(())
    }
}
