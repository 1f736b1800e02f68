//! `UpdateClusterOS`: the packages of a cluster's hosts, as a long job.
//!
//! The call looks whether it could be done, submits itself as a long job and answers that. The long job's run is the same
//! call again, which then updates one host after the other, or so many at once as the setting says. A host that fails does
//! not keep the others from being updated: the job's result says of each how it went, as ZStack's does.
//!
//! Each host that was updated is recorded with the long job at once. A run that is cut off, or that somebody runs again,
//! goes on with the others, however much later that is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::cluster::{UpdateClusterOS, UpdateClusterOSReply},
    ext::hypervisor::{OsUpdate, OsUpdater},
    message::host::UpdateHostOs,
    resource::{Cluster, Host, HostState, HostStatus},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi, NewLongJob},
    config::{ConfigDef, ConfigRule},
    plan::Planning,
};
use cumulo_schema::{Api, ErrorCode, Resource, Uuid, codes, system::LongJob};
use futures::{StreamExt, stream};
use serde_json::json;

use crate::Clusters;

const AT_ONCE: (&str, &str) = ("host", "update.os.parallelismDegree");

pub(crate) const CONFIGS: &[ConfigDef] = &[ConfigDef {
    category: AT_ONCE.0,
    name: AT_ONCE.1,
    description: "How many hosts of a cluster have their packages updated at once",
    default: "10",
    rule: ConfigRule::Integer(1, 1000),
}];

/// What is said of a host that was updated.
const SUCCESS: &str = "success";
/// Most packages that can be named.
const MOST: usize = 500;

#[async_trait]
impl HandleApi<UpdateClusterOS> for Clusters {
    async fn handle(&self, cx: &ApiCx, api: UpdateClusterOS) -> Result<UpdateClusterOSReply, ErrorCode> {
        let jobs = self.kernel.long_jobs();
        // Hosts that it updates already would be refused.
        if jobs.is_submitted(cx).await? {
            return self.submitted(cx).await;
        }
        let update = wanted(&api)?;
        let hosts = self.hosts_to_update(&api).await?;
        if jobs.is_run(cx).await? {
            return self.update_hosts(cx, &hosts, &update, api.force).await.map(UpdateClusterOSReply::Ended);
        }
        self.check_hosts(&api, &hosts).await?;
        if let Some(planning) = Planning::current() {
            let text = "updates the packages of each host, which takes no VMs meanwhile";
            planning.step("update-host-os", text, Some(hosts.len()));
            planning.touch(Host::META.vo, "with packages updated", hosts.iter().map(|host| host.uuid));
            return Err(planning.stop());
        }
        let order = NewLongJob {
            name: None,
            description: None,
            job_name: UpdateClusterOS::META.message_class(),
            job_data: data(&api)?,
            target: Some(api.uuid),
        };
        jobs.submit(cx, order).await?;
        self.submitted(cx).await
    }
}

impl Clusters {
    async fn submitted(&self, cx: &ApiCx) -> Result<UpdateClusterOSReply, ErrorCode> {
        let inventory = self.kernel.query().inventory::<LongJob>(&cx.resource_uuid).await?;
        Ok(UpdateClusterOSReply::Submitted { inventory })
    }

    /// The hosts that are meant, of a cluster whose hosts can be updated.
    async fn hosts_to_update(&self, api: &UpdateClusterOS) -> Result<Vec<Host>, ErrorCode> {
        let gone = || ErrorCode::not_found(Cluster::META.name, api.uuid);
        let cluster = self.store.find(api.uuid).await?.ok_or_else(gone)?;
        let kind = &cluster.hypervisor_type;
        if self.kernel.registry().driver::<dyn OsUpdater>("hosts whose packages can be updated", kind).is_err() {
            let text = format!("hosts of cluster '{}' are updated by hand: they are of type {kind}", cluster.name);
            return Err(ErrorCode::invalid(text));
        }
        let mut hosts = self.store.hosts(api.uuid).await?;
        let Some(wanted) = api.host_uuid else { return Ok(hosts) };
        hosts.retain(|host| host.uuid == wanted);
        match hosts.is_empty() {
            true => {
                Err(ErrorCode::invalid(format!("host {wanted} is not in cluster '{}' ({})", cluster.name, api.uuid)))
            }
            false => Ok(hosts),
        }
    }

    /// Refuses at once what would be refused host by host later. All hosts of the cluster must be connected and none on its
    /// way into maintenance, as ZStack has it; those with VMs must be in maintenance, or the call be forced.
    async fn check_hosts(&self, api: &UpdateClusterOS, meant: &[Host]) -> Result<(), ErrorCode> {
        for host in self.store.hosts(api.uuid).await? {
            let refuse = |why: &str| {
                let text = format!("host '{}' ({}) {why}", host.name, host.uuid);
                Err(ErrorCode::invalid(text))
            };
            if host.state == HostState::PreMaintenance || host.updated_by.is_some() {
                return refuse("is on its way into maintenance or being updated; wait until that has ended");
            }
            if host.status != HostStatus::Connected {
                return refuse(&format!("is {}; all hosts of the cluster must be connected", host.status));
            }
            let in_use = host.state != HostState::Maintenance && host.vms > 0;
            if in_use && !api.force && meant.iter().any(|wanted| wanted.uuid == host.uuid) {
                return refuse("has VMs on it; put it into maintenance first, or say force=true");
            }
        }
        Ok(())
    }

    /// Updates `hosts`, and says of each `success`, or why not. What was done for this long job before is not done again.
    async fn update_hosts(
        &self,
        cx: &ApiCx,
        hosts: &[Host],
        update: &OsUpdate,
        force: bool,
    ) -> Result<BTreeMap<Uuid, String>, ErrorCode> {
        let at_once: usize = self.kernel.configs().get(AT_ONCE.0, AT_ONCE.1)?;
        let done = self.kernel.long_jobs().done(cx).await?;
        let is_done = |host: &Uuid| done.contains(&host.to_string());
        let (before, left): (Vec<Uuid>, Vec<Uuid>) = hosts.iter().map(|host| host.uuid).partition(is_done);
        let mut results: BTreeMap<Uuid, String> = before.into_iter().map(|host| (host, SUCCESS.to_owned())).collect();
        let updates: Vec<_> = left.into_iter().map(|host| self.update_host(cx, host, update, force)).collect();
        let ends: Vec<_> = stream::iter(updates).buffer_unordered(at_once.max(1)).collect().await;
        for end in ends {
            let (host, said) = end?;
            results.insert(host, said);
        }
        Ok(results)
    }

    /// Updates `host`, and says how that went. An `Err` is the job's end and not the host's.
    async fn update_host(
        &self,
        cx: &ApiCx,
        host: Uuid,
        update: &OsUpdate,
        force: bool,
    ) -> Result<(Uuid, String), ErrorCode> {
        let flow = cx.job.derive(&format!("update-os/{host}"));
        match self.kernel.bus().call(UpdateHostOs { host, flow, update: update.clone(), force }).await {
            Ok(()) => {
                self.kernel.long_jobs().part_done(cx, host.to_string()).await?;
                Ok((host, SUCCESS.to_owned()))
            }
            Err(error) if is_undecided(&error) => Err(error),
            Err(error) => Ok((host, error.details)),
        }
    }
}

/// Whether nothing is known of the host: somebody wanted the job to stop, its time was up, or a node went away.
fn is_undecided(error: &ErrorCode) -> bool {
    [codes::CANCEL, codes::TIMEOUT, codes::NODE_UNAVAILABLE].into_iter().any(|code| error.comes_of(code))
}

/// The parameters that a run needs: neither the id of the long job nor its tags.
fn data(api: &UpdateClusterOS) -> Result<String, ErrorCode> {
    let text = serde_json::to_string(api);
    text.map_err(|cause| ErrorCode::internal("the parameters of a long job cannot be written").because_of(&cause))
}

/// What is to be updated, if it can be named so.
fn wanted(api: &UpdateClusterOS) -> Result<OsUpdate, ErrorCode> {
    let names = |field: &str, names: &Option<Vec<String>>, also: &str| {
        let names = names.clone().unwrap_or_default();
        if names.len() > MOST {
            return Err(ErrorCode::invalid(format!("field[{field}] may name {MOST} packages at most")));
        }
        match names.iter().find(|name| !is_package(name, also)) {
            Some(bad) => {
                let bad: String = bad.chars().take(80).collect();
                Err(ErrorCode::invalid(format!("field[{field}] {} names no package", json!(bad))))
            }
            None => Ok(names),
        }
    };
    let release = api.release_version.clone();
    if release.as_deref().is_some_and(|text| !is_release(text)) {
        return Err(ErrorCode::invalid("field[releaseVersion] names no release; one is 9.4"));
    }
    Ok(OsUpdate {
        packages: names("updatePackages", &api.update_packages, "")?,
        excluded: names("excludePackages", &api.exclude_packages, "*")?,
        release,
    })
}

/// Letters, digits and what else names of packages have. Agents look once more: what ends with `-` would be removed.
fn is_package(text: &str, also: &str) -> bool {
    let begins = |letter: char| letter.is_ascii_alphanumeric() || also.contains(letter);
    (1..=128).contains(&text.len())
        && text.starts_with(begins)
        && !text.ends_with('-')
        && text.chars().all(|letter| begins(letter) || "+._:-".contains(letter))
}

fn is_release(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_package_managers_name_them() {
        for good in ["vim", "g++", "libc6:amd64", "python3.11", "kernel-core", "a"] {
            assert!(is_package(good, ""), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", "-y", "vim-", "a b", "a;b", "a\n", "$(id)", "k*", "a/b", "a=1", "é", &long] {
            assert!(!is_package(bad, ""), "{bad:?}");
        }
        assert!(is_package("kernel*", "*") && is_package("*-dkms", "*") && !is_package("-*", "*"));
        assert!(is_release("9.4") && !is_release("-9") && !is_release("9 4") && !is_release("{x}"));
    }
}
