//! The life of accounts, as clients see it.

mod fixture;

use cumulo_contracts::resource::Account;
use cumulo_kernel::ownership;
use cumulo_schema::{Uuid, system::AccountResourceRef};
use cumulo_testnode::TestNode;
use serde_json::{Value, json};

use fixture::{ADMIN_PASSWORD, create_account, log_in, node, sha512, uuid};

#[tokio::test]
async fn the_first_start_makes_the_admin_and_tells_its_password_once() {
    let node = fixture::empty().await;
    let generated = cumulo_service_identity::bootstrap_admin(node.kernel(), None).await.expect("made");
    let generated = generated.expect("a new account gets a password");
    let again = cumulo_service_identity::bootstrap_admin(node.kernel(), None).await.expect("there");
    assert_eq!(again, None);
    let session = log_in(&node, "admin", &generated).await.expect("logged in");
    assert_eq!(session["accountUuid"], Uuid::ADMIN.to_string());
    assert_eq!(session["userUuid"], Uuid::ADMIN.to_string());
    assert!(cumulo_service_identity::bootstrap_admin(node.kernel(), Some("")).await.is_err());
    cumulo_service_identity::bootstrap_admin(node.kernel(), Some("new one")).await.expect("set");
    assert_eq!(log_in(&node, "admin", &generated).await.expect_err("changed").code, "ID.1000");
    log_in(&node, "admin", "new one").await.expect("logged in");
}

#[tokio::test]
async fn a_password_is_stored_as_argon2id_and_never_shown() {
    let node = node().await;
    let alice = create_account(&node, "alice", "pa").await;
    assert_eq!(alice["type"], "Normal");
    assert!(alice.get("password").is_none(), "{alice}");
    let row = node.kernel().db().find(Account::NAME, &"alice".to_owned()).await.expect("read").expect("there");
    assert!(row.password.starts_with("$argon2id$") && !row.password.contains(&sha512("pa")), "{}", row.password);
    let shown = node.query("/accounts").await;
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|account| account.get("password").is_none()), "{shown:?}");
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_refused_alike() {
    let node = node().await;
    let wrong_password = log_in(&node, "admin", "wrong").await.expect_err("refused");
    let wrong_name = log_in(&node, "nobody", ADMIN_PASSWORD).await.expect_err("refused");
    assert_eq!(wrong_password, wrong_name);
    assert_eq!(wrong_name.code, "ID.1000");
}

#[tokio::test]
async fn two_accounts_cannot_have_one_name_and_the_same_create_again_is_one_account() {
    let node = node().await;
    let id = Uuid::random();
    let params = json!({ "name": "alice", "password": sha512("pa"), "resourceUuid": id });
    for _ in 0..2 {
        let made = node.inventory("POST", "/accounts", json!({ "params": params })).await.expect("created");
        assert_eq!(made["uuid"], id.to_string());
    }
    let params = json!({ "name": "alice", "password": sha512("pb") });
    let refused = node.call("POST", "/accounts", json!({ "params": params })).await.expect_err("taken");
    assert!(refused.details.contains("alice"), "{refused}");
    let bob = create_account(&node, "bob", "pb").await;
    let body = json!({ "updateAccount": { "name": "alice" } });
    let refused = node.call("PUT", &format!("/accounts/{}", uuid(&bob)), body).await.expect_err("taken");
    assert!(refused.details.contains("alice"), "{refused}");
    assert_eq!(node.query("/accounts").await.len(), 3);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_where_it_is_given_and_ends_the_other_sessions() {
    let mut node = node().await;
    let alice = create_account(&node, "alice", "old").await;
    let path = format!("/accounts/{}", uuid(&alice));
    let (mine, other) = (
        log_in(&node, "alice", "old").await.expect("logged in"),
        log_in(&node, "alice", "old").await.expect("logged in"),
    );
    node.use_session(uuid(&mine));
    let change = |old: &str| json!({ "updateAccount": { "password": sha512("new"), "oldPassword": sha512(old) } });
    let refused = node.call("PUT", &path, change("guess")).await.expect_err("wrong");
    assert!(!refused.details.contains(&sha512("guess")), "{refused}");
    node.call("PUT", &path, change("old")).await.expect("changed");
    node.call("PUT", &path, change("old")).await.expect("the same call again changes nothing");
    assert_eq!(log_in(&node, "alice", "old").await.expect_err("changed").code, "ID.1000");
    log_in(&node, "alice", "new").await.expect("logged in");
    node.call("GET", "/accounts", Value::Null).await.expect("the session that changed it goes on");
    node.use_session(uuid(&other));
    assert_eq!(node.call("GET", "/accounts", Value::Null).await.expect_err("ended").code, "ID.1001");
}

#[tokio::test]
async fn a_normal_account_changes_itself_only_and_makes_no_others() {
    let mut node = node().await;
    let alice = create_account(&node, "alice", "pa").await;
    let bob = create_account(&node, "bob", "pb").await;
    let session = log_in(&node, "alice", "pa").await.expect("logged in");
    node.use_session(uuid(&session));
    let body = json!({ "updateAccount": { "description": "me" } });
    let changed = node.inventory("PUT", &format!("/accounts/{}", uuid(&alice)), body.clone()).await.expect("hers");
    assert_eq!(changed["description"], "me");
    let create = json!({ "params": { "name": "carol", "password": sha512("pc") } });
    for (verb, target, body) in [
        ("PUT", format!("/accounts/{}", uuid(&bob)), body.clone()),
        ("PUT", format!("/accounts/{}", Uuid::ADMIN), body),
        ("DELETE", format!("/accounts/{}", uuid(&bob)), Value::Null),
        ("POST", "/accounts".to_owned(), create),
    ] {
        let refused = node.call(verb, &target, body).await.expect_err("not hers");
        assert_eq!(refused.code, "ID.1002", "{verb} {target}: {refused}");
    }
}

#[tokio::test]
async fn a_deleted_account_takes_its_sessions_and_leaves_the_rest_to_the_admin() {
    let mut node = node().await;
    let alice = create_account(&node, "alice", "pa").await;
    let session = log_in(&node, "alice", "pa").await.expect("logged in");
    // A resource whose service takes no part in the deletion of accounts.
    let (resource, owner) = (Uuid::random(), uuid(&alice).parse().expect("a uuid"));
    let mut batch = node.kernel().db().batch();
    let now = cumulo_schema::Timestamp::now();
    batch.insert(&AccountResourceRef {
        account_uuid: owner,
        resource_uuid: resource,
        resource_type: "ThingVO".to_owned(),
        concrete_resource_type: "ThingVO".to_owned(),
        create_date: now,
        last_op_date: now,
    });
    node.kernel().db().commit(batch).await.expect("inserted");
    let path = format!("/accounts/{}", uuid(&alice));
    node.call("DELETE", &path, Value::Null).await.expect("deleted");
    node.call("DELETE", &path, Value::Null).await.expect("gone is fine");
    assert_eq!(ownership::owner(node.kernel().db(), resource).await, Ok(Some(Uuid::ADMIN)));
    assert_eq!(log_in(&node, "alice", "pa").await.expect_err("gone").code, "ID.1000");
    let admin = format!("/accounts/{}", Uuid::ADMIN);
    assert!(node.call("DELETE", &admin, Value::Null).await.is_err(), "the admin stays");
    node.use_session(uuid(&session));
    assert_eq!(node.call("GET", "/accounts", Value::Null).await.expect_err("ended").code, "ID.1001");
}

#[tokio::test]
async fn a_login_says_of_which_kind_it_is() {
    let node = node().await;
    let log_in = async |kind: &str, password: &str| {
        let params = json!({ "username": "admin", "password": sha512(password), "loginType": kind });
        node.inventory("PUT", "/login", json!({ "logIn": params })).await
    };
    let session = log_in("account", ADMIN_PASSWORD).await.expect("logged in");
    assert_eq!(session["accountUuid"], Uuid::ADMIN.to_string());
    assert_eq!(log_in("account", "wrong").await.expect_err("wrong password").code, "ID.1000");
    let refused = log_in("ldap", ADMIN_PASSWORD).await.expect_err("there is none");
    assert!(refused.code == "SYS.1007" && refused.details.contains("loginType"), "{refused}");
}

#[tokio::test]
async fn a_caller_is_told_what_it_may_call() {
    let mut node = node().await;
    create_account(&node, "alice", "pa").await;
    let ask = async |node: &TestNode, names: &[&str]| {
        let ask = json!({ "checkApiPermission": { "apiNames": names } });
        node.inventory("PUT", "/accounts/permissions/actions", ask).await
    };
    let message = "org.zstack.header.identity.APICreateAccountMsg";
    let names = ["CreateAccount", message, "APILogOutMsg"];
    let admin = ask(&node, &names).await.expect("answered");
    assert_eq!(admin, json!({ "CreateAccount": "Allow", message: "Allow", "APILogOutMsg": "Allow" }));
    let refused = ask(&node, &["MakeCoffee"]).await.expect_err("no such API");
    assert!(refused.details.contains("MakeCoffee"), "{refused}");
    let session = log_in(&node, "alice", "pa").await.expect("logged in");
    node.use_session(uuid(&session));
    let hers = ask(&node, &names).await.expect("answered");
    assert_eq!(hers, json!({ "CreateAccount": "Deny", message: "Deny", "APILogOutMsg": "Allow" }));
}

#[tokio::test]
async fn ids_have_names_for_those_who_see_them() {
    let mut node = node().await;
    let alice = create_account(&node, "alice", "pa").await;
    let alice = uuid(&alice).to_owned();
    let names = async |node: &TestNode| {
        let (admin, gone) = (Uuid::ADMIN, Uuid::random());
        let path = format!("/resources/names?uuids={alice}&uuids={admin}&uuids={gone}&uuids=x&uuids={alice}");
        let answer = node.call("GET", &path, Value::Null).await.expect("answered");
        let named = answer["inventories"].as_array().expect("a list").clone();
        named.iter().map(|one| (one["resourceName"].clone(), one["resourceType"].clone())).collect::<Vec<_>>()
    };
    let account = |name: &str| (json!(name), json!("AccountVO"));
    assert_eq!(names(&node).await, [account("alice"), account("admin")]);
    let session = log_in(&node, "alice", "pa").await.expect("logged in");
    node.use_session(uuid(&session));
    assert_eq!(names(&node).await, [account("alice")]);
    node.call("GET", "/resources/names", Value::Null).await.expect_err("of what?");
}
