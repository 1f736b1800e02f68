//! What the three macros share: reading attributes, names and documentation.

use proc_macro2::Ident;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Field, GenericArgument, Lit, Meta, PathArguments, Type, ext::IdentExt};

/// `zone_uuid` as `zoneUuid`.
pub(crate) fn camel_case(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                camel.extend(letter.to_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}

/// The doc comment as one paragraph.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(line).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Takes the attributes called `name` off a field.
pub(crate) fn take(field: &mut Field, name: &str) -> Vec<Attribute> {
    let (taken, kept) = std::mem::take(&mut field.attrs).into_iter().partition(|a| a.path().is_ident(name));
    field.attrs = kept;
    taken
}

/// `Option<T>` as `T`, and whether it was one.
pub(crate) fn unwrap_option(ty: &Type) -> (&Type, bool) {
    match argument_of(ty, "Option") {
        Some(inner) => (inner, true),
        None => (ty, false),
    }
}

/// The argument of `Name<T>`.
pub(crate) fn argument_of<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().rev().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The last segment of a type's path: `Uuid` of `cumulo_schema::Uuid`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// A `Debug` implementation that shows `***` for the fields in `secret`.
pub(crate) fn debug_impl(name: &Ident, fields: &[(Ident, bool)]) -> proc_macro2::TokenStream {
    let text = name.to_string();
    let shown = fields.iter().map(|(field, secret)| {
        let label = field.unraw().to_string();
        if *secret { quote!(.field(#label, &"***")) } else { quote!(.field(#label, &self.#field)) }
    });
    quote! {
        impl ::std::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(#text)#(#shown)*.finish()
            }
        }
    }
}
