//! `#[reply]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{ItemStruct, LitStr, Result, Type};

use crate::attribute::{argument_of, camel_case, last_name, take, unwrap_option};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let shape: Ident = syn::parse2(attribute)?;
    let variant = match shape.to_string().as_str() {
        "members" => quote!(Members),
        "all" => quote!(All),
        other => return Err(syn::Error::new(shape.span(), format!("a reply is `members` or `all`, not `{other}`"))),
    };
    let mut item: ItemStruct = syn::parse2(item)?;
    let name = item.ident.clone();
    let mut fields = Vec::new();
    for field in &mut item.fields {
        let Some(ident) = field.ident.clone() else {
            return Err(syn::Error::new_spanned(&*field, "a reply has named fields"));
        };
        let (mut wire, mut of) = (camel_case(&ident), type_name(&field.ty));
        for attribute in take(field, "member") {
            attribute.parse_nested_meta(|meta| {
                let text = meta.value()?.parse::<LitStr>()?.value();
                match meta.path.require_ident()?.to_string().as_str() {
                    "wire" => wire = text,
                    "of" => of = text,
                    other => return Err(meta.error(format!("a member has no rule `{other}`"))),
                }
                Ok(())
            })?;
        }
        let optional = unwrap_option(&field.ty).1;
        field.attrs.push(syn::parse_quote!(#[serde(rename = #wire)]));
        if optional {
            field.attrs.push(syn::parse_quote!(#[serde(default, skip_serializing_if = "Option::is_none")]));
        }
        fields.push(quote!(::cumulo_schema::ReplyField { name: #wire, type_name: #of }));
    }
    Ok(quote! {
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #item

        impl ::cumulo_schema::Reply for #name {
            const SHAPE: ::cumulo_schema::ReplyShape = ::cumulo_schema::ReplyShape::#variant(&[#(#fields),*]);
        }
    })
}

/// ZStack's name of a Rust type.
fn type_name(ty: &Type) -> String {
    let (ty, _) = unwrap_option(ty);
    if let Some(inner) = argument_of(ty, "Vec") {
        return format!("List<{}>", type_name(inner));
    }
    if let Some(inner) = argument_of(ty, "BTreeMap") {
        return format!("Map<String, {}>", type_name(inner));
    }
    match last_name(ty).as_deref() {
        Some("String" | "Uuid") => "String".to_owned(),
        Some("i64") => "Long".to_owned(),
        Some("i32") => "Integer".to_owned(),
        Some("bool") => "boolean".to_owned(),
        Some("Timestamp") => "Timestamp".to_owned(),
        Some(other) => other.to_owned(),
        None => "Object".to_owned(),
    }
}
