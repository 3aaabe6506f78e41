//! Structs: maps with known keys.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Field, FieldsNamed};

use crate::attributes::Attributes;

/// What is generated for one field.
struct Part {
    /// The key and its aliases.
    names: Vec<String>,
    /// `let field = …;`
    take: TokenStream,
    /// Its entry in the struct literal.
    build: TokenStream,
    /// Its `FieldShape`.
    shape: TokenStream,
}

/// The implementation for a struct with named fields.
pub(crate) fn expand(input: &DeriveInput, fields: &FieldsNamed) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let attributes = Attributes::read(&input.attrs)?;
    let what = attributes.what.unwrap_or_else(|| name.to_string());
    let doc = &attributes.doc;
    let unserved = match &attributes.unserved {
        None => quote!(::trunkline_config::unserved::NONE),
        Some(path) => quote!(#path),
    };
    let parts: Vec<Part> = fields.named.iter().map(part).collect::<syn::Result<_>>()?;
    let known = parts.iter().flat_map(|part| &part.names);
    let takes = parts.iter().map(|part| &part.take);
    let builds = parts.iter().map(|part| &part.build);
    let shapes = parts.iter().map(|part| &part.shape);

    Ok(quote! {
        impl ::trunkline_config::decode::Decode for #name {
            fn decode(
                node: &::trunkline_config::node::Node,
                context: &mut ::trunkline_config::decode::Context<'_>,
            ) -> ::core::option::Option<Self> {
                let fields = ::trunkline_config::decode::Fields::open(node, #what, context)?;
                #(#takes)*
                fields.finish(&[#(#known),*], #unserved, context);
                ::core::option::Option::Some(Self { #(#builds),* })
            }

            fn shape(
                shapes: &mut ::trunkline_config::decode::Shapes,
            ) -> ::trunkline_config::decode::Shape {
                shapes.define(#what, |shapes| ::trunkline_config::decode::shape::StructShape {
                    doc: #doc,
                    fields: ::std::vec![#(#shapes),*],
                    unserved: #unserved,
                })
            }
        }
    })
}

fn part(field: &Field) -> syn::Result<Part> {
    let ident = field
        .ident
        .as_ref()
        .ok_or_else(|| syn::Error::new_spanned(field, "Decode needs named fields"))?;
    let ty = &field.ty;
    let Attributes { doc, rename, aliases, default, .. } = Attributes::read(&field.attrs)?;
    let key = rename.unwrap_or_else(|| ident.to_string());
    let names = quote!(&[#key #(, #aliases)*]);
    let (take, build, required, shown);
    if let Some(default) = &default {
        take = quote! {
            let #ident: #ty =
                fields.take_or(#names, || ::core::convert::Into::into(#default), context);
        };
        build = quote!(#ident);
        required = quote!(false);
        shown = quote! {{
            let value: #ty = ::core::convert::Into::into(#default);
            ::core::option::Option::Some(::std::string::ToString::to_string(&value))
        }};
    } else {
        take = quote! {
            let #ident: ::core::option::Option<#ty> = fields.take(#names, context);
        };
        build = quote!(#ident: #ident?);
        required = quote!(<#ty as ::trunkline_config::decode::Decode>::absent().is_none());
        shown = quote!(::core::option::Option::None);
    }
    let shape = quote! {
        ::trunkline_config::decode::shape::FieldShape {
            name: #key,
            aliases: &[#(#aliases),*],
            doc: #doc,
            required: #required,
            default: #shown,
            shape: <#ty as ::trunkline_config::decode::Decode>::shape(shapes),
        }
    };
    let names = std::iter::once(key).chain(aliases).collect();
    Ok(Part { names, take, build, shape })
}
