//! How tests reach the broker, and a wire to it that can be cut.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How to reach `url` so that a broker that is gone is noticed after some `seconds`.
pub(super) fn alert(url: &str, seconds: u32) -> String {
    format!("{url}?heartbeat={seconds}")
}

/// What happens to bytes that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Whole,
    /// Connections stay, nothing passes.
    Stalled,
    /// Connections are reset, new ones too.
    Cut,
}

/// A TCP proxy between a node and the broker.
pub(super) struct Proxy {
    address: SocketAddr,
    url: String,
    wire: Arc<watch::Sender<Wire>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// In front of the broker at `url`.
    pub(super) async fn new(url: &str) -> Self {
        let parsed: lapin::uri::AMQPUri = url.parse().expect("a URL");
        let target = format!("{}:{}", parsed.authority.host, parsed.authority.port);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let wire = Arc::new(watch::Sender::new(Wire::Whole));
        let url = url.replacen(&target, &address.to_string(), 1);
        let task = tokio::spawn(accept(listener, target, wire.clone()));
        Self { address, url, wire, task }
    }

    pub(super) fn url(&self) -> &str {
        assert!(self.url.contains(&self.address.to_string()), "the proxy stands in the URL");
        &self.url
    }

    pub(super) fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Resets every connection; new ones pass.
    pub(super) fn reset(&self) {
        self.set(Wire::Cut);
        self.set(Wire::Whole);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: String, wire: Arc<watch::Sender<Wire>>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let (target, wire) = (target.clone(), wire.subscribe());
        tokio::spawn(async move {
            // A reset is how a connection ends here.
            let _ = carry(client, &target, wire).await;
        });
    }
}

async fn carry(mut client: TcpStream, target: &str, mut wire: watch::Receiver<Wire>) -> io::Result<()> {
    if *wire.borrow_and_update() == Wire::Cut {
        return Ok(());
    }
    let mut server = TcpStream::connect(target).await?;
    let (mut to, mut from) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        let now = *wire.borrow_and_update();
        tokio::select! {
            biased;
            // Any change in between counts: a cut that is mended at once is a cut.
            changed = wire.changed() => {
                changed.map_err(io::Error::other)?;
                match *wire.borrow() {
                    Wire::Stalled => {}
                    Wire::Whole if now == Wire::Stalled => {}
                    Wire::Whole | Wire::Cut => return Ok(()),
                }
            }
            read = client.read(&mut to), if now == Wire::Whole => match read? {
                0 => return Ok(()),
                length => server.write_all(&to[..length]).await?,
            },
            read = server.read(&mut from), if now == Wire::Whole => match read? {
                0 => return Ok(()),
                length => client.write_all(&from[..length]).await?,
            },
        }
    }
}

/// Waits until `condition` holds, and fails with `what` when it does not in time.
pub(super) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(40), wait).await.is_ok(), "not in time: {what}");
}
