//! What the verbs add up to: make it run, make it stop, make it gone. Repeatable, whatever the state found.

use std::time::Duration;

use cumulo_agent_rt::TaskCx;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::{DomainSpec, DomainState, Domains, Verb};
use crate::{HostError, Mac, ObjectId};

/// How often a VM that is told to stop is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often its power button is pressed, or it is asked to let go of a NIC: guests miss that while they boot.
const PRESS_EVERY: Duration = Duration::from_secs(5);

/// Makes sure the VM runs: as `spec` says where it has to be started, as it is where it runs already.
///
/// # Errors
/// When the hypervisor refuses.
pub async fn ensure_running(domains: &dyn Domains, spec: &DomainSpec) -> Result<(), HostError> {
    match domains.state(&spec.uuid).await? {
        Some(DomainState::Running) => Ok(()),
        Some(DomainState::Paused) => domains.act(&spec.uuid, Verb::Resume).await,
        Some(DomainState::Stopped | DomainState::Crashed) | None => {
            domains.define(spec).await?;
            domains.act(&spec.uuid, Verb::Start).await
        }
    }
}

/// Makes sure the VM does not run; `None` is a stopped one. Says whether the guest shut down by itself.
///
/// # Errors
/// When the hypervisor refuses.
pub async fn ensure_stopped(
    domains: &dyn Domains,
    vm: &ObjectId,
    patience: Option<Duration>,
    cx: &TaskCx,
) -> Result<bool, HostError> {
    if let Some(patience) = patience
        && shut_down(domains, vm, patience, cx).await?
    {
        return Ok(true);
    }
    match domains.state(vm).await? {
        None | Some(DomainState::Stopped) => Ok(false),
        Some(_) => power_off(domains, vm).await.map(|()| false),
    }
}

/// Makes sure the VM is gone.
///
/// # Errors
/// When the hypervisor refuses.
pub async fn ensure_gone(domains: &dyn Domains, vm: &ObjectId) -> Result<(), HostError> {
    match domains.state(vm).await? {
        None => return Ok(()),
        Some(DomainState::Running | DomainState::Paused) => power_off(domains, vm).await?,
        Some(DomainState::Stopped | DomainState::Crashed) => {}
    }
    domains.act(vm, Verb::Undefine).await
}

/// Makes sure the VM is paused.
///
/// # Errors
/// When it neither runs nor is paused, or the hypervisor refuses.
pub async fn ensure_paused(domains: &dyn Domains, vm: &ObjectId) -> Result<(), HostError> {
    match state_of(domains, vm).await? {
        DomainState::Paused => Ok(()),
        DomainState::Running => domains.act(vm, Verb::Suspend).await,
        state => Err(HostError::VmState { vm: vm.to_string(), state, what: "be paused" }),
    }
}

/// Makes sure a paused VM goes on.
///
/// # Errors
/// When it neither runs nor is paused, or the hypervisor refuses.
pub async fn ensure_resumed(domains: &dyn Domains, vm: &ObjectId) -> Result<(), HostError> {
    match state_of(domains, vm).await? {
        DomainState::Running => Ok(()),
        DomainState::Paused => domains.act(vm, Verb::Resume).await,
        state => Err(HostError::VmState { vm: vm.to_string(), state, what: "be resumed" }),
    }
}

/// Makes sure the VM has no such NIC. A running guest gets `patience` to let go of it.
///
/// # Errors
/// [`HostError::NicHeld`] where it does not, or what the hypervisor says.
pub async fn ensure_unplugged(
    domains: &dyn Domains,
    vm: &ObjectId,
    mac: &Mac,
    patience: Duration,
    cx: &TaskCx,
) -> Result<(), HostError> {
    let give_up = Instant::now() + patience;
    let mut next_ask = Instant::now();
    loop {
        if domains.state(vm).await?.is_none() || !domains.has_nic(vm, mac).await? {
            return Ok(());
        }
        let mut refused = None;
        if Instant::now() >= next_ask {
            // Refused also while the guest is still at an earlier request; what counts is whether it is there in the end.
            refused = domains.unplug(vm, mac).await.err();
            next_ask = Instant::now() + PRESS_EVERY;
            if refused.is_none() && !domains.has_nic(vm, mac).await? {
                return Ok(());
            }
        }
        if Instant::now() >= give_up || cx.cancelled().is_cancelled() {
            let held = || HostError::NicHeld { vm: vm.to_string(), mac: mac.to_string() };
            return Err(refused.unwrap_or_else(held));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The state of a VM that must be here.
///
/// # Errors
/// [`HostError::NoVm`] where it is not.
pub async fn state_of(domains: &dyn Domains, vm: &ObjectId) -> Result<DomainState, HostError> {
    domains.state(vm).await?.ok_or_else(|| HostError::NoVm { vm: vm.to_string() })
}

/// Asks the guest to shut down and waits for it; `true` when it did.
async fn shut_down(domains: &dyn Domains, vm: &ObjectId, patience: Duration, cx: &TaskCx) -> Result<bool, HostError> {
    let give_up = Instant::now() + patience;
    let mut next_press = Instant::now();
    loop {
        match domains.state(vm).await? {
            None | Some(DomainState::Stopped) => return Ok(true),
            // It cannot hear the button.
            Some(DomainState::Paused | DomainState::Crashed) => return Ok(false),
            Some(DomainState::Running) => {}
        }
        if Instant::now() >= give_up || cx.cancelled().is_cancelled() {
            info!(%vm, "did not shut down in time; is powered off");
            return Ok(false);
        }
        if Instant::now() >= next_press {
            // It may have stopped since it was looked at, which the next look shows.
            if let Err(error) = domains.act(vm, Verb::PressPower).await
                && domains.state(vm).await? == Some(DomainState::Running)
            {
                return Err(error);
            }
            next_press = Instant::now() + PRESS_EVERY;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Pulls the plug; a VM that ended in the meantime is as good.
async fn power_off(domains: &dyn Domains, vm: &ObjectId) -> Result<(), HostError> {
    match domains.act(vm, Verb::PowerOff).await {
        Ok(()) => Ok(()),
        Err(error) => match domains.state(vm).await? {
            None | Some(DomainState::Stopped) => Ok(()),
            Some(_) => Err(error),
        },
    }
}
