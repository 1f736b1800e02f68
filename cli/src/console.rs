//! One line, from text to answer: what interactive use, scripts and scenarios have in common.

mod accounts;

use cumulo_schema::{ApiKind, ApiMeta};
use serde_json::{Map, Value};

use crate::{
    Catalog, CliError,
    command::{self, Checks, Command, CommandError, Request, Variables, secrets},
    http::{Client, Progress},
    session::Keeper,
};

/// Asks a person for a secret, without showing what is typed.
pub trait AskSecret: Send + Sync {
    /// The secret typed in answer to `prompt`; `None` when nobody is there to be asked.
    fn ask(&self, prompt: &str) -> Option<String>;
}

/// Nobody is there.
#[derive(Debug, Clone, Copy)]
pub struct NobodyToAsk;

impl AskSecret for NobodyToAsk {
    fn ask(&self, _prompt: &str) -> Option<String> {
        None
    }
}

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was called.
    pub api: &'static ApiMeta,
    /// The answer's JSON object.
    pub body: Value,
    /// The fields a query asked for, in that order; empty for all.
    pub fields: Vec<String>,
}

/// Runs commands against one management node.
pub struct Console {
    /// What can be said.
    pub catalog: Catalog,
    /// Values that earlier answers left behind.
    pub variables: Variables,
    /// Who is logged in.
    pub keeper: Keeper,
    client: Client,
    progress: Box<dyn Progress>,
    secrets: Box<dyn AskSecret>,
}

impl Console {
    /// A console that knows `catalog`, talks through `client`, tells `progress` of jobs and asks `secrets` for
    /// passwords.
    #[must_use]
    pub fn new(
        catalog: Catalog,
        client: Client,
        keeper: Keeper,
        progress: Box<dyn Progress>,
        secrets: Box<dyn AskSecret>,
    ) -> Self {
        Self { catalog, variables: Variables::default(), keeper, client, progress, secrets }
    }

    /// The connection, for those who ask questions of their own.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs `command`, keeps its answer under the name after `->`, and remembers a session it opens.
    ///
    /// # Errors
    /// When it is no command of the catalogue, the call fails, Ctrl-C is pressed, or there is nothing to keep.
    pub async fn run(&mut self, command: &Command, checks: Checks) -> Result<Answer, CliError> {
        let api = self.catalog.api(&command.verb).ok_or_else(|| CommandError::UnknownVerb {
            verb: command.verb.clone(),
            similar: self.catalog.similar_verb(&command.verb).map(str::to_owned),
        })?;
        let (request, account, fields) = match api.kind {
            ApiKind::Query(_) => self.query(api, command)?,
            ApiKind::Plain | ApiKind::Create | ApiKind::Delete => self.action(api, command, checks)?,
        };
        let session = self.keeper.session().map(|session| session.uuid.clone());
        let call = self.client.call(&request, session.as_deref(), &*self.progress);
        let body = tokio::select! {
            outcome = call => outcome?,
            Ok(()) = tokio::signal::ctrl_c() => {
                self.progress.ended();
                return Err(CliError::Interrupted);
            }
        };
        // A login that is only planned opens no session, and so on.
        if body.get("plan").is_none() {
            accounts::follow(&mut self.keeper, api, &body, account, session.as_deref(), &request)?;
        }
        if let Some(name) = &command.keep {
            self.variables.remember(name, &body)?;
        }
        Ok(Answer { api, body, fields })
    }

    fn query(&self, api: &'static ApiMeta, command: &Command) -> Result<Shaped, CliError> {
        let query = command::query_parameters(api.name, command, &self.variables)?;
        let fields = query.iter().find(|(name, _)| name == "fields");
        let fields = fields.map(|(_, list)| list.split(',').map(|field| field.trim().to_owned()).collect());
        Ok((Request::query(api, query), None, fields.unwrap_or_default()))
    }

    fn action(&self, api: &'static ApiMeta, command: &Command, checks: Checks) -> Result<Shaped, CliError> {
        let mut params = command::arguments(api, command, &self.variables)?;
        self.ask_for_secrets(api, &mut params);
        accounts::prepare(api, &mut params, self.keeper.session());
        let account = params.get("accountName").and_then(Value::as_str).map(str::to_owned);
        Ok((command::shape(api, params, checks)?, account, Vec::new()))
    }

    /// Asks for required secrets that were left out or left empty, where somebody can answer.
    fn ask_for_secrets(&self, api: &ApiMeta, params: &mut Map<String, Value>) {
        let secret = api.params.iter().filter(|param| secrets::is_secret(Some(api), param.name));
        for param in secret {
            let empty = params.get(param.name).map(|value| value.as_str() == Some(""));
            if empty.unwrap_or(param.required)
                && let Some(typed) = self.secrets.ask(&format!("{} of {}: ", param.name, api.name))
            {
                params.insert(param.name.to_owned(), Value::String(typed));
            }
        }
    }
}

/// A request, the account it names, and the fields it asks for.
type Shaped = (Request, Option<String>, Vec<String>);
