//! What is there from the first start: the admin account, and everybody's quotas.

use cumulo_contracts::resource::Account;
use cumulo_kernel::{Kernel, db::DbError, quota};
use cumulo_schema::{ErrorCode, Timestamp, Uuid};

use crate::{
    password::{GENERATED_LENGTH, Passwords, as_sent, generate},
    store::Store,
};

const NAME: &str = "admin";
const TYPE: &str = "SystemAdmin";

/// Makes sure that the admin account is there. With `password` given it is the account's from now on, and where that
/// changes it, the account's sessions end; with none given, a new account gets a generated one, which is answered and
/// known nowhere else.
///
/// Call it once the kernel has started, before anybody can log in.
///
/// # Errors
/// SYS.1007 for an empty password; otherwise when the database fails.
pub async fn bootstrap_admin(kernel: &Kernel, password: Option<&str>) -> Result<Option<String>, ErrorCode> {
    if password == Some("") {
        return Err(ErrorCode::invalid("the password of the admin account must not be empty"));
    }
    let (store, passwords) = (Store::new(kernel.db().clone()), Passwords::default());
    match (store.account(Uuid::ADMIN).await?, password) {
        (Some(_), None) => Ok(None),
        (Some(admin), Some(password)) => {
            let sent = as_sent(password);
            if !passwords.verify(sent.clone(), Some(admin.password)).await? {
                store.reset_password(admin.uuid, &passwords.hash(sent).await?).await?;
                tracing::info!("the password of the admin account was set");
            }
            Ok(None)
        }
        (None, given) => {
            let generated = given.is_none().then(|| generate(GENERATED_LENGTH));
            let password = given.or(generated.as_deref()).unwrap_or_default();
            let now = Timestamp::now();
            let admin = Account {
                uuid: Uuid::ADMIN,
                name: NAME.to_owned(),
                description: None,
                r#type: TYPE.to_owned(),
                password: passwords.hash(as_sent(password)).await?,
                create_date: now,
                last_op_date: now,
            };
            match store.insert_account(&admin, None, store.batch()).await {
                Ok(()) => Ok(generated),
                // Another node starting on the same database was faster; its password holds.
                Err(DbError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// Gives accounts the quotas that this build declares and they do not have yet. Call it once the kernel has started.
///
/// # Errors
/// When the database fails.
pub async fn complete_quotas(kernel: &Kernel) -> Result<(), ErrorCode> {
    let accounts = Store::new(kernel.db().clone()).accounts().await?;
    quota::complete(kernel, &accounts).await
}
