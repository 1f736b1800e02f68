//! The network between a node and a server, as a switch: a proxy on loopback that can be told to lose its connections.
//!
//! Network namespaces would need root and cut a process off from everything at once. A proxy of its own for every node and
//! server cuts any pair, and nothing else.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It arrives.
    Open,
    /// Connections break, and new ones are closed at once: as of a server whose machine is up.
    Broken,
    /// Nothing arrives and nothing is said; what was sent meanwhile arrives afterwards. As of a cable that is out.
    Silent,
}

/// A way to one server; it ends with this.
#[derive(Debug)]
pub(crate) struct Link {
    address: SocketAddr,
    passage: watch::Sender<Passage>,
    task: JoinHandle<()>,
}

impl Link {
    /// An open one to `server`.
    ///
    /// # Errors
    /// When nothing can listen.
    pub(crate) async fn to(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (passage, told) = watch::channel(Passage::Open);
        Ok(Self { address: listener.local_addr()?, passage, task: tokio::spawn(serve(listener, server, told)) })
    }

    /// Where to connect instead of the server.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub(crate) fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, passage: watch::Receiver<Passage>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of descriptors, or a client that is gone already: the next one may do better.
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(carry(client, server, passage.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until an end of it closes or the link breaks.
async fn carry(client: TcpStream, server: SocketAddr, mut passage: watch::Receiver<Passage>) {
    if !passes(&mut passage).await {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client, server) = (client.into_split(), server.into_split());
    let mut broken = passage.clone();
    tokio::select! {
        _ = broken.wait_for(|passage| *passage == Passage::Broken) => {}
        () = pump(client.0, server.1, passage.clone()) => {}
        () = pump(server.0, client.1, passage) => {}
    }
}

async fn pump(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut passage: watch::Receiver<Passage>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        // An end is silent too; and one that closes closes both: neither of the two protocols goes on one way only.
        if !passes(&mut passage).await || read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits while the link is silent; false once it is broken.
async fn passes(passage: &mut watch::Receiver<Passage>) -> bool {
    passage.wait_for(|passage| *passage != Passage::Silent).await.is_ok_and(|passage| *passage == Passage::Open)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A server that sends back what it gets.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn said(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(b"?").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn what_is_silent_arrives_later_and_what_is_broken_is_closed() {
        let link = Link::to(echo().await).await.expect("a link");
        let mut stream = TcpStream::connect(link.address()).await.expect("connected");
        assert_eq!(said(&mut stream).await.expect("answered"), b'?');
        link.set(Passage::Silent);
        let silent = timeout(Duration::from_millis(100), said(&mut stream)).await;
        assert!(silent.is_err(), "answered: {silent:?}");
        link.set(Passage::Open);
        assert_eq!(stream.read_u8().await.expect("it arrives"), b'?');
        let from = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let other = Link::to(from.local_addr().expect("bound")).await.expect("a link");
        let client = TcpStream::connect(other.address()).await.expect("connected");
        let (mut server, _) = from.accept().await.expect("carried");
        other.set(Passage::Silent);
        drop(client);
        let closed = timeout(Duration::from_millis(100), server.read_u8()).await;
        assert!(closed.is_err(), "the end of a connection does not pass either: {closed:?}");
        other.set(Passage::Open);
        assert!(server.read_u8().await.is_err(), "closed");
        link.set(Passage::Broken);
        assert!(stream.read_u8().await.is_err(), "closed");
        let mut refused = TcpStream::connect(link.address()).await.expect("the listener is there");
        assert!(said(&mut refused).await.is_err(), "and closed at once");
        link.set(Passage::Open);
        let mut again = TcpStream::connect(link.address()).await.expect("connected");
        assert_eq!(said(&mut again).await.expect("answered"), b'?');
    }
}
