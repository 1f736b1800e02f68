//! `ShareResource`: the owner, or the admin in its place, lets others use what is declared `shareable`.

use async_trait::async_trait;
use cumulo_contracts::api::sharing::ShareResource;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Uuid, codes, system::AccountResourceRef};

use crate::Identity;

#[async_trait]
impl HandleApi<ShareResource> for Identity {
    async fn handle(&self, cx: &ApiCx, api: ShareResource) -> Result<Empty, ErrorCode> {
        let accounts = api.account_uuids.unwrap_or_default();
        if accounts.is_empty() && !api.to_public {
            let details = "say with whom to share: accountUuids, or toPublic=true for every account";
            return Err(ErrorCode::invalid(details));
        }
        let owned = self.theirs(cx, &api.resource_uuids).await?;
        owned.iter().try_for_each(|row| self.check_shareable(row))?;
        let everybody = api.to_public.then_some(None);
        let receivers: Vec<Option<Uuid>> = accounts.into_iter().map(Some).chain(everybody).collect();
        self.store.share(&owned, &receivers).await?;
        Ok(Empty {})
    }
}

impl Identity {
    /// Who owns each of `resources`, all of which the caller must be able to share.
    pub(crate) async fn theirs(&self, cx: &ApiCx, resources: &[Uuid]) -> Result<Vec<AccountResourceRef>, ErrorCode> {
        let owned = self.store.owners(resources).await?;
        for resource in resources {
            let row = owned.iter().find(|row| row.resource_uuid == *resource);
            // What belongs to no account cannot be told from what is not there without asking every table.
            let row = row.ok_or_else(|| {
                let details = format!("resource[uuid:{resource}] does not exist, or belongs to no account");
                ErrorCode::new(codes::RESOURCE_NOT_FOUND, details)
            })?;
            if !cx.caller.is_admin() && row.account_uuid != cx.caller.account {
                let details = format!(
                    "resource[uuid:{resource}] does not belong to the account {}; only its owner and the admin may say \
                     who else uses it",
                    cx.caller.account
                );
                return Err(ErrorCode::new(codes::PERMISSION_DENIED, details));
            }
        }
        Ok(owned)
    }

    fn check_shareable(&self, row: &AccountResourceRef) -> Result<(), ErrorCode> {
        let schema = self.kernel.query().schema();
        let declared = schema.by_vo(&row.resource_type).map(|meta| schema.target(meta));
        if declared.is_some_and(|target| target.levels().any(|meta| meta.shareable)) {
            return Ok(());
        }
        let mut kinds: Vec<&str> = schema.resources().filter(|meta| meta.shareable).map(|meta| meta.vo).collect();
        kinds.sort_unstable();
        let details = format!(
            "resource[uuid:{}] is a {}, which cannot be shared; these can: {}",
            row.resource_uuid,
            row.resource_type,
            kinds.join(", ")
        );
        Err(ErrorCode::invalid(details))
    }
}
