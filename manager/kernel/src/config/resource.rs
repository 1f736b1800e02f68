//! Settings of single resources: what a setting is for a host may be said for the host, its cluster or its zone, and the
//! nearest word counts.
//!
//! Who declares a setting says which kinds it can be bound to, nearest first: `setup.bindable("kvm", "reservedMemory",
//! &["HostVO", "ClusterVO", "ZoneVO"])`. What a resource inherits from follows from the references in its declaration.

use std::str::FromStr;

use cumulo_schema::{ErrorCode, ResourceMeta, Timestamp, Uuid, system::ResourceConfig};

use super::ConfigDef;
use crate::{Kernel, db::DbError};

/// Which kinds a setting can be bound to.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The setting's category.
    pub category: &'static str,
    /// The setting's name.
    pub name: &'static str,
    /// Kinds (VO names), nearest first.
    pub kinds: &'static [&'static str],
}

/// What a setting is for one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The value that counts.
    pub value: String,
    /// What was said for the resource and what it inherits from, nearest first.
    pub said: Vec<ResourceConfig>,
}

/// What a setting is to be for a resource.
#[derive(Debug, Clone, Copy)]
pub struct NewValue<'v> {
    /// The setting's category.
    pub category: &'v str,
    /// The setting's name.
    pub name: &'v str,
    /// Its value.
    pub value: &'v str,
}

/// The settings of resources; made by [`Kernel::resource_configs`].
#[derive(Debug)]
pub struct ResourceConfigs<'k> {
    kernel: &'k Kernel,
}

impl<'k> ResourceConfigs<'k> {
    pub(crate) fn new(kernel: &'k Kernel) -> Self {
        Self { kernel }
    }

    /// The settings that resources of the kind `vo` can have.
    pub fn of_kind(&self, vo: &str) -> impl Iterator<Item = &'k Binding> {
        self.kernel.bindings().iter().filter(move |binding| binding.kinds.contains(&vo))
    }

    /// What the setting is for the resource `uuid` of the kind `meta`.
    ///
    /// # Errors
    /// SYS.1003 when there is no such setting or resource; SYS.1007 when it cannot be bound to that kind.
    pub async fn effective(
        &self,
        category: &str,
        name: &str,
        meta: &'static ResourceMeta,
        uuid: Uuid,
    ) -> Result<Effective, ErrorCode> {
        let (_, binding) = self.bound(category, name, meta)?;
        let mut said = Vec::new();
        for uuid in self.lineage(binding, meta, uuid).await? {
            said.extend(self.said(binding, uuid).await?);
        }
        let value = match said.first() {
            Some(nearest) => nearest.value.clone(),
            None => self.kernel.configs().get(category, name)?,
        };
        Ok(Effective { value, said })
    }

    /// As [`ResourceConfigs::effective`], read as `T`.
    ///
    /// # Errors
    /// As there; when the value is no `T`: a programming error.
    pub async fn get<T: FromStr>(
        &self,
        category: &str,
        name: &str,
        meta: &'static ResourceMeta,
        uuid: Uuid,
    ) -> Result<T, ErrorCode> {
        let value = self.effective(category, name, meta, uuid).await?.value;
        let unreadable =
            || ErrorCode::internal(format!("the setting {category}/{name} of {uuid} is unreadable: '{value}'"));
        value.parse().map_err(|_| unreadable())
    }

    /// Says what settings are for one resource, in place of what was said before: all or none.
    ///
    /// # Errors
    /// SYS.1003 when there is no such setting; SYS.1007 when one cannot be bound to that kind, or not have that value.
    pub async fn set(
        &self,
        meta: &'static ResourceMeta,
        uuid: Uuid,
        values: &[NewValue<'_>],
    ) -> Result<Vec<ResourceConfig>, ErrorCode> {
        let mut rows = Vec::with_capacity(values.len());
        let mut batch = self.kernel.db().batch();
        for NewValue { category, name, value } in values {
            let (def, binding) = self.bound(category, name, meta)?;
            let wrong = |problem| ErrorCode::invalid(format!("the setting {category}/{name} {problem}, not '{value}'"));
            def.rule.check(value).map_err(wrong)?;
            let now = Timestamp::now();
            let row = ResourceConfig {
                // Saying it twice is saying it once.
                uuid: uuid.derive(&format!("resource-config/{category}/{name}")),
                resource_uuid: uuid,
                resource_type: meta.vo.to_owned(),
                name: def.name.to_owned(),
                description: def.description.to_owned(),
                category: def.category.to_owned(),
                value: (*value).to_owned(),
                create_date: self.said(binding, uuid).await?.map_or(now, |before| before.create_date),
                last_op_date: now,
            };
            batch.delete::<ResourceConfig>().eq(ResourceConfig::UUID, &row.uuid).any();
            batch.insert(&row);
            rows.push(row);
        }
        self.kernel.db().commit(batch).await?;
        Ok(rows)
    }

    /// Takes back what was said for one resource; nothing is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reset(&self, category: &str, name: &str, uuid: Uuid) -> Result<(), ErrorCode> {
        let mut batch = self.kernel.db().batch();
        batch
            .delete::<ResourceConfig>()
            .eq(ResourceConfig::RESOURCE_UUID, &uuid)
            .eq(ResourceConfig::CATEGORY, &category.to_owned())
            .eq(ResourceConfig::NAME, &name.to_owned())
            .any();
        Ok(self.kernel.db().commit(batch).await.map(drop)?)
    }

    fn bound(
        &self,
        category: &str,
        name: &str,
        meta: &ResourceMeta,
    ) -> Result<(&'k ConfigDef, &'k Binding), ErrorCode> {
        let def = self.kernel.configs().def(category, name)?;
        let is_it = |binding: &&Binding| binding.category == category && binding.name == name;
        let binding = self.of_kind(meta.vo).find(is_it).ok_or_else(|| {
            let kinds = self.kernel.bindings().iter().find(is_it).map_or(&[][..], |binding| binding.kinds);
            ErrorCode::invalid(format!(
                "the setting {category}/{name} cannot be bound to a {}; it can be to: {}",
                meta.name,
                if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") }
            ))
        })?;
        Ok((def, binding))
    }

    /// The resource and those it inherits from, nearest first.
    async fn lineage(
        &self,
        binding: &Binding,
        meta: &'static ResourceMeta,
        uuid: Uuid,
    ) -> Result<Vec<Uuid>, ErrorCode> {
        let (schema, row) = (self.kernel.query().schema(), self.kernel.query().inventory_of(meta, &uuid).await?);
        let mut lineage = vec![uuid];
        let wider = binding.kinds.iter().skip_while(|kind| **kind != meta.vo).skip(1);
        for kind in wider.filter_map(|vo| schema.by_vo(vo)) {
            let field = meta.fields.iter().find(|field| field.references == Some(kind.name));
            let named = field.and_then(|field| row.get(field.wire)).and_then(serde_json::Value::as_str);
            lineage.extend(named.and_then(|text| text.parse::<Uuid>().ok()));
        }
        Ok(lineage)
    }

    async fn said(&self, binding: &Binding, uuid: Uuid) -> Result<Option<ResourceConfig>, DbError> {
        let rows = self.kernel.db().select::<ResourceConfig>().eq(ResourceConfig::RESOURCE_UUID, &uuid);
        let rows = rows.eq(ResourceConfig::CATEGORY, &binding.category.to_owned());
        rows.eq(ResourceConfig::NAME, &binding.name.to_owned()).first().await
    }
}
