//! The control socket from the outside.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::control::{Deployment, Execution, Machine, Order, socket};

/// The process did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It does not listen, or died meanwhile.
    #[error("the hosts' process does not answer at {}", socket.display())]
    Unreachable {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

/// A client of one process; it need not run yet.
#[derive(Debug, Clone)]
pub struct Control {
    http: reqwest::Client,
    socket: PathBuf,
}

impl Control {
    /// Of the process whose folder is `dir`.
    ///
    /// # Panics
    /// Never in practice: a client of plain HTTP needs nothing of the system.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        // Plain HTTP wants a provider of TLS all the same; one that somebody else chose is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let socket = socket(dir);
        let http = reqwest::Client::builder().no_proxy().unix_socket(socket.as_path()).build().expect("a client");
        Self { http, socket }
    }

    /// Every agent, with what is on its machine.
    ///
    /// # Errors
    /// When the process does not answer.
    pub async fn machines(&self) -> Result<Vec<Machine>, ControlError> {
        self.get("machines").await
    }

    /// What the agents worked on, each machine's in order.
    ///
    /// # Errors
    /// When the process does not answer.
    pub async fn executions(&self) -> Result<Vec<Execution>, ControlError> {
        self.get("executions").await
    }

    /// Tells the machines what to do from now on.
    ///
    /// # Errors
    /// When the process does not answer.
    pub async fn order(&self, order: &Order) -> Result<(), ControlError> {
        self.answered(self.http.post(url("orders")).json(order)).await.map(drop)
    }

    /// Makes sure that an agent is where it is to be, with its newest certificate.
    ///
    /// # Errors
    /// When it cannot be, or the process does not answer.
    pub async fn deploy(&self, deployment: &Deployment) -> Result<(), ControlError> {
        self.answered(self.http.post(url("deployments")).json(deployment)).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, ControlError> {
        let answer = self.answered(self.http.get(url(what))).await?;
        answer.json().await.map_err(|cause| self.unreachable(cause))
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, ControlError> {
        let answer = request.send().await.map_err(|cause| self.unreachable(cause))?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(ControlError::Refused(answer.text().await.map_err(|cause| self.unreachable(cause))?)),
        }
    }

    fn unreachable(&self, cause: reqwest::Error) -> ControlError {
        ControlError::Unreachable { socket: self.socket.clone(), cause }
    }
}

fn url(what: &str) -> String {
    format!("http://hosts/{what}")
}
