//! The few APIs a client has to understand: those whose passwords it hashes, and those that open and close sessions.

use cumulo_schema::ApiMeta;
use serde_json::{Map, Value};
use sha2::{Digest, Sha512};

use crate::{
    command::{Request, secrets},
    session::{Keeper, Session, StateError},
};

/// APIs whose passwords are those of accounts and users: they travel as the SHA-512 of what was typed (wire.md §7),
/// unlike those of hosts and storages, which the manager needs as they are.
const HASHED: [&str; 7] =
    ["LogInByAccount", "LogInByUser", "LogIn", "CreateAccount", "UpdateAccount", "CreateUser", "UpdateUser"];

/// APIs whose answer is a session.
const OPEN: [&str; 4] = ["LogInByAccount", "LogInByUser", "LogIn", "LogInByLdap"];

const CLOSE: &str = "LogOut";

/// Hashes passwords, and fills in the session where an API names it among its parameters.
pub(super) fn prepare(api: &ApiMeta, params: &mut Map<String, Value>, session: Option<&Session>) {
    if HASHED.contains(&api.name) {
        for param in api.params.iter().filter(|param| secrets::is_secret(Some(api), param.name)) {
            if let Some(Value::String(typed)) = params.get_mut(param.name) {
                *typed = hex::encode(Sha512::digest(typed.as_bytes()));
            }
        }
    }
    if api.params.iter().any(|param| param.name == "sessionUuid")
        && let Some(session) = session
    {
        params.entry("sessionUuid").or_insert_with(|| Value::String(session.uuid.clone()));
    }
}

/// Keeps a session that the answer `body` opened for `account`, and lets go of `session` if `request` closed that one.
///
/// # Errors
/// When it cannot be kept or removed.
pub(super) fn follow(
    keeper: &mut Keeper,
    api: &ApiMeta,
    body: &Value,
    account: Option<String>,
    session: Option<&str>,
    request: &Request,
) -> Result<(), StateError> {
    if api.name == CLOSE && session.is_some_and(|uuid| request.path.ends_with(&format!("/{uuid}"))) {
        return keeper.close();
    }
    let opened = body.get("inventory").and_then(|inventory| inventory.get("uuid")).and_then(Value::as_str);
    match opened {
        Some(uuid) if OPEN.contains(&api.name) => keeper.open(Session { uuid: uuid.to_owned(), account }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::catalog;

    fn prepared(verb: &str, params: &Value, session: Option<&Session>) -> Value {
        let mut params = params.as_object().expect("an object").clone();
        prepare(catalog().api(verb).expect("declared"), &mut params, session);
        Value::Object(params)
    }

    #[test]
    fn passwords_of_accounts_are_hashed_and_those_of_hosts_are_not() {
        let hash = "b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86";
        assert_eq!(prepared("LogInByAccount", &json!({"password": "password"}), None), json!({"password": hash}));
        assert_eq!(prepared("AddKVMHost", &json!({"password": "password"}), None), json!({"password": "password"}));
    }

    #[test]
    fn the_session_in_use_is_what_is_closed_unless_another_is_named() {
        let session = Session { uuid: "mine".into(), account: None };
        assert_eq!(prepared("LogOut", &json!({}), Some(&session)), json!({"sessionUuid": "mine"}));
        assert_eq!(prepared("LogOut", &json!({"sessionUuid": "x"}), Some(&session)), json!({"sessionUuid": "x"}));
    }
}
