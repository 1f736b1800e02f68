//! `DeleteIpRange`. VMs with addresses of the range were stopped and have none when it comes to this; what still holds one
//! got it meanwhile, and is in the way. Addresses of services move to another range.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::DeleteIpRange,
    resource::{IpRange, L3Network, UsedIp},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    cascade::{CascadeAction, Doomed, Loss, Work, hanging_on},
    db::DbError,
};
use cumulo_schema::{Empty, ErrorCode, Resource, Uuid};

use crate::{Networks, store};

/// Addresses named in a refusal.
const NAMED: usize = 5;

#[async_trait]
impl HandleApi<DeleteIpRange> for Networks {
    async fn handle(&self, cx: &ApiCx, api: DeleteIpRange) -> Result<Empty, ErrorCode> {
        self.kernel.cascade().delete(IpRange::META.vo, vec![api.uuid], cx.enforcing).await?;
        Ok(Empty {})
    }
}

/// Ranges in the cascade.
pub(crate) struct Ranges(pub(crate) Arc<Networks>);

#[async_trait]
impl CascadeAction for Ranges {
    async fn affected(&self, loss: &Loss<'_>) -> Result<Vec<Uuid>, ErrorCode> {
        // L3 networks are all that they hang on.
        Ok(hanging_on(self.0.kernel.db(), IpRange::L3_NETWORK_UUID, loss.uuids).await?)
    }

    async fn act(&self, work: &Work<'_>) -> Result<(), ErrorCode> {
        for uuid in work.uuids {
            self.0.delete_range(*uuid, work.doomed).await?;
        }
        Ok(())
    }
}

impl Networks {
    async fn delete_range(&self, uuid: Uuid, doomed: &Doomed) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let Some(range) = db.find(IpRange::UUID, &uuid).await? else { return Ok(()) };
        if doomed.has(L3Network::META.vo, range.l3_network_uuid) {
            // It is part of the network, and goes in the same transaction.
            return Ok(());
        }
        let (of_nics, of_services): (Vec<UsedIp>, Vec<UsedIp>) =
            store::used_ips_in(db, uuid).await?.into_iter().partition(|row| row.vm_nic_uuid.is_some());
        if !of_nics.is_empty() {
            return Err(in_use(&range, &of_nics));
        }
        self.give_back(&of_services).await?;
        let removed = self.kernel.cascade().remove(IpRange::META, &[uuid]).await;
        self.forget_pool(range.l3_network_uuid);
        match removed {
            Err(DbError::Reference { .. }) => {
                let details =
                    format!("an address of the IP range '{}' was taken at this moment; try again", range.name);
                return Err(ErrorCode::operation(details));
            }
            removed => removed?,
        }
        match of_services.is_empty() {
            true => Ok(()),
            false => {
                self.prepare_services_again(range.l3_network_uuid).await;
                self.refresh_services(range.l3_network_uuid).await
            }
        }
    }
}

fn in_use(range: &IpRange, rows: &[UsedIp]) -> ErrorCode {
    let named: Vec<&str> = rows.iter().take(NAMED).map(|row| row.ip.as_str()).collect();
    ErrorCode::operation(format!(
        "{} addresses of the IP range '{}' ({}) are held by NICs, {} among them; detach or delete those first",
        rows.len(),
        range.name,
        range.uuid,
        named.join(", ")
    ))
}
