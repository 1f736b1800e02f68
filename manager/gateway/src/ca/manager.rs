//! The manager's side of TLS, with a certificate that does not run out while the manager runs.

use std::{sync::Arc, time::Duration};

use cumulo_agent_rt::{Chain, tls};
use rustls::{ClientConfig, ServerConfig};
use tokio::{sync::watch, time::sleep};

use super::{Authority, LIFE};
use crate::GatewayError;

/// After a failed renewal.
const TRY_AGAIN: Duration = Duration::from_hours(1);

/// What new connections use.
pub(crate) struct ManagerTls {
    client: watch::Sender<Arc<ClientConfig>>,
    server: watch::Sender<Arc<ServerConfig>>,
}

impl ManagerTls {
    pub(crate) fn new(authority: &Authority) -> Result<Self, GatewayError> {
        let (client, server) = configs(authority)?;
        Ok(Self { client: watch::Sender::new(client), server: watch::Sender::new(server) })
    }

    /// For dialling agents.
    pub(crate) fn client(&self) -> watch::Receiver<Arc<ClientConfig>> {
        self.client.subscribe()
    }

    /// For the callback endpoint.
    pub(crate) fn server(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.server.subscribe()
    }

    /// Takes a new certificate each time a third of the old one's life is over. Does not end.
    pub(crate) async fn keep_fresh(self, authority: Arc<Authority>) {
        let mut pause = LIFE / 3;
        loop {
            sleep(pause).await;
            pause = match configs(&authority) {
                Ok((client, server)) => {
                    self.client.send_replace(client);
                    self.server.send_replace(server);
                    LIFE / 3
                }
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "the manager's certificate could not be renewed");
                    TRY_AGAIN
                }
            };
        }
    }
}

fn configs(authority: &Authority) -> Result<(Arc<ClientConfig>, Arc<ServerConfig>), GatewayError> {
    let identity = authority.manager()?;
    Ok((tls::client(&identity)?, tls::callback_server(&identity)?))
}
