//! The tables of hosts and of what VMs hold on them.

mod ipmi;
mod reservation;

use cumulo_contracts::{
    api::host::{UpdateHost, UpdateKVMHost},
    ext::hypervisor::HostFacts,
    resource::{Host, HostState, HostStatus, KVMHost, SimulatorHost},
};
use cumulo_kernel::{
    db::{Db, DbError},
    ownership::{self, NewTags},
};
use cumulo_schema::{Json, Resource, Uuid, system::SystemTag};

pub(crate) use ipmi::{Controller, HostIpmiController, HostIpmiPassword};
pub(crate) use reservation::{Held, HostReservation, Reserved, SHORTLIST};

use crate::capacity::Offer;

/// What is recorded of a host beside what all hosts have.
pub(crate) enum KindRow {
    Kvm(KVMHost),
    Simulator(SimulatorHost),
}

/// Reads and writes hosts.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, host: Uuid) -> Result<Option<Host>, DbError> {
        self.db.find(Host::UUID, &host).await
    }

    pub(crate) async fn all(&self) -> Result<Vec<Host>, DbError> {
        self.db.select::<Host>().order_by(Host::UUID).all().await
    }

    /// Another host than `than` at `address`.
    pub(crate) async fn other_at(&self, address: &str, than: Uuid) -> Result<Option<Host>, DbError> {
        self.db.select::<Host>().eq(Host::MANAGEMENT_IP, &address.to_owned()).ne(Host::UUID, &than).first().await
    }

    /// Adds a host with its owner and tags; [`DbError::Conflict`] when it is there.
    pub(crate) async fn insert(&self, host: &Host, kind: &KindRow, owner: Uuid, tags: &NewTags) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(host);
        match kind {
            KindRow::Kvm(kvm) => batch.insert(kvm),
            KindRow::Simulator(simulator) => batch.insert(simulator),
        };
        ownership::created::<Host>(&mut batch, host.uuid, owner, tags);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn set_status(&self, host: Uuid, status: HostStatus) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.update::<Host>().set(Host::STATUS, &status).eq(Host::UUID, &host).any();
        self.db.commit(batch).await.map(drop)
    }

    /// From `from` to `to`; [`DbError::Unmet`] when the state is another one by now, or an update's.
    pub(crate) async fn change_state(&self, host: &Host, to: HostState) -> Result<(), DbError> {
        self.change_state_by(host, to, None).await
    }

    /// Makes the state of `host` that of the flow `by`, which updates its packages; as [`Store::change_state`].
    pub(crate) async fn begin_update(&self, host: &Host, by: Uuid) -> Result<(), DbError> {
        let closed = match host.state {
            HostState::Maintenance => HostState::Maintenance,
            _ => HostState::PreMaintenance,
        };
        self.change_state_by(host, closed, Some(by)).await
    }

    async fn change_state_by(&self, host: &Host, to: HostState, by: Option<Uuid>) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Host>()
            .set(Host::STATE, &to)
            .set(Host::UPDATED_BY, &by)
            .eq(Host::UUID, &host.uuid)
            .eq(Host::STATE, &host.state)
            .eq(Host::UPDATED_BY, &None::<Uuid>)
            .expect(format!("the state of host '{}' was changed by somebody else at the same time", host.name));
        self.db.commit(batch).await.map(drop)
    }

    /// Gives the host back the state `before`, where the flow `by` still has it.
    pub(crate) async fn end_update(&self, host: Uuid, by: Uuid, before: HostState) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Host>()
            .set(Host::STATE, &before)
            .set(Host::UPDATED_BY, &None::<Uuid>)
            .eq(Host::UUID, &host)
            .eq(Host::UPDATED_BY, &Some(by))
            .any();
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn update(&self, api: &UpdateHost) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Host>()
            .set_some(Host::NAME, api.name.as_ref())
            .set_some(Host::DESCRIPTION, api.description.as_ref())
            .set_some(Host::MANAGEMENT_IP, api.management_ip.as_ref())
            .eq(Host::UUID, &api.uuid)
            .expect(format!("host {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    /// As [`Store::update`], for what only KVM hosts have; `password` is sealed.
    pub(crate) async fn update_kvm(&self, api: &UpdateKVMHost, password: Option<&String>) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        if api.username.is_some() || password.is_some() || api.ssh_port.is_some() {
            batch
                .update::<KVMHost>()
                .set_some(KVMHost::USERNAME, api.username.as_ref())
                .set_some(KVMHost::PASSWORD, password)
                .set_some(KVMHost::SSH_PORT, api.ssh_port.as_ref())
                .eq(KVMHost::UUID, &api.uuid)
                .expect(format!("host {} is no KVM host", api.uuid));
        }
        batch
            .update::<Host>()
            .set_some(Host::NAME, api.name.as_ref())
            .set_some(Host::DESCRIPTION, api.description.as_ref())
            .set_some(Host::MANAGEMENT_IP, api.management_ip.as_ref())
            .eq(Host::UUID, &api.uuid)
            .expect(format!("host {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    /// Records what the agent found, in place of what it found before.
    pub(crate) async fn learn(&self, host: &Host, facts: &HostFacts) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        let value = serde_json::to_value(facts).unwrap_or_default();
        batch
            .update::<Host>()
            .set(Host::CPU_NUM, &i32::try_from(facts.cpu_num).unwrap_or(i32::MAX))
            .set(Host::CPU_MHZ, &facts.cpu_mhz)
            .set(Host::CPU_SOCKETS, &facts.cpu_sockets)
            .set(Host::ARCHITECTURE, &Some(facts.architecture.clone()))
            .set(Host::PHYSICAL_MEMORY, &facts.total_memory)
            .set(Host::USED_MEMORY, &facts.used_memory)
            .set(Host::FACTS, &Json(value))
            .eq(Host::UUID, &host.uuid)
            .expect(format!("host '{}' was deleted in the meantime", host.name));
        let (distribution, release, version) = &facts.os;
        batch
            .update::<KVMHost>()
            .set(KVMHost::OS_DISTRIBUTION, &Some(distribution.clone()))
            .set(KVMHost::OS_RELEASE, &Some(release.clone()))
            .set(KVMHost::OS_VERSION, &Some(version.clone()))
            .eq(KVMHost::UUID, &host.uuid)
            .any();
        // Tags that clients cannot change are ours. What is still so stays as it is.
        let known = self.db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &host.uuid);
        let known = known.eq(SystemTag::INHERENT, &true).all().await?;
        let gone: Vec<Uuid> = known.iter().filter(|row| !facts.tags.contains(&row.tag)).map(|row| row.uuid).collect();
        if !gone.is_empty() {
            batch.delete::<SystemTag>().one_of(SystemTag::UUID, &gone).any();
        }
        for tag in facts.tags.iter().filter(|tag| known.iter().all(|row| row.tag != **tag)) {
            batch.insert(&ownership::system_tag(Host::META.vo, host.uuid, tag, true));
        }
        self.db.commit(batch).await.map(drop)
    }

    /// Makes `host` offer `offer`: what is free changes by the difference, so that what is held stays held.
    pub(crate) async fn resize(&self, host: &Host, offer: Offer) -> Result<(), DbError> {
        let before = Offer::recorded(host);
        let more_memory = (offer.memory - offer.reserved_memory) - (before.memory - before.reserved_memory);
        let mut batch = self.db.batch();
        batch
            .update::<Host>()
            .set(Host::TOTAL_CPU_CAPACITY, &offer.cpu)
            .set(Host::TOTAL_MEMORY_CAPACITY, &offer.memory)
            .set(Host::RESERVED_MEMORY, &offer.reserved_memory)
            .add(Host::AVAILABLE_CPU_CAPACITY, offer.cpu - before.cpu)
            .add(Host::AVAILABLE_MEMORY_CAPACITY, more_memory)
            .eq(Host::UUID, &host.uuid)
            .eq(Host::TOTAL_CPU_CAPACITY, &before.cpu)
            .eq(Host::TOTAL_MEMORY_CAPACITY, &before.memory)
            .eq(Host::RESERVED_MEMORY, &before.reserved_memory)
            .expect(format!("the capacity of host '{}' was changed at the same time", host.name));
        self.db.commit(batch).await.map(drop)
    }
}
