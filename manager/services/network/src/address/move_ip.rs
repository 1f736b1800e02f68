//! `MoveIp`: another address for a NIC, in the row of the one that it has, so that it never has none and never two.

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{IpLease, MoveIp},
    resource::{L3Network, UsedIp},
};
use cumulo_kernel::{bus::Handle, db::DbError};
use cumulo_schema::{ErrorCode, Uuid};

use super::{
    Choice, Holder, RANDOM, Wish,
    allocate::{self, lease},
    allocate_ipv6, holder_of,
    pool::{Unfit, pool_of},
    space::Space,
};
use crate::{Networks, ipv4, ipv6, store};

#[async_trait]
impl Handle<MoveIp> for Networks {
    async fn handle(&self, ask: MoveIp) -> Result<IpLease, ErrorCode> {
        let holder = Holder::Nic(ask.nic);
        match store::used_ip(self.kernel.db(), holder.row(ask.l3)).await? {
            Some(old) => self.move_to(ask.l3, &holder, &old, &ask.to).await,
            None => self.hold(ask.l3, &holder, &Wish { strategy: RANDOM.to_owned(), wanted: Some(ask.to) }).await,
        }
    }
}

impl Networks {
    /// Gives `holder`, who has `old`, the address `to` in its place.
    pub(super) async fn move_to(
        &self,
        l3: Uuid,
        holder: &Holder,
        old: &UsedIp,
        to: &str,
    ) -> Result<IpLease, ErrorCode> {
        let db = self.kernel.db();
        let network = store::l3(db, l3).await?;
        let new = match network.ip_version {
            6 => at_ipv6(self, &network, holder, to).await?,
            _ => at_ipv4(self, &network, holder, to).await?,
        };
        if new.ip == old.ip {
            return lease(old);
        }
        allocate::usable(&network, holder)?;
        match store::replace_used_ip(db, old, &new).await {
            Ok(()) => {}
            Err(DbError::Conflict { .. }) => {
                let by = store::used_ip_at(db, l3, &new.ip).await?;
                let by = by.as_ref().map_or_else(|| "something else".to_owned(), holder_of);
                let details = format!("{} of L3 network '{}' is taken by {by}; choose another", new.ip, network.name);
                return Err(ErrorCode::operation(details));
            }
            Err(error) => return Err(error.into()),
        }
        if network.ip_version == 4 {
            let (gone, taken) = (ipv4::stored(&old.ip)?, ipv4::stored(&new.ip)?);
            self.pools.with(l3, |pool| {
                pool.give(gone);
                pool.strike(taken);
            });
        }
        lease(&new)
    }
}

async fn at_ipv4(networks: &Networks, network: &L3Network, holder: &Holder, to: &str) -> Result<UsedIp, ErrorCode> {
    let address = ipv4::address("the wanted address", to)?.to_bits();
    let pool = pool_of(networks.kernel.db(), network.uuid).await?;
    match (pool.fits(address), pool.range_of(address)) {
        (Ok(()), Some(range)) => Ok(allocate::row(network.uuid, holder, address, &range)),
        (Err(unfit), _) => Err(networks.refusal(network, Choice::This(address), unfit).await?),
        (Ok(()), None) => Err(networks.refusal(network, Choice::This(address), Unfit::Outside).await?),
    }
}

async fn at_ipv6(networks: &Networks, network: &L3Network, holder: &Holder, to: &str) -> Result<UsedIp, ErrorCode> {
    let address = ipv6::address("the wanted address", to)?.to_bits();
    let space = Space::of(networks.kernel.db(), network.uuid).await?;
    match space.fits(address) {
        Ok(range) => Ok(allocate_ipv6::row(network.uuid, holder, address, range)),
        Err(unfit) => Err(allocate_ipv6::refusal(network, unfit, Some(address))),
    }
}
