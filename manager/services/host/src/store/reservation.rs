//! What VMs hold: one row a VM, and the counters of its host, changed together.

use cumulo_contracts::{
    ext::{host::HostRequest, vm::KeptWhileUp},
    resource::{Host, HostState, HostStatus},
};
use cumulo_derive::resource;
use cumulo_kernel::db::DbError;
use cumulo_schema::{Resource, ResourceMeta, Timestamp, Uuid};

use super::Store;
use crate::capacity::Need;

/// Hosts on a shortlist: enough that one that is refused does not matter, and few enough that looking at them costs nothing.
pub(crate) const SHORTLIST: u64 = 4;

/// Processors and memory that a VM holds on a host.
#[resource(table = "host_reservation", java = "org.cumulo.host.HostReservationInventory", vo = "HostReservationVO")]
pub(crate) struct HostReservation {
    /// The VM.
    #[field(unique, part_of = "VmInstance")]
    pub(crate) vm_uuid: Uuid,
    /// The host.
    #[field(indexed, references = "Host", part_of = "Host")]
    pub(crate) host_uuid: Uuid,
    /// Virtual CPUs.
    pub(crate) cpu: i64,
    /// Memory as counted on the host, in bytes.
    pub(crate) memory: i64,
    /// Since when.
    pub(crate) create_date: Timestamp,
}

/// Tells plans that what a VM holds goes when it leaves its host.
pub(crate) struct Held;

impl KeptWhileUp for Held {
    fn rows(&self) -> &'static ResourceMeta {
        HostReservation::META
    }

    fn vm_column(&self) -> &'static str {
        HostReservation::VM_UUID.name
    }
}

/// How an attempt to hold something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// It is held.
    Yes,
    /// The host was filled or changed in the meantime; another one has to do.
    Lost,
}

impl Store {
    /// Where `vm` holds something.
    pub(crate) async fn reservation(&self, vm: Uuid) -> Result<Option<HostReservation>, DbError> {
        self.db.find(HostReservation::VM_UUID, &vm).await
    }

    /// A few hosts that may take what needs `need`, those with the fewest VMs first.
    pub(crate) async fn shortlist(&self, request: &HostRequest, need: Need) -> Result<Vec<Host>, DbError> {
        let mut hosts = self
            .db
            .select::<Host>()
            .eq(Host::STATE, &HostState::Enabled)
            .eq(Host::STATUS, &HostStatus::Connected)
            .at_least(Host::AVAILABLE_CPU_CAPACITY, need.cpu)
            .at_least(Host::AVAILABLE_MEMORY_CAPACITY, need.memory);
        let designated =
            [(Host::UUID, request.host), (Host::CLUSTER_UUID, request.cluster), (Host::ZONE_UUID, request.zone)];
        for (column, wanted) in designated {
            if let Some(wanted) = wanted {
                hosts = hosts.eq(column, &wanted);
            }
        }
        hosts.order_by(Host::VMS).limit(SHORTLIST).all().await
    }

    /// So many hosts by chance, whatever they are: those whose ids follow a random one.
    pub(crate) async fn sample(&self, count: u64) -> Result<Vec<Host>, DbError> {
        let by_id = || self.db.select::<Host>().order_by(Host::UUID);
        let mut hosts = by_id().starting_at(Host::UUID, &Uuid::random()).limit(count).all().await?;
        let missing = count.saturating_sub(u64::try_from(hosts.len()).unwrap_or(count));
        if missing > 0 {
            // After the last id comes the first.
            let first = by_id().limit(missing).all().await?;
            let known: Vec<Uuid> = hosts.iter().map(|host| host.uuid).collect();
            hosts.extend(first.into_iter().filter(|host| !known.contains(&host.uuid)));
        }
        Ok(hosts)
    }

    /// Holds `need` for `vm` on `host`, if the host still takes VMs and has that much.
    pub(crate) async fn reserve(&self, vm: Uuid, host: Uuid, need: Need) -> Result<Reserved, DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Host>()
            .add(Host::AVAILABLE_CPU_CAPACITY, -need.cpu)
            .add(Host::AVAILABLE_MEMORY_CAPACITY, -need.memory)
            .add(Host::VMS, 1)
            .eq(Host::UUID, &host)
            .eq(Host::STATE, &HostState::Enabled)
            .eq(Host::STATUS, &HostStatus::Connected)
            .at_least(Host::AVAILABLE_CPU_CAPACITY, need.cpu)
            .at_least(Host::AVAILABLE_MEMORY_CAPACITY, need.memory)
            .expect("the host was filled in the meantime");
        batch.insert(&HostReservation {
            vm_uuid: vm,
            host_uuid: host,
            cpu: need.cpu,
            memory: need.memory,
            create_date: Timestamp::now(),
        });
        match self.db.commit(batch).await {
            Ok(_) => Ok(Reserved::Yes),
            Err(DbError::Unmet { .. } | DbError::Reference { .. }) => Ok(Reserved::Lost),
            Err(error) => Err(error),
        }
    }

    /// Frees what `vm` holds; nothing is fine.
    pub(crate) async fn release(&self, vm: Uuid) -> Result<(), DbError> {
        let Some(held) = self.reservation(vm).await? else { return Ok(()) };
        let mut batch = self.db.batch();
        batch
            .delete::<HostReservation>()
            .eq(HostReservation::VM_UUID, &vm)
            .eq(HostReservation::HOST_UUID, &held.host_uuid)
            .expect("released by somebody else");
        batch
            .update::<Host>()
            .add(Host::AVAILABLE_CPU_CAPACITY, held.cpu)
            .add(Host::AVAILABLE_MEMORY_CAPACITY, held.memory)
            .add(Host::VMS, -1)
            .eq(Host::UUID, &held.host_uuid)
            .any();
        match self.db.commit(batch).await {
            // Two releases at once: the other one gave it back.
            Ok(_) | Err(DbError::Unmet { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
