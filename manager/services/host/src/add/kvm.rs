//! `AddKVMHost`.

use async_trait::async_trait;
use cumulo_contracts::{api::host::AddKVMHost, resource::Host};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::{Asked, Kind};
use crate::Hosts;

#[async_trait]
impl HandleApi<AddKVMHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: AddKVMHost) -> Result<Inventory<Host>, ErrorCode> {
        let kind = Kind::Kvm {
            username: api.username,
            password: self.kernel.vault().seal(&api.password),
            ssh_port: api.ssh_port,
        };
        let asked = Asked {
            name: api.name,
            description: api.description,
            management_ip: api.management_ip,
            cluster: api.cluster_uuid,
            kind,
        };
        self.add(cx, asked).await
    }
}
