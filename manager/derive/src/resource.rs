//! `#[resource]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    ItemStruct, LitStr, Result, Token, ext::IdentExt, parenthesized, parse::Parse, parse::ParseStream,
    punctuated::Punctuated,
};

use crate::attribute::{camel_case, debug_impl, doc, take};

#[derive(Default)]
struct Declaration {
    table: Option<LitStr>,
    java: Option<LitStr>,
    vo: Option<LitStr>,
    inventory: Option<LitStr>,
    type_field: Option<LitStr>,
    owned: bool,
    internal: bool,
    shareable: bool,
    seen_by: Vec<TokenStream>,
    parent: Option<TokenStream>,
    nested: Vec<TokenStream>,
    collections: Vec<TokenStream>,
    expands: Vec<TokenStream>,
    aliases: Vec<TokenStream>,
    uniques: Vec<TokenStream>,
}

/// `name: Resource` and the text of both.
fn named(input: ParseStream<'_>) -> Result<(String, String)> {
    let name = Ident::parse_any(input)?.unraw().to_string();
    input.parse::<Token![:]>()?;
    Ok((name, input.parse::<Ident>()?.to_string()))
}

/// `, from = to`.
fn join(input: ParseStream<'_>) -> Result<(String, String)> {
    input.parse::<Token![,]>()?;
    let from = Ident::parse_any(input)?.unraw().to_string();
    input.parse::<Token![=]>()?;
    Ok((from, Ident::parse_any(input)?.unraw().to_string()))
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut declaration = Self::default();
        while !input.is_empty() {
            declaration.item(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(declaration)
    }
}

/// `all`, `account = field`, `owner = field`, `user = field`, `user = Resource.field` or `flag = field`.
struct SeenBy(TokenStream);

impl Parse for SeenBy {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let kind: Ident = input.parse()?;
        if kind == "all" {
            return Ok(Self(quote!(::cumulo_schema::SeenBy::All)));
        }
        input.parse::<Token![=]>()?;
        let first = Ident::parse_any(input)?.unraw().to_string();
        let second = match input.parse::<Option<Token![.]>>()? {
            Some(_) => Some(Ident::parse_any(input)?.unraw().to_string()),
            None => None,
        };
        Ok(Self(match (kind.to_string().as_str(), second) {
            ("account", None) => quote!(::cumulo_schema::SeenBy::Account(#first)),
            ("owner", None) => quote!(::cumulo_schema::SeenBy::Owner(#first)),
            ("user", None) => quote!(::cumulo_schema::SeenBy::User(#first)),
            ("user", Some(field)) => quote!(::cumulo_schema::SeenBy::UserOf { resource: #first, field: #field }),
            ("flag", None) => quote!(::cumulo_schema::SeenBy::Flag(#first)),
            (other, _) => return Err(syn::Error::new(kind.span(), format!("nobody is known as `{other}` here"))),
        }))
    }
}

impl Declaration {
    fn item(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key = Ident::parse_any(input)?;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let value: LitStr = input.parse()?;
            let place = match key.to_string().as_str() {
                "table" => &mut self.table,
                "java" => &mut self.java,
                "vo" => &mut self.vo,
                "inventory" => &mut self.inventory,
                "type_field" => &mut self.type_field,
                other => return Err(syn::Error::new(key.span(), format!("a resource has no `{other}`"))),
            };
            *place = Some(value);
            return Ok(());
        }
        if key == "owned" {
            self.owned = true;
            return Ok(());
        }
        if key == "internal" {
            self.internal = true;
            return Ok(());
        }
        if key == "shareable" {
            self.shareable = true;
            return Ok(());
        }
        let inside;
        parenthesized!(inside in input);
        match key.to_string().as_str() {
            "parent" => {
                let resource = inside.parse::<Ident>()?.to_string();
                inside.parse::<Token![=]>()?;
                let value: LitStr = inside.parse()?;
                self.parent = Some(quote!(::cumulo_schema::Parent { resource: #resource, type_value: #value }));
            }
            "nested" => {
                let ((wire, resource), (from, to)) = (named(&inside)?, join(&inside)?);
                self.nested
                    .push(quote!(::cumulo_schema::Nested { wire: #wire, resource: #resource, from: #from, to: #to }));
            }
            "collection" => {
                let (wire, resource) = named(&inside)?;
                inside.parse::<Token![,]>()?;
                let join = Ident::parse_any(&inside)?.to_string();
                inside.parse::<Token![,]>()?;
                let field = Ident::parse_any(&inside)?.to_string();
                self.collections.push(
                    quote!(::cumulo_schema::Collection { wire: #wire, resource: #resource, join: #join, field: #field }),
                );
            }
            "expand" => {
                let hidden =
                    inside.fork().parse::<Ident>().is_ok_and(|word| word == "hidden") && !inside.peek2(Token![:]);
                if hidden {
                    inside.parse::<Ident>()?;
                }
                let ((name, resource), (from, to)) = (named(&inside)?, join(&inside)?);
                self.expands.push(quote!(::cumulo_schema::Expand {
                    name: #name, resource: #resource, from: #from, to: #to, hidden: #hidden
                }));
            }
            "alias" => {
                let name = Ident::parse_any(&inside)?.to_string();
                inside.parse::<Token![=]>()?;
                let path: LitStr = inside.parse()?;
                self.aliases.push(quote!(::cumulo_schema::Alias { name: #name, path: #path }));
            }
            "seen_by" => {
                let rules = Punctuated::<SeenBy, Token![,]>::parse_terminated(&inside)?;
                self.seen_by.extend(rules.into_iter().map(|rule| rule.0));
            }
            "unique" => {
                let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&inside, Ident::parse_any)?;
                let names = names.iter().map(ToString::to_string);
                self.uniques.push(quote!(&[#(#names),*]));
            }
            other => return Err(syn::Error::new(key.span(), format!("a resource has no `{other}(…)`"))),
        }
        Ok(())
    }
}

#[derive(Default)]
struct FieldRules {
    wire: Option<String>,
    hidden: bool,
    indexed: bool,
    unique: bool,
    long: bool,
    references: Option<String>,
    part_of: Vec<String>,
}

fn field_rules(field: &mut syn::Field) -> Result<FieldRules> {
    let mut rules = FieldRules::default();
    for attribute in take(field, "field") {
        attribute.parse_nested_meta(|meta| {
            let text = || -> Result<String> { Ok(meta.value()?.parse::<LitStr>()?.value()) };
            match meta.path.require_ident()?.to_string().as_str() {
                "wire" => rules.wire = Some(text()?),
                "references" => rules.references = Some(text()?),
                "part_of" => rules.part_of = text()?.split(',').map(|name| name.trim().to_owned()).collect(),
                "hidden" => rules.hidden = true,
                "indexed" => rules.indexed = true,
                "unique" => rules.unique = true,
                "long" => rules.long = true,
                other => return Err(meta.error(format!("a field has no rule `{other}`"))),
            }
            Ok(())
        })?;
    }
    Ok(rules)
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let declaration: Declaration = syn::parse2(attribute)?;
    let mut item: ItemStruct = syn::parse2(item)?;
    let name = item.ident.clone();
    let missing = |what: &str| syn::Error::new(Span::call_site(), format!("a resource needs `{what} = \"…\"`"));
    let table = declaration.table.ok_or_else(|| missing("table"))?;
    let java = declaration.java.ok_or_else(|| missing("java"))?;
    let vo = declaration.vo.ok_or_else(|| missing("vo"))?;
    let (mut metas, mut columns, mut cells, mut reads, mut shown) = (vec![], vec![], vec![], vec![], vec![]);
    for field in &mut item.fields {
        let rules = field_rules(field)?;
        let Some(ident) = field.ident.clone() else {
            return Err(syn::Error::new_spanned(&*field, "a resource has named fields"));
        };
        let (ty, column) = (&field.ty, ident.unraw().to_string());
        let wire = rules.wire.unwrap_or_else(|| camel_case(&ident));
        let (hidden, indexed, unique, long) = (rules.hidden, rules.indexed, rules.unique, rules.long);
        let part_of = rules.part_of;
        let references = rules.references.map_or_else(|| quote!(None), |resource| quote!(Some(#resource)));
        metas.push(quote!(::cumulo_schema::FieldMeta {
            wire: #wire,
            column: #column,
            kind: <#ty as ::cumulo_schema::FieldType>::KIND,
            nullable: <#ty as ::cumulo_schema::FieldType>::NULLABLE,
            hidden: #hidden,
            indexed: #indexed,
            unique: #unique,
            long: #long,
            references: #references,
            part_of: &[#(#part_of),*],
        }));
        let (constant, doc) = (format_ident!("{}", column.to_uppercase()), format!("Column `{column}`."));
        columns.push(quote!(#[doc = #doc] pub const #constant: ::cumulo_schema::Column<#name> = ::cumulo_schema::Column::new(#column);));
        cells.push(quote!(::cumulo_schema::FieldType::to_cell(&self.#ident)));
        let at = reads.len();
        reads.push(quote!(#ident: ::cumulo_schema::read_field(row, #at, #column)?));
        shown.push((ident, hidden));
    }
    let debug = debug_impl(&name, &shown);
    let (text, doc) = (name.to_string(), doc(&item.attrs));
    let inventory = declaration.inventory.map_or_else(|| format!("{text}Inventory"), |text| text.value());
    let optional = |value: Option<TokenStream>| value.map_or_else(|| quote!(None), |value| quote!(Some(#value)));
    let (parent, type_field) =
        (optional(declaration.parent), optional(declaration.type_field.map(|text| quote!(#text))));
    if declaration.shareable && !declaration.owned {
        return Err(syn::Error::new(Span::call_site(), "only what is `owned` can be `shareable`"));
    }
    let mut seen_by = declaration.seen_by;
    if declaration.owned {
        let rule = if declaration.shareable { quote!(User) } else { quote!(Owner) };
        seen_by.insert(0, quote!(::cumulo_schema::SeenBy::#rule("uuid")));
    }
    let Declaration { owned, internal, shareable, nested, collections, expands, aliases, uniques, .. } = declaration;
    Ok(quote! {
        #[derive(Clone, PartialEq)]
        #item
        #debug

        impl #name { #(#columns)* }

        impl ::cumulo_schema::Resource for #name {
            const META: &'static ::cumulo_schema::ResourceMeta = &::cumulo_schema::ResourceMeta {
                name: #text,
                inventory: #inventory,
                doc: #doc,
                table: #table,
                java_class: #java,
                vo: #vo,
                parent: #parent,
                type_field: #type_field,
                owned: #owned,
                internal: #internal,
                shareable: #shareable,
                seen_by: &[#(#seen_by),*],
                fields: &[#(#metas),*],
                nested: &[#(#nested),*],
                collections: &[#(#collections),*],
                expands: &[#(#expands),*],
                aliases: &[#(#aliases),*],
                uniques: &[#(#uniques),*],
            };

            fn cells(&self) -> ::std::vec::Vec<::cumulo_schema::Cell> {
                ::std::vec![#(#cells),*]
            }

            fn read(row: &dyn ::cumulo_schema::RowSource) -> ::std::result::Result<Self, ::cumulo_schema::CellError> {
                ::std::result::Result::Ok(Self { #(#reads),* })
            }
        }
    })
}
