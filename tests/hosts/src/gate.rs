//! What stands between a machine's agent and the network: a machine that hangs answers nothing, and a manager that is cut off
//! is not heard.
//!
//! All managers come from the same address of loopback and prove to be the same role, but each life of one has a
//! certificate of its own, and its commands say where it is called back. So a command introduces the certificate, and what
//! comes with it later without saying (a ping) is known too.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use cumulo_proto::Header;
use cumulo_sim_hosts::{Weather, manager_of};
use prost::Message;
use rustls_pki_types::CertificateDer;

/// The largest request.
const LIMIT: usize = 16 << 20;
/// Bytes before a message of gRPC: whether it is compressed, and its length.
const FRAME: usize = 5;
/// The service whose requests have no header: pings and the like.
const COMMON: &str = "/cumulo.agent.v1.Agent/";

/// Whose certificate is whose, on all machines.
#[derive(Debug, Default)]
pub(crate) struct Managers(Mutex<HashMap<Vec<u8>, IpAddr>>);

/// The gate of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) machine: IpAddr,
    pub(crate) weather: Arc<Weather>,
    pub(crate) managers: Arc<Managers>,
}

/// The first field of every command.
#[derive(Clone, PartialEq, prost::Message)]
struct Introduced {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
}

/// Lets a request to the agent through, and its answer out, when the weather allows it.
pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let certificate = request.extensions().get::<CertificateDer<'static>>().map(|certificate| certificate.to_vec());
    let is_command = !request.uri().path().starts_with(COMMON);
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LIMIT).await else { return StatusCode::BAD_REQUEST.into_response() };
    let manager = certificate.and_then(|certificate| gate.managers.whose(certificate, is_command.then_some(&body)));
    if !gate.is_open(manager).await {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    match gate.is_open(manager).await {
        true => answer,
        // It was done, and the answer does not arrive.
        false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Gate {
    async fn is_open(&self, manager: Option<IpAddr>) -> bool {
        self.weather.answers(self.machine).await;
        match manager {
            Some(manager) => self.weather.reaches(manager).await,
            None => true,
        }
    }
}

impl Managers {
    /// The address of the manager that showed `certificate`, which `command` tells where there is one.
    fn whose(&self, certificate: Vec<u8>, command: Option<&Bytes>) -> Option<IpAddr> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manager) = known.get(&certificate) {
            return Some(*manager);
        }
        let introduced = Introduced::decode(command?.get(FRAME..)?).ok()?;
        let manager = manager_of(&introduced.header?.callback_url)?;
        known.insert(certificate, manager);
        Some(manager)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_introduces_whoever_sent_it() {
        let managers = Managers::default();
        assert_eq!(managers.whose(vec![1], None), None, "a ping of a stranger");
        let url = "https://127.9.9.1:4000/agent/v1".to_owned();
        let introduced = Introduced { header: Some(Header { callback_url: url, ..Header::default() }) };
        let command = Bytes::from([vec![0; FRAME], introduced.encode_to_vec()].concat());
        assert_eq!(managers.whose(vec![1], Some(&command)), Some([127, 9, 9, 1].into()));
        assert_eq!(managers.whose(vec![1], None), Some([127, 9, 9, 1].into()), "a ping of one that is known");
        assert_eq!(managers.whose(vec![2], None), None, "and of another one");
    }
}
