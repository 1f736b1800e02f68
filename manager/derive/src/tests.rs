//! Declarations that make no sense are refused with a sentence that says why.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

fn refused(expanded: Result<TokenStream>) -> String {
    expanded.expect_err("it makes no sense").to_string()
}

fn api(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    crate::api::expand(attribute, item)
}

#[test]
fn an_api_needs_a_verb_and_the_words_it_cannot_be_without() {
    let item = || {
        quote!(
            struct Call {}
        )
    };
    let full = quote!(get "/calls", group = "g", service = "s", package = "p", reply = Empty);
    assert!(api(full, item()).is_ok());
    let text = refused(api(quote!(patch "/calls", group = "g", service = "s", package = "p", reply = Empty), item()));
    assert_eq!(text, "`patch` is no verb");
    let text = refused(api(quote!(get "/calls", group = "g", service = "s", package = "p"), item()));
    assert_eq!(text, "an API needs `reply = Type`");
    let text = refused(api(quote!(get "/calls", group = "g", package = "p", reply = Empty), item()));
    assert_eq!(text, "an API needs `service = \"…\"`");
    let text = refused(api(quote!(get "/calls", asynchronous, reply = Empty), item()));
    assert_eq!(text, "an API has no `asynchronous`");
    let text = refused(api(quote!(query "/calls", group = "g", service = "s", package = "p", reply = Empty), item()));
    assert_eq!(text, "a query replies `Inventories<Resource>`");
}

#[test]
fn a_parameter_has_a_known_type_and_known_rules() {
    let with = |field: TokenStream| {
        let head = quote!(post "/calls", group = "g", service = "s", package = "p", reply = Empty);
        api(head, quote!(struct Call { #field }))
    };
    assert!(with(quote!(#[param(range(1, 2))] n: i32)).is_ok());
    assert_eq!(refused(with(quote!(#[param(longest = 3)] n: i32))), "a parameter has no rule `longest`");
    assert_eq!(refused(with(quote!(#[param(range(1))] n: i32))), "a range has two bounds");
    assert!(refused(with(quote!(n: f64))).starts_with("no parameter has this type"));
}

#[test]
fn a_resource_needs_a_table_and_has_named_fields() {
    let head = || quote!(table = "t", java = "j", vo = "v");
    let expand = crate::resource::expand;
    assert!(
        expand(
            head(),
            quote!(
                struct Row {
                    uuid: Uuid,
                }
            )
        )
        .is_ok()
    );
    assert_eq!(
        refused(expand(
            quote!(java = "j"),
            quote!(
                struct Row {}
            )
        )),
        "a resource needs `table = \"…\"`"
    );
    assert_eq!(
        refused(expand(
            head(),
            quote!(
                struct Row(Uuid);
            )
        )),
        "a resource has named fields"
    );
    let text = refused(expand(
        quote!(table = "t", joins(a)),
        quote!(
            struct Row {}
        ),
    ));
    assert_eq!(text, "a resource has no `joins(…)`");
    let text = refused(expand(
        head(),
        quote!(
            struct Row {
                #[field(primary)]
                uuid: Uuid,
            }
        ),
    ));
    assert_eq!(text, "a field has no rule `primary`");
}

#[test]
fn a_reply_is_members_or_all() {
    let item = || {
        quote!(
            struct Answer {
                value: String,
            }
        )
    };
    assert!(crate::reply::expand(quote!(members), item()).is_ok());
    let text = refused(crate::reply::expand(quote!(some), item()));
    assert_eq!(text, "a reply is `members` or `all`, not `some`");
}
