//! `CreateVmInstance`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm::CreateVmInstance,
    ext::host::HostRequest,
    resource::{DiskOffering, Image, ImageMediaType, ImageStatus, InstanceOffering, ResourceState, VmInstance},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    ownership::NewTags,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use crate::{
    Vms,
    api::system_tags,
    cdrom,
    flow::launch::{LaunchVm, NewNic, NewVm},
    key_pair, settings,
    tags::{Wishes, storage_tags},
};

/// What a VM is made of.
pub(super) struct Size {
    offering: Option<Uuid>,
    pub(super) cpu_num: i32,
    cpu_speed: i64,
    pub(super) memory: i64,
    reserved: i64,
    strategy: String,
}

const DEFAULT_STRATEGY: &str = "LeastVmPreferredHostAllocatorStrategy";
/// The least a guest can have: libvirt and QEMU refuse less.
const LEAST_MEMORY: i64 = 16 * 1024 * 1024;

#[async_trait]
impl HandleApi<CreateVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: CreateVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        refuse_what_is_not_there_yet(&api)?;
        let size = self.size(api.instance_offering_uuid, api.cpu_num, api.memory_size).await?;
        let missing = || ErrorCode::invalid("field[imageUuid] is mandatory: a VM starts from an image");
        let image = self.image(api.image_uuid.ok_or_else(missing)?).await?;
        let root_size = self.root_size(api.root_disk_offering_uuid, api.root_disk_size, &image).await?;
        let l3s = api.l3_network_uuids.clone().unwrap_or_default();
        self.check_new(&cx.tags.system).await?;
        let install = (image.media_type == ImageMediaType::Iso).then_some(image.uuid);
        if install.is_some() && api.strategy == "JustCreate" {
            let text = "field[strategy] JustCreate makes no root volume to install an ISO image to; take CreateStopped";
            return Err(ErrorCode::invalid(text));
        }
        let tags = self.with_boot_mode(cx.tags.clone(), image.uuid).await?;
        let drives = cdrom::wanted(&self.kernel, cx, install).await?;
        let key_pairs = api.ssh_key_pair_uuids.as_deref().unwrap_or_default();
        let key_pairs = key_pair::usable(self.kernel.db(), &cx.caller, key_pairs).await?;
        let wishes = Wishes::of(cx.tags.system.iter().map(String::as_str))?;
        let default_l3 = default_l3(&api, &l3s)?;
        let mut steering = cx.tags.system.clone();
        if let Some(offering) = size.offering {
            steering.extend(system_tags(self.kernel.db(), offering).await?);
        }
        let storage_tags = storage_tags(steering.iter().map(String::as_str));
        let vm = cx.resource_uuid;
        let nic = |(device_id, l3): (usize, &Uuid)| NewNic {
            nic: vm.derive(&format!("nic/{device_id}")),
            l3: *l3,
            device_id: i32::try_from(device_id).unwrap_or(i32::MAX),
            wanted_ip: wishes.static_ips.get(l3).cloned(),
        };
        let context = LaunchVm {
            vm,
            account: cx.caller.account,
            from: None,
            request: HostRequest {
                cpu_num: i64::from(size.cpu_num),
                memory: size.memory,
                zone: api.zone_uuid,
                cluster: api.cluster_uuid,
                host: api.host_uuid,
                l3s: l3s.clone(),
                image: Some(image.uuid),
                root_size: root_size.unwrap_or(image.size),
                primary_storage: api.primary_storage_uuid_for_root_volume,
                volumes: vec![],
                avoid: vec![],
                storage_tags,
            },
            nics: l3s.iter().enumerate().map(nic).collect(),
            root_volume: vm.derive("root-volume"),
            name: api.name,
            root_size,
            hostname: wishes.hostname,
            default_l3,
            choice: None,
            networks: vec![],
            renewed: vec![],
            new: Some(NewVm {
                description: api.description,
                instance_offering: size.offering,
                cpu_num: size.cpu_num,
                cpu_speed: size.cpu_speed,
                memory: size.memory,
                reserved_memory: api.reserved_memory_size.unwrap_or(size.reserved),
                platform: api.platform.or(image.platform).unwrap_or_else(|| "Linux".to_owned()),
                guest_os_type: api.guest_os_type.or(image.guest_os_type),
                architecture: api.architecture.or(image.architecture),
                allocator_strategy: size.strategy,
                drives,
                key_pairs,
                tags,
            }),
        };
        let chain = match api.strategy.as_str() {
            "CreateStopped" => "create-vm-stopped",
            "JustCreate" => "create-vm-record",
            _ => "create-vm",
        };
        cx.run_flow(chain, context).await
    }
}

fn refuse_what_is_not_there_yet(api: &CreateVmInstance) -> Result<(), ErrorCode> {
    let given = [
        ("dataDiskOfferingUuids", api.data_disk_offering_uuids.as_ref().is_some_and(|list| !list.is_empty())),
        ("dataDiskSizes", api.data_disk_sizes.as_ref().is_some_and(|list| !list.is_empty())),
        ("diskAOs", api.disk_a_os.is_some()),
        ("vmNicParams", api.vm_nic_params.as_ref().is_some_and(|text| !text.is_empty())),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => {
            Err(ErrorCode::invalid(format!("field[{name}] is not supported by this version; create the VM without it")))
        }
        None if api.r#type.as_deref() == Some("ApplianceVm") => {
            Err(ErrorCode::invalid("field[type] ApplianceVm is made by the system only; leave it out"))
        }
        None => Ok(()),
    }
}

fn default_l3(api: &CreateVmInstance, l3s: &[Uuid]) -> Result<Option<Uuid>, ErrorCode> {
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = l3s.iter().find(|l3| !seen.insert(**l3)) {
        return Err(ErrorCode::invalid(format!("field[l3NetworkUuids] names the L3 network {twice} twice")));
    }
    match api.default_l3_network_uuid.as_deref().filter(|text| !text.is_empty()) {
        None => Ok(l3s.first().copied()),
        Some(text) => {
            let named = text.parse().ok().filter(|l3| l3s.contains(l3));
            let other =
                || ErrorCode::invalid(format!("field[defaultL3NetworkUuid] {text} is not one of l3NetworkUuids"));
            named.map(Some).ok_or_else(other)
        }
    }
}

impl Vms {
    /// `tags` of a new VM, and the boot mode of its image where they say none.
    async fn with_boot_mode(&self, mut tags: NewTags, image: Uuid) -> Result<NewTags, ErrorCode> {
        let said = tags.system.iter().any(|tag| settings::BOOT_MODE.tokens(tag).is_some());
        if !said && let Some(mode) = settings::boot_mode(&system_tags(self.kernel.db(), image).await?) {
            tags.system.push(settings::boot_mode_tag(mode));
        }
        Ok(tags)
    }

    /// The instance offering `uuid`, if VMs may be made by it.
    pub(super) async fn offering(&self, uuid: Uuid) -> Result<InstanceOffering, ErrorCode> {
        let offering = self.kernel.db().find(InstanceOffering::UUID, &uuid).await?;
        let offering = offering.ok_or_else(|| ErrorCode::not_found("InstanceOffering", uuid))?;
        match offering.state {
            ResourceState::Enabled => Ok(offering),
            ResourceState::Disabled => Err(ErrorCode::operation(format!(
                "instance offering {}[uuid:{uuid}] is disabled; enable it or take another",
                offering.name
            ))),
        }
    }

    pub(super) async fn size(
        &self,
        offering: Option<Uuid>,
        cpu_num: Option<i32>,
        memory: Option<i64>,
    ) -> Result<Size, ErrorCode> {
        let size = match (offering, cpu_num, memory) {
            (Some(uuid), None, None) => {
                let offering = self.offering(uuid).await?;
                Size {
                    offering: Some(uuid),
                    cpu_num: offering.cpu_num,
                    cpu_speed: i64::from(offering.cpu_speed),
                    memory: offering.memory_size,
                    reserved: offering.reserved_memory_size,
                    strategy: offering.allocator_strategy,
                }
            }
            (None, Some(cpu_num), Some(memory)) => Size {
                offering: None,
                cpu_num,
                cpu_speed: 0,
                memory,
                reserved: 0,
                strategy: DEFAULT_STRATEGY.to_owned(),
            },
            _ => {
                let text = "give either instanceOfferingUuid, or cpuNum and memorySize, to say how large the VM is";
                return Err(ErrorCode::invalid(text));
            }
        };
        if !(1..=1024).contains(&size.cpu_num) {
            return Err(ErrorCode::invalid(format!("field[cpuNum] must be between 1 and 1024, not {}", size.cpu_num)));
        }
        if size.memory < LEAST_MEMORY {
            let text = format!("field[memorySize] must be at least {LEAST_MEMORY} bytes, not {}", size.memory);
            return Err(ErrorCode::invalid(text));
        }
        Ok(size)
    }

    pub(super) async fn image(&self, uuid: Uuid) -> Result<Image, ErrorCode> {
        let image = self.kernel.db().find(Image::UUID, &uuid).await?;
        let image = image.ok_or_else(|| ErrorCode::not_found("Image", uuid))?;
        let name = format!("image {}[uuid:{uuid}]", image.name);
        if !matches!(image.media_type, ImageMediaType::RootVolumeTemplate | ImageMediaType::Iso) {
            let text = format!("{name} is a {}; a VM needs a RootVolumeTemplate or an ISO", image.media_type);
            return Err(ErrorCode::invalid(text));
        }
        if image.status != ImageStatus::Ready {
            return Err(ErrorCode::operation(format!("{name} is {}; wait until it is Ready", image.status)));
        }
        if image.state != ResourceState::Enabled {
            return Err(ErrorCode::operation(format!("{name} is disabled; enable it or take another")));
        }
        Ok(image)
    }

    pub(super) async fn root_size(
        &self,
        offering: Option<Uuid>,
        size: Option<i64>,
        image: &Image,
    ) -> Result<Option<i64>, ErrorCode> {
        let wanted = match (offering, size) {
            (Some(_), Some(_)) => {
                return Err(ErrorCode::invalid("give rootDiskOfferingUuid or rootDiskSize, not both"));
            }
            (Some(uuid), None) => {
                let offering = self.kernel.db().find(DiskOffering::UUID, &uuid).await?;
                Some(offering.ok_or_else(|| ErrorCode::not_found("DiskOffering", uuid))?.disk_size)
            }
            (None, size) => size,
        };
        match wanted {
            None if image.media_type == ImageMediaType::Iso => Err(ErrorCode::invalid(format!(
                "image {}[uuid:{}] is an ISO image; say with rootDiskOfferingUuid or rootDiskSize how large the volume is to \
                 which it installs",
                image.name, image.uuid
            ))),
            Some(size) if image.media_type == ImageMediaType::Iso => match size > 0 {
                true => Ok(Some(size)),
                false => Err(ErrorCode::invalid(format!("field[rootDiskSize] must be positive, not {size}"))),
            },
            Some(size) if size < image.size => Err(ErrorCode::invalid(format!(
                "a root volume of {size} bytes cannot hold image {}[uuid:{}] of {} bytes; ask for at least that",
                image.name, image.uuid, image.size
            ))),
            wanted => Ok(wanted),
        }
    }
}
