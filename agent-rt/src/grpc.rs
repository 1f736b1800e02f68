//! The gRPC face of a runtime: any command's RPC, Ping and Cancel.
//!
//! Command RPCs are not dispatched by a generated server but by path: all of them take an encoded request and answer
//! `Accepted`, so that a new command needs its message and its line in the agent's list, and no glue. Ping and Cancel,
//! which answer directly, are a generated service.

use std::{future::Future, pin::Pin};

use axum::{Router, extract::Request as HttpRequest, response::IntoResponse as _, routing::get};
use bytes::{Buf as _, BufMut as _, Bytes};
use cumulo_proto::{
    Accepted, CancelReply, CancelRequest, PingReply, PingRequest,
    agent_server::{Agent, AgentServer},
};
use tonic::{
    Code, Request, Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, UnaryService},
};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::{Refusal, Runtime};

/// The metadata key under which a refused command's stable code travels.
pub(crate) const CODE_METADATA: &str = "cumulo-code";

/// Everything an agent serves: its commands, Ping, `/healthz` and `/metrics`.
pub(crate) fn router<H: Send + Sync + 'static>(runtime: &Runtime<H>) -> Router {
    let service = runtime.service();
    let accepting = runtime.clone();
    let commands = service_fn(move |rq: HttpRequest| {
        let runtime = accepting.clone();
        async move {
            let accept = Accept { runtime, path: rq.uri().path().to_owned() };
            let mut grpc = Grpc::new(Received);
            Ok::<_, std::convert::Infallible>(grpc.unary(accept, rq).await.map(axum::body::Body::new).into_response())
        }
    });
    let ping = AgentServer::new(Pinged(runtime.clone()));
    plain_router(runtime)
        .route_service(&format!("/{service}/{{command}}"), commands)
        .route_service("/cumulo.agent.v1.Agent/{*method}", ping)
}

/// What may be served without TLS on loopback.
pub(crate) fn plain_router<H: Send + Sync + 'static>(runtime: &Runtime<H>) -> Router {
    let runtime = runtime.clone();
    Router::new().route("/healthz", get(async || "ok\n")).route("/metrics", get(async move || runtime.metrics_text()))
}

struct Accept<H> {
    runtime: Runtime<H>,
    path: String,
}

impl<H: Send + Sync + 'static> UnaryService<Bytes> for Accept<H> {
    type Response = Accepted;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Accepted>, Status>> + Send>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (runtime, path) = (self.runtime.clone(), self.path.clone());
        Box::pin(async move {
            runtime.accept(&path, request.into_inner()).await.map(Response::new).map_err(|refusal| status(&refusal))
        })
    }
}

fn status(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::Unknown { .. } => Code::Unimplemented,
        Refusal::Bad(_) => Code::InvalidArgument,
        Refusal::StaleEpoch { .. } | Refusal::TooLate { .. } => Code::FailedPrecondition,
        Refusal::Stopping | Refusal::Journal(_) => Code::Unavailable,
    };
    let mut status = Status::new(code, crate::Chain(refusal).to_string());
    if let Ok(value) = refusal.code().parse() {
        status.metadata_mut().insert(CODE_METADATA, value);
    }
    status
}

struct Pinged<H>(Runtime<H>);

#[tonic::async_trait]
impl<H: Send + Sync + 'static> Agent for Pinged<H> {
    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingReply>, Status> {
        Ok(Response::new(self.0.ping()))
    }

    async fn cancel(&self, request: Request<CancelRequest>) -> Result<Response<CancelReply>, Status> {
        Ok(Response::new(CancelReply { known: self.0.cancel(&request.into_inner().task_id) }))
    }
}

/// The server's codec: requests stay bytes, answers are `Accepted`.
struct Received;

impl Codec for Received {
    type Encode = Accepted;
    type Decode = Bytes;
    type Encoder = <ProstCodec<Accepted, Accepted> as Codec>::Encoder;
    type Decoder = Raw;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Accepted, Accepted>::default().encoder()
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

/// The client's codec: requests are bytes, answers `Accepted`.
pub(crate) struct Sent;

impl Codec for Sent {
    type Encode = Bytes;
    type Decode = Accepted;
    type Encoder = Raw;
    type Decoder = <ProstCodec<Accepted, Accepted> as Codec>::Decoder;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<Accepted, Accepted>::default().decoder()
    }
}

/// Message bytes as they are.
pub(crate) struct Raw;

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}
