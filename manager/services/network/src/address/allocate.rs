//! Taking an address.

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{AllocateIp, HoldServiceIp, IpLease},
    resource::{L3Network, ResourceState, UsedIp},
};
use cumulo_kernel::{bus::Handle, db::DbError};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use super::{
    Choice, Holder, STRATEGY, Wish, holder_of,
    pool::{Pool, PoolRange, Unfit},
    text,
};
use crate::{Networks, ipv4, ipv6, store};

/// Proposals that may turn out taken before we give up; each means that another node was faster.
const TRIES: usize = 64;

#[async_trait]
impl Handle<AllocateIp> for Networks {
    async fn handle(&self, ask: AllocateIp) -> Result<IpLease, ErrorCode> {
        let strategy = match ask.strategy {
            Some(strategy) => strategy,
            None => self.kernel.configs().get(STRATEGY.category, STRATEGY.name)?,
        };
        self.hold(ask.l3, &Holder::Nic(ask.nic), &Wish { strategy, wanted: ask.wanted }).await
    }
}

#[async_trait]
impl Handle<HoldServiceIp> for Networks {
    async fn handle(&self, ask: HoldServiceIp) -> Result<IpLease, ErrorCode> {
        let strategy: String = self.kernel.configs().get(STRATEGY.category, STRATEGY.name)?;
        self.hold(ask.l3, &Holder::Service(ask.used_for), &Wish { strategy, wanted: None }).await
    }
}

impl Networks {
    /// Takes an address of `l3` for `holder`, or answers the one it has.
    pub(super) async fn hold(&self, l3: Uuid, holder: &Holder, wish: &Wish) -> Result<IpLease, ErrorCode> {
        if let Holder::Service(_) = holder
            && let Some(row) = store::used_ip(self.kernel.db(), holder.row(l3)).await?
        {
            // Asked for at every start of a VM, new only once.
            return lease(&row);
        }
        let network = store::l3(self.kernel.db(), l3).await?;
        let refused = match usable(&network, holder) {
            Ok(()) => {
                let taken = match network.ip_version {
                    6 => self.take_ipv6(&network, holder, wish).await?,
                    _ => self.take(&network, holder, Choice::of(&wish.strategy, wish.wanted.as_deref())?).await?,
                };
                match taken {
                    Ok(lease) => return Ok(lease),
                    Err(refused) => refused,
                }
            }
            Err(refused) => refused,
        };
        // What it has already, it keeps, whatever became of the network since.
        match store::used_ip(self.kernel.db(), holder.row(l3)).await? {
            Some(row) => lease(&row),
            None => Err(refused),
        }
    }

    /// The inner error is a refusal, the outer one a failure.
    async fn take(
        &self,
        network: &L3Network,
        holder: &Holder,
        choice: Choice,
    ) -> Result<Result<IpLease, ErrorCode>, ErrorCode> {
        let mut read_again = false;
        for _ in 0..TRIES {
            self.read_pool(network.uuid).await?;
            match self.pools.with(network.uuid, |pool| pool.take(choice)) {
                // Ranges changed at this moment.
                None => {}
                Some(Ok((address, range))) => {
                    if let Some(lease) = self.write(network.uuid, holder, address, range).await? {
                        return Ok(Ok(lease));
                    }
                }
                Some(Err(unfit @ (Unfit::NoRange | Unfit::Excluded | Unfit::Outside)))
                    if !self.kernel.cluster().is_shared() =>
                {
                    return Ok(Err(self.refusal(network, choice, unfit).await?));
                }
                // Another node may have given addresses back, or added ranges.
                Some(Err(_)) if !read_again => {
                    self.pools.forget(network.uuid);
                    read_again = true;
                }
                Some(Err(unfit)) => return Ok(Err(self.refusal(network, choice, unfit).await?)),
            }
        }
        let details =
            format!("no address of L3 network {} could be taken, so many are after them; try again", network.uuid);
        Ok(Err(ErrorCode::operation(details)))
    }

    /// Records the address; `None` when somebody else has it.
    async fn write(
        &self,
        l3: Uuid,
        holder: &Holder,
        address: u32,
        range: PoolRange,
    ) -> Result<Option<IpLease>, ErrorCode> {
        let row = row(l3, holder, address, &range);
        match store::insert(self.kernel.db(), &row).await {
            Ok(()) => lease(&row).map(Some),
            Err(DbError::Conflict { .. }) => {
                let Some(held) = store::used_ip(self.kernel.db(), row.uuid).await? else { return Ok(None) };
                // The holder has one; the proposal goes back unless it is that one.
                if held.ip != row.ip {
                    self.pools.with(l3, |pool| pool.give(address));
                }
                lease(&held).map(Some)
            }
            Err(DbError::Reference { .. }) => {
                // Range or network were deleted since the pool was read.
                self.pools.forget(l3);
                Ok(None)
            }
            Err(error) => {
                self.pools.with(l3, |pool| pool.give(address));
                Err(error.into())
            }
        }
    }

    /// Reads the pool of `l3` unless it is there.
    pub(super) async fn read_pool(&self, l3: Uuid) -> Result<(), ErrorCode> {
        if self.pools.with(l3, |_| ()).is_some() {
            return Ok(());
        }
        let drops = self.pools.drops();
        let db = self.kernel.db();
        let (ranges, reserved) = (store::ranges(db, l3).await?, store::reserved(db, l3).await?);
        let pool = Pool::new(&ranges, &reserved, &store::used_ips(db, l3).await?)?;
        self.pools.put(l3, pool, drops);
        Ok(())
    }

    pub(super) async fn refusal(
        &self,
        network: &L3Network,
        choice: Choice,
        unfit: Unfit,
    ) -> Result<ErrorCode, ErrorCode> {
        let name = format!("L3 network '{}' ({})", network.name, network.uuid);
        let details = match (unfit, choice) {
            (Unfit::NoRange, _) => format!("{name} has no IP range; add one with AddIpRange"),
            (Unfit::Exhausted, _) => format!("{name} has no free address; add an IP range or give up unused addresses"),
            (Unfit::Excluded, Choice::This(address)) => format!(
                "{} of {name} is reserved, or the address of its network, gateway or broadcast; choose another",
                text(address)
            ),
            (Unfit::Taken, Choice::This(address)) => {
                let holder = store::used_ip_at(self.kernel.db(), network.uuid, &text(address)).await?;
                let holder = holder.as_ref().map_or_else(|| "something else".to_owned(), holder_of);
                format!("{} of {name} is taken by {holder}; choose another", text(address))
            }
            (_, Choice::This(address)) => {
                format!("{} lies in no IP range of {name}; choose an address of one", text(address))
            }
            (_, Choice::Random | Choice::First) => format!("{name} has no address that can be taken"),
        };
        Ok(ErrorCode::operation(details))
    }
}

/// The record that `holder` has an address of `range`.
pub(super) fn row(l3: Uuid, holder: &Holder, address: u32, range: &PoolRange) -> UsedIp {
    let now = Timestamp::now();
    let (vm_nic_uuid, used_for) = holder.named();
    UsedIp {
        uuid: holder.row(l3),
        ip_range_uuid: Some(range.uuid),
        l3_network_uuid: l3,
        ip_version: 4,
        ip: text(address),
        netmask: range.subnet.netmask().to_string(),
        gateway: Some(text(range.gateway)),
        used_for,
        ip_in_long: i64::from(address),
        vm_nic_uuid,
        create_date: now,
        last_op_date: now,
        ip_order: None,
    }
}

/// Whether addresses of the network may be taken. One that is disabled takes no new guests; its own services are none.
pub(super) fn usable(network: &L3Network, holder: &Holder) -> Result<(), ErrorCode> {
    let L3Network { uuid, name, .. } = network;
    if network.state != ResourceState::Enabled && matches!(holder, Holder::Nic(_)) {
        return Err(ErrorCode::operation(format!("L3 network '{name}' ({uuid}) is disabled; enable it first")));
    }
    if !network.enable_ipam {
        let details = format!("L3 network '{name}' ({uuid}) does not manage addresses (enableIPAM is false)");
        return Err(ErrorCode::operation(details));
    }
    Ok(())
}

/// What a holder is told.
pub(super) fn lease(row: &UsedIp) -> Result<IpLease, ErrorCode> {
    Ok(IpLease {
        used_ip: row.uuid,
        ip: row.ip.clone(),
        netmask: row.netmask.clone(),
        gateway: row.gateway.clone().unwrap_or_default(),
        prefix_len: i32::try_from(match row.ip_version {
            6 => ipv6::stored(&row.netmask)?.count_ones(),
            _ => ipv4::stored(&row.netmask)?.count_ones(),
        })
        .unwrap_or(128),
        ip_version: row.ip_version,
    })
}
