//! `#[api]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Fields, ItemStruct, LitInt, LitStr, Result, Token, Type, ext::IdentExt, parse::Parse, parse::ParseStream,
    punctuated::Punctuated,
};

use crate::attribute::{argument_of, camel_case, debug_impl, doc, last_name, take, unwrap_option};

/// How long a job and a synchronous call may take unless declared otherwise, in seconds (wire.md §9).
const JOB_TIMEOUT_SECS: u64 = 1800;
const SYNC_TIMEOUT_SECS: u64 = 300;

struct Declaration {
    verb: Ident,
    path: LitStr,
    also: Vec<LitStr>,
    texts: Vec<(Ident, LitStr)>,
    flags: Vec<Ident>,
    timeout_secs: Option<LitInt>,
    reply: Type,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let verb: Ident = input.parse()?;
        let path: LitStr = input.parse()?;
        let (mut also, mut texts, mut flags, mut timeout_secs, mut reply) = (vec![], vec![], vec![], None, None);
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            if !input.peek(Token![=]) {
                flags.push(key);
                continue;
            }
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "also" => also.push(input.parse()?),
                "timeout_secs" => timeout_secs = Some(input.parse()?),
                "reply" => reply = Some(input.parse()?),
                _ => texts.push((key, input.parse()?)),
            }
        }
        let reply = reply.ok_or_else(|| syn::Error::new(verb.span(), "an API needs `reply = Type`"))?;
        Ok(Self { verb, path, also, texts, flags, timeout_secs, reply })
    }
}

impl Declaration {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|ident| ident == flag)
    }

    fn text(&self, key: &str) -> Result<String> {
        self.text_if_any(key).ok_or_else(|| syn::Error::new(self.verb.span(), format!("an API needs `{key} = \"…\"`")))
    }

    fn text_if_any(&self, key: &str) -> Option<String> {
        self.texts.iter().find(|(ident, _)| ident == key).map(|(_, text)| text.value())
    }

    fn check_words(&self) -> Result<()> {
        const FLAGS: [&str; 6] = ["job", "create", "delete", "admin", "no_session", "secret_reply"];
        const KEYS: [&str; 4] = ["group", "service", "package", "body_key"];
        let flag = self.flags.iter().find(|ident| !FLAGS.contains(&ident.to_string().as_str()));
        let key = self.texts.iter().map(|(ident, _)| ident).find(|ident| !KEYS.contains(&ident.to_string().as_str()));
        match flag.or(key) {
            Some(odd) => Err(syn::Error::new(odd.span(), format!("an API has no `{odd}`"))),
            None => Ok(()),
        }
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let declaration: Declaration = syn::parse2(attribute)?;
    declaration.check_words()?;
    let mut item: ItemStruct = syn::parse2(item)?;
    let name = item.ident.clone();
    let text = name.to_string();
    let is_query = declaration.verb == "query";
    let method = match declaration.verb.to_string().as_str() {
        "get" | "query" => quote!(Get),
        "post" => quote!(Post),
        "put" => quote!(Put),
        "delete" => quote!(Delete),
        other => return Err(syn::Error::new(declaration.verb.span(), format!("`{other}` is no verb"))),
    };
    let templates: Vec<String> =
        std::iter::once(&declaration.path).chain(&declaration.also).map(LitStr::value).collect();
    let elsewhere = match declaration.verb.to_string().as_str() {
        "post" | "put" => quote!(Body),
        _ => quote!(Query),
    };
    let mut shown = Vec::new();
    let mut params = Vec::new();
    for field in &mut item.fields {
        let Some(ident) = field.ident.clone() else {
            return Err(syn::Error::new_spanned(&*field, "an API has named fields"));
        };
        let (param, sensitive) = param(field, &ident, &templates, &elsewhere)?;
        params.push(param);
        shown.push((ident, sensitive));
    }
    if !is_query {
        params.extend(common(&declaration, &elsewhere));
    }
    let kind = if is_query {
        let of = argument_of(&declaration.reply, "Inventories")
            .ok_or_else(|| syn::Error::new_spanned(&declaration.reply, "a query replies `Inventories<Resource>`"))?;
        quote!(::cumulo_schema::ApiKind::Query(<#of as ::cumulo_schema::Resource>::META.name))
    } else if declaration.has("create") {
        quote!(::cumulo_schema::ApiKind::Create)
    } else if declaration.has("delete") {
        quote!(::cumulo_schema::ApiKind::Delete)
    } else {
        quote!(::cumulo_schema::ApiKind::Plain)
    };
    let body_key = match (declaration.verb.to_string().as_str(), declaration.text_if_any("body_key")) {
        ("post" | "put", Some(key)) => quote!(Some(#key)),
        ("post", None) => quote!(Some("params")),
        ("put", None) => {
            let action = lower_first(&text);
            quote!(Some(#action))
        }
        _ => quote!(None),
    };
    let (group, service, package) =
        (declaration.text("group")?, declaration.text("service")?, declaration.text("package")?);
    let (is_job, needs_session) = (declaration.has("job"), !declaration.has("no_session"));
    let secret_reply = declaration.has("secret_reply");
    let rbac = if declaration.has("admin") { quote!(AdminOnly) } else { quote!(Normal) };
    let timeout: u64 = match &declaration.timeout_secs {
        Some(seconds) => seconds.base10_parse()?,
        None if is_job => JOB_TIMEOUT_SECS,
        None => SYNC_TIMEOUT_SECS,
    };
    let (java_class, default_timeout) = (format!("{package}.API{text}Msg"), (timeout * 1000).to_string());
    let (path, also, reply, doc) = (&declaration.path, &declaration.also, &declaration.reply, doc(&item.attrs));
    let by_uuid = is_query.then(|| format!("{}/{{uuid}}", path.value()));
    let by_uuid = by_uuid.filter(|by_uuid| !also.iter().any(|path| path.value() == *by_uuid)).into_iter();
    let debug = match &item.fields {
        Fields::Unit => quote!(#[derive(Debug)]),
        _ => quote!(),
    };
    let redacted = match &item.fields {
        Fields::Unit => quote!(),
        _ => debug_impl(&name, &shown),
    };
    Ok(quote! {
        #debug
        #[derive(Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        #item
        #redacted

        impl ::cumulo_schema::Api for #name {
            const META: &'static ::cumulo_schema::ApiMeta = &::cumulo_schema::ApiMeta {
                name: #text,
                doc: #doc,
                group: #group,
                service: #service,
                java_package: #package,
                java_class: #java_class,
                method: ::cumulo_schema::Method::#method,
                path: #path,
                optional_paths: &[#(#also,)* #(#by_uuid),*],
                body_key: #body_key,
                is_job: #is_job,
                needs_session: #needs_session,
                rbac: ::cumulo_schema::Rbac::#rbac,
                secret_reply: #secret_reply,
                kind: #kind,
                timeout_secs: #timeout,
                default_timeout: #default_timeout,
                params: &[#(#params),*],
                reply: <#reply as ::cumulo_schema::Reply>::SHAPE,
            };
            type Reply = #reply;
        }
    })
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The declaration of one parameter, and whether it is a secret.
fn param(
    field: &mut syn::Field,
    ident: &Ident,
    templates: &[String],
    elsewhere: &TokenStream,
) -> Result<(TokenStream, bool)> {
    let (mut wire, mut sensitive, mut json, mut has_default) = (None, false, None, false);
    let mut rules: Vec<TokenStream> = Vec::new();
    for attribute in take(field, "param") {
        attribute.parse_nested_meta(|meta| {
            let rule = meta.path.require_ident()?.clone();
            match rule.to_string().as_str() {
                "wire" => wire = Some(meta.value()?.parse::<LitStr>()?.value()),
                "json" => json = Some(meta.value()?.parse::<LitStr>()?.value()),
                "regex" => {
                    let value: syn::Expr = meta.value()?.parse()?;
                    rules.push(quote!(regex: Some(#value)));
                }
                "resource" => {
                    let value: LitStr = meta.value()?.parse()?;
                    rules.push(quote!(resource: Some(#value)));
                }
                "default" => {
                    let value: LitStr = meta.value()?.parse()?;
                    has_default = true;
                    rules.push(quote!(default: Some(#value)));
                }
                "max_length" => {
                    let value: LitInt = meta.value()?.parse()?;
                    rules.push(quote!(max_length: Some(#value)));
                }
                "range" => {
                    let inside;
                    syn::parenthesized!(inside in meta.input);
                    let bounds = Punctuated::<syn::Expr, Token![,]>::parse_terminated(&inside)?;
                    let mut bounds = bounds.iter();
                    match (bounds.next(), bounds.next(), bounds.next()) {
                        (Some(least), Some(greatest), None) => rules.push(quote!(range: Some((#least, #greatest)))),
                        _ => return Err(meta.error("a range has two bounds")),
                    }
                }
                "values" => {
                    let inside;
                    syn::parenthesized!(inside in meta.input);
                    let values = Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?;
                    let values = values.iter();
                    rules.push(quote!(valid_values: &[#(#values),*]));
                }
                "sensitive" => {
                    sensitive = true;
                    rules.push(quote!(sensitive: true));
                }
                "nonempty" | "no_empty_string" | "no_trim" | "success_if_missing" | "check_account"
                | "operation_target" => rules.push(quote!(#rule: true)),
                other => return Err(meta.error(format!("a parameter has no rule `{other}`"))),
            }
            Ok(())
        })?;
    }
    let (ty, optional) = unwrap_option(&field.ty);
    let kind = match json {
        Some(name) => quote!(Json(#name)),
        None => param_kind(ty)?,
    };
    let doc = doc(&field.attrs);
    if let Some(wire) = &wire {
        field.attrs.push(syn::parse_quote!(#[serde(rename = #wire)]));
    }
    if optional {
        field.attrs.push(syn::parse_quote!(#[serde(default, skip_serializing_if = "Option::is_none")]));
    }
    let wire = wire.unwrap_or_else(|| camel_case(&ident.unraw()));
    let in_path = templates.iter().any(|path| path.contains(&format!("{{{wire}}}")));
    let location = if in_path { quote!(Path) } else { elsewhere.clone() };
    let required = !optional && !has_default;
    let param = quote!(::cumulo_schema::ParamMeta {
        name: #wire,
        doc: #doc,
        kind: ::cumulo_schema::ParamKind::#kind,
        location: ::cumulo_schema::ParamIn::#location,
        required: #required,
        #(#rules,)*
        ..::cumulo_schema::ParamMeta::PLAIN
    });
    Ok((param, sensitive))
}

fn param_kind(ty: &Type) -> Result<TokenStream> {
    if let Some(item) = argument_of(ty, "Vec") {
        return Ok(if last_name(item).as_deref() == Some("i64") { quote!(LongList) } else { quote!(StringList) });
    }
    if let Some(value) = argument_of(ty, "BTreeMap") {
        return Ok(if argument_of(value, "Vec").is_some() { quote!(StringListMap) } else { quote!(StringMap) });
    }
    Ok(match last_name(ty).as_deref() {
        Some("String" | "Uuid") => quote!(String),
        Some("i32") => quote!(Integer),
        Some("i64") => quote!(Long),
        Some("bool") => quote!(Boolean),
        Some("Value") => quote!(Json("Object")),
        _ => return Err(syn::Error::new_spanned(ty, "no parameter has this type; say `json = \"…\"` for a structure")),
    })
}

/// Parameters that every API of a kind has.
fn common(declaration: &Declaration, elsewhere: &TokenStream) -> Vec<TokenStream> {
    let param = |name: &str, kind: TokenStream, doc: &str, more: TokenStream| {
        quote!(::cumulo_schema::ParamMeta {
            name: #name,
            doc: #doc,
            kind: ::cumulo_schema::ParamKind::#kind,
            location: ::cumulo_schema::ParamIn::#elsewhere,
            #more
            ..::cumulo_schema::ParamMeta::PLAIN
        })
    };
    let mut params = Vec::new();
    if declaration.has("create") {
        params.push(param("resourceUuid", quote!(String), "The id that the new resource gets.", quote!()));
        let rules = quote!(check_account: true, resource: Some("TagPatternVO"),);
        params.push(param("tagUuids", quote!(StringList), "Tag patterns to attach to it.", rules));
    }
    if declaration.has("delete") {
        let doc = "Permissive stops at a failure; Enforcing goes on over it.";
        params.push(param("deleteMode", quote!(String), doc, quote!(default: Some("Permissive"),)));
    }
    if declaration.verb != "get" {
        let doc = "Answers the plan of the call, and does nothing.";
        params.push(param("dryRun", quote!(Boolean), doc, quote!()));
    }
    params.push(param("systemTags", quote!(StringList), "Tags that the system understands.", quote!()));
    params.push(param("userTags", quote!(StringList), "Tags that mean something to people.", quote!()));
    params
}
