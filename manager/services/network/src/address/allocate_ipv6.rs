//! Taking an IPv6 address.

use cumulo_contracts::{
    message::network::IpLease,
    resource::{L3Network, UsedIp},
};
use cumulo_kernel::db::DbError;
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use super::{
    Choice, Holder, Wish,
    allocate::lease,
    holder_of,
    pool::Unfit,
    space::{Space, SpaceRange, held},
};
use crate::{Networks, ipv6, store};

/// Addresses tried at random before the free ones are looked up: only small ranges get so far.
const GUESSES: usize = 8;
/// Proposals that may turn out taken before we give up; each means that another caller was faster.
const TRIES: usize = 64;

impl Networks {
    /// Takes an IPv6 address of `network`. The inner error is a refusal, the outer one a failure.
    pub(super) async fn take_ipv6(
        &self,
        network: &L3Network,
        holder: &Holder,
        wish: &Wish,
    ) -> Result<Result<IpLease, ErrorCode>, ErrorCode> {
        let (db, l3) = (self.kernel.db(), network.uuid);
        let space = Space::of(db, l3).await?;
        if let Some(wanted) = &wish.wanted {
            let address = ipv6::address("the wanted address", wanted)?.to_bits();
            return match space.fits(address) {
                Err(unfit) => Ok(Err(refusal(network, unfit, Some(address)))),
                Ok(range) => match self.record_ipv6(l3, holder, address, range).await? {
                    Some(lease) => Ok(Ok(lease)),
                    None => {
                        let row = store::used_ip_at(db, l3, &ipv6::text(address)).await?;
                        let by = row.as_ref().map_or_else(|| "something else".to_owned(), holder_of);
                        let details =
                            format!("{} of L3 network '{}' is taken by {by}", ipv6::text(address), network.name);
                        Ok(Err(ErrorCode::operation(details)))
                    }
                },
            };
        }
        if Choice::of(&wish.strategy, None)? == Choice::Random {
            for _ in 0..GUESSES {
                let address = match space.random() {
                    Ok(address) => address,
                    Err(unfit) => return Ok(Err(refusal(network, unfit, None))),
                };
                if let Ok(range) = space.fits(address)
                    && let Some(lease) = self.record_ipv6(l3, holder, address, range).await?
                {
                    return Ok(Ok(lease));
                }
            }
        }
        for _ in 0..TRIES {
            let used = held(&store::used_ips(db, l3).await?)?;
            let Some((address, range)) = space.free_from(0, &used).next() else {
                let unfit = space.random().err().unwrap_or(Unfit::Exhausted);
                return Ok(Err(refusal(network, unfit, None)));
            };
            if let Some(lease) = self.record_ipv6(l3, holder, address, range).await? {
                return Ok(Ok(lease));
            }
        }
        let details = format!("no address of L3 network {l3} could be taken, so many are after them; try again");
        Ok(Err(ErrorCode::operation(details)))
    }

    /// Records the address; `None` when somebody else has it.
    async fn record_ipv6(
        &self,
        l3: Uuid,
        holder: &Holder,
        address: u128,
        range: &SpaceRange,
    ) -> Result<Option<IpLease>, ErrorCode> {
        let (db, row) = (self.kernel.db(), row(l3, holder, address, range));
        match store::insert(db, &row).await {
            Ok(()) => lease(&row).map(Some),
            Err(DbError::Conflict { .. }) => store::used_ip(db, row.uuid).await?.as_ref().map(lease).transpose(),
            Err(DbError::Reference { .. }) => {
                Err(ErrorCode::operation(format!("L3 network {l3} or its IP range was deleted in the meantime")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The record that `holder` has an address of `range`.
pub(super) fn row(l3: Uuid, holder: &Holder, address: u128, range: &SpaceRange) -> UsedIp {
    let now = Timestamp::now();
    let (vm_nic_uuid, used_for) = holder.named();
    UsedIp {
        uuid: holder.row(l3),
        ip_range_uuid: Some(range.uuid),
        l3_network_uuid: l3,
        ip_version: 6,
        ip: ipv6::text(address),
        netmask: range.netmask.clone(),
        gateway: Some(range.gateway.clone()),
        used_for,
        // No number of the wire holds it.
        ip_in_long: 0,
        vm_nic_uuid,
        create_date: now,
        last_op_date: now,
        ip_order: Some(ipv6::order(address)),
    }
}

pub(super) fn refusal(network: &L3Network, unfit: Unfit, wanted: Option<u128>) -> ErrorCode {
    let name = format!("L3 network '{}' ({})", network.name, network.uuid);
    ErrorCode::operation(match (unfit, wanted.map(ipv6::text)) {
        (Unfit::NoRange, _) => format!("{name} has no IPv6 range; add one with AddIpv6Range"),
        (Unfit::Excluded, Some(address)) => {
            format!("{address} of {name} is reserved, or the address of its gateway; choose another")
        }
        (_, Some(address)) => format!("{address} lies in no IP range of {name}; choose an address of one"),
        (_, None) => format!("{name} has no free address; add an IP range or give up unused addresses"),
    })
}
