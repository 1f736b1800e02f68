//! `CreateL3Network`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::CreateL3Network,
    resource::{L3Network, ResourceState},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
    quota::{self, Claim, QuotaDef},
};
use cumulo_schema::{ErrorCode, Inventory};

use super::{TYPE, check_domain};
use crate::{Networks, ipv4::short, made_before, store};

const NUMBER: &str = "l3.num";

pub(crate) const QUOTAS: &[QuotaDef] =
    &[QuotaDef { name: NUMBER, description: "how many L3 networks a new account may have", default: "20" }];

#[async_trait]
impl HandleApi<CreateL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: CreateL3Network) -> Result<Inventory<L3Network>, ErrorCode> {
        if api.r#type != TYPE {
            let details = format!("there are no L3 networks of type '{}'; there is: {TYPE}", short(&api.r#type));
            return Err(ErrorCode::invalid(details));
        }
        if api.category == "System" && !api.system {
            return Err(ErrorCode::invalid("an L3 network of category System must have system=true"));
        }
        api.dns_domain.as_deref().map_or(Ok(()), check_domain)?;
        let l2 = store::l2(self.kernel.db(), api.l2_network_uuid).await?;
        let now = cx.now();
        let l3 = L3Network {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            r#type: api.r#type,
            zone_uuid: l2.zone_uuid,
            l2_network_uuid: l2.uuid,
            state: ResourceState::Enabled,
            dns_domain: api.dns_domain,
            system: api.system,
            category: api.category,
            ip_version: api.ip_version.unwrap_or(4),
            enable_ipam: api.enable_ipam,
            isolated: Some(false),
            create_date: now,
            last_op_date: now,
        };
        let db = self.kernel.db();
        let mut batch = db.batch();
        batch.insert(&l3);
        cx.created::<L3Network>(&mut batch);
        quota::hold(db, &mut batch, cx.caller.account, l3.uuid, &[Claim { quota: NUMBER, amount: 1 }]).await?;
        match db.commit(batch).await {
            Err(DbError::Conflict { .. }) => {
                made_before::<L3Network>(l3.uuid, store::l3(db, l3.uuid).await?.name == l3.name)?;
            }
            inserted => drop(inserted?),
        }
        cx.inventory::<L3Network>(&l3.uuid).await
    }
}
