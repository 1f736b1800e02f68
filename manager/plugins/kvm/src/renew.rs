//! Renewing agents' certificates before they run out.
//!
//! Half of a certificate's life is left when this begins, so a renewal that fails disturbs nobody: it is logged and tried
//! again, and the host stays connected.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use cumulo_gateway::AgentKind;
use cumulo_kernel::bus::{CallContext, Caller};
use cumulo_schema::Uuid;

use crate::Kvm;

/// Between two tries.
const PAUSE: Duration = Duration::from_hours(1);
/// How long one try may take.
const TIMEOUT: Duration = Duration::from_mins(30);

/// When each host's certificate was last tried to renew.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Mutex<HashMap<Uuid, Instant>>);

impl Renewals {
    /// Whether it is time for a try, which is counted as made.
    fn is_due(&self, host: Uuid, now: Instant) -> bool {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        match tried.contains_key(&host) {
            true => false,
            false => tried.insert(host, now).is_none(),
        }
    }
}

impl Kvm {
    /// Deploys the host's agent again, in the background, if its certificate is aging.
    pub(crate) fn renew_certificate(&self, host: Uuid) {
        if !self.gateway.is_certificate_aging(host) || !self.renewals.is_due(host, Instant::now()) {
            return;
        }
        let (kernel, gateway) = (self.kernel.clone(), self.gateway.clone());
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, TIMEOUT);
        self.kernel.spawn(context.scope(async move {
            let renewed = async {
                let target = crate::connect::target(&kernel, host).await?;
                gateway.deploy(host, AgentKind::Kvm, &target).await
            };
            match renewed.await {
                Ok(()) => tracing::info!(%host, "the agent's certificate is renewed"),
                Err(error) => tracing::warn!(%host, %error, "the agent's certificate could not be renewed"),
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_is_tried_once_an_hour() {
        let (renewals, host, now) = (Renewals::default(), Uuid::random(), Instant::now());
        assert!(renewals.is_due(host, now));
        assert!(!renewals.is_due(host, now + Duration::from_mins(59)));
        assert!(renewals.is_due(Uuid::random(), now), "another host has its own");
        assert!(renewals.is_due(host, now + Duration::from_mins(61)));
    }
}
