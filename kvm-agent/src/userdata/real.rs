//! The real [`Userdata`]: the agent listens inside each network's namespace.
//!
//! A socket belongs to the namespace in which it was made, so one visit there is enough and no further process is
//! needed. Who asks is told by the address the question comes from, which DHCP gave out.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener as StdListener},
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{ConnectInfo, State},
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};
use tracing::{info, warn};

use super::{Userdata, answer::answer};
use crate::{
    HostError, ObjectId,
    dhcp::{self, L3State},
};

const PORT: u16 = 80;

/// The metadata services of all networks.
#[derive(Default)]
pub struct MetadataServers {
    running: Mutex<HashMap<ObjectId, Running>>,
}

struct Running {
    /// Identifies the namespace it listens in: one of the same name may be another one.
    namespace: u64,
    state: watch::Sender<Arc<L3State>>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl Userdata for MetadataServers {
    async fn apply(&self, state: &L3State) -> Result<(), HostError> {
        let l3 = &state.network.l3;
        let failed = || HostError::io(format!("serve metadata on network {l3}"));
        let namespace = dhcp::namespace(l3);
        let file = namespace.open()?.ok_or_else(|| HostError::NoDhcp { l3: l3.to_string() })?;
        let inode = file.metadata().map_err(failed())?.ino();
        if self.update(l3, inode, state) {
            return Ok(());
        }
        let at = SocketAddr::from((dhcp::METADATA_IP, PORT));
        let listener = namespace.visit(move || listen(at)).await?.map_err(failed())?;
        let listener = TcpListener::from_std(listener).map_err(failed())?;
        let (sender, receiver) = watch::channel(Arc::new(state.clone()));
        let router = Router::new().fallback(handle).with_state(receiver);
        let name = l3.clone();
        let task = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, service).await {
                warn!(l3 = %name, %error, "a metadata service ended");
            }
        });
        info!(%l3, "serves metadata");
        let running = Running { namespace: inode, state: sender, task: task.abort_handle() };
        self.lock().insert(l3.clone(), running);
        Ok(())
    }

    async fn remove(&self, l3: &ObjectId) -> Result<(), HostError> {
        self.lock().remove(l3);
        Ok(())
    }
}

impl MetadataServers {
    /// Gives a running service its new state; `false` where there is none in that namespace.
    fn update(&self, l3: &ObjectId, namespace: u64, state: &L3State) -> bool {
        let mut running = self.lock();
        match running.get(l3) {
            Some(service) if service.namespace == namespace && !service.task.is_finished() => {
                service.state.send_replace(Arc::new(state.clone()));
                true
            }
            _ => {
                running.remove(l3);
                false
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(at: SocketAddr) -> io::Result<StdListener> {
    let listener = StdListener::bind(at)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn handle(
    State(state): State<watch::Receiver<Arc<L3State>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
) -> Response {
    let state = state.borrow().clone();
    let IpAddr::V4(ip) = peer.ip() else { return StatusCode::NOT_FOUND.into_response() };
    let asker = state.userdata.iter().find(|(_, entry)| entry.ip == ip);
    match asker.and_then(|(vm, entry)| answer(uri.path(), vm, entry)) {
        Some(body) => ([("content-type", "text/plain")], body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
