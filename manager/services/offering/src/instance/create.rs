//! `CreateInstanceOffering`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::offering::CreateInstanceOffering,
    ext::host::HOST_ALLOCATOR_STRATEGIES,
    resource::{InstanceOffering, ResourceState},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use super::{InstanceOfferings, check_strategy};

/// What an offering is for unless said otherwise: virtual machines of users. Appliances bring types of their own.
const TYPE: &str = "UserVm";
/// How a host is chosen unless said otherwise.
const STRATEGY: &str = HOST_ALLOCATOR_STRATEGIES[0];
/// The least memory a guest is given, in bytes: less boots nothing.
const LEAST_MEMORY: i64 = 16 * 1024 * 1024;

#[async_trait]
impl HandleApi<CreateInstanceOffering> for InstanceOfferings {
    async fn handle(&self, cx: &ApiCx, api: CreateInstanceOffering) -> Result<Inventory<InstanceOffering>, ErrorCode> {
        check(&api)?;
        let now = cx.now();
        let offering = InstanceOffering {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            cpu_num: api.cpu_num,
            // The processor's share is counted in processors; the field is the wire's and always this.
            cpu_speed: 0,
            memory_size: api.memory_size,
            reserved_memory_size: api.reserved_memory_size,
            r#type: api.r#type.unwrap_or_else(|| TYPE.to_owned()),
            allocator_strategy: api.allocator_strategy.unwrap_or_else(|| STRATEGY.to_owned()),
            sort_key: api.sort_key,
            create_date: now,
            last_op_date: now,
            state: ResourceState::Enabled,
        };
        match self.store.insert(cx, &offering).await {
            Err(DbError::Conflict { .. }) => self.made_before(&offering).await?,
            inserted => inserted?,
        }
        cx.inventory::<InstanceOffering>(&offering.uuid).await
    }
}

/// The rules that no declaration of a single parameter can state.
fn check(api: &CreateInstanceOffering) -> Result<(), ErrorCode> {
    if api.memory_size < LEAST_MEMORY {
        let given = api.memory_size;
        return Err(ErrorCode::invalid(format!("memorySize must be at least {LEAST_MEMORY} bytes, not {given}")));
    }
    if api.reserved_memory_size > api.memory_size {
        let (reserved, memory) = (api.reserved_memory_size, api.memory_size);
        let details = format!("reservedMemorySize {reserved} must not be greater than memorySize {memory}");
        return Err(ErrorCode::invalid(details));
    }
    if let Some(kind) = api.r#type.as_deref().filter(|kind| *kind != TYPE) {
        return Err(ErrorCode::invalid(format!("there is no type '{kind}' of instance offerings; there is: {TYPE}")));
    }
    api.allocator_strategy.as_deref().map_or(Ok(()), check_strategy)
}

impl InstanceOfferings {
    /// The id is taken: by this very call, run again after a crash, or by another offering whose id the client chose.
    async fn made_before(&self, offering: &InstanceOffering) -> Result<(), ErrorCode> {
        match self.store.find(offering.uuid).await? {
            Some(there) if there.name == offering.name && there.memory_size == offering.memory_size => Ok(()),
            _ => {
                let details =
                    format!("instance offering {} exists already; choose another resourceUuid", offering.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}
