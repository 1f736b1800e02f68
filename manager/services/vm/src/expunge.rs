//! Expunging destroyed VMs of this node whose time has come.

use std::{sync::Arc, time::Duration};

use cumulo_contracts::ext::hypervisor::StopKind;
use cumulo_schema::Timestamp;

use crate::{Vms, flow::change::Change, store};

pub(crate) async fn rounds(vms: Arc<Vms>) {
    loop {
        let pause = vms.kernel.configs().get("vm", "expungeInterval").unwrap_or(60);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        match store::to_expunge(vms.kernel.db(), Timestamp::now()).await {
            Ok(due) => {
                for vm in due.into_iter().filter(|vm| vms.kernel.cluster().owns(&vm.uuid)) {
                    if let Err(error) = vms.run_change(vm.uuid, Change::Expunge, StopKind::Hard).await {
                        tracing::warn!(vm = %vm.uuid, %error, "a destroyed VM could not be expunged; tried again later");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "destroyed VMs could not be looked through"),
        }
    }
}
