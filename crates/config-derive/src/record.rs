//! Structs: maps with known keys.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, FieldsNamed};

use crate::attributes::Attributes;

/// The implementation for a struct with named fields.
pub(crate) fn expand(input: &DeriveInput, fields: &FieldsNamed) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let attributes = Attributes::read(&input.attrs)?;
    let what = attributes.what.clone().unwrap_or_else(|| name.to_string());
    let doc = &attributes.doc;
    let unserved = match &attributes.unserved {
        Some(path) => quote!(#path),
        None => quote!(::trunkline_config::unserved::NONE),
    };

    let mut takes = Vec::new();
    let mut builds = Vec::new();
    let mut shapes = Vec::new();
    let mut known = Vec::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let ty = &field.ty;
        let settings = Attributes::read(&field.attrs)?;
        let key = settings.rename.clone().unwrap_or_else(|| ident.to_string());
        let aliases = &settings.aliases;
        let doc = &settings.doc;
        known.push(key.clone());
        known.extend(aliases.iter().cloned());
        let names = quote!(&[#key #(, #aliases)*]);
        let (required, default) = if let Some(default) = &settings.default {
            takes.push(quote! {
                let #ident: #ty = fields.take_or(#names, || ::core::convert::Into::into(#default), context);
            });
            builds.push(quote!(#ident));
            let shown = quote! {{
                let value: #ty = ::core::convert::Into::into(#default);
                ::core::option::Option::Some(::std::string::ToString::to_string(&value))
            }};
            (quote!(false), shown)
        } else {
            takes.push(quote! {
                let #ident: ::core::option::Option<#ty> = fields.take(#names, context);
            });
            builds.push(quote!(#ident: #ident?));
            let required = quote!(<#ty as ::trunkline_config::decode::Decode>::absent().is_none());
            (required, quote!(::core::option::Option::None))
        };
        shapes.push(quote! {
            ::trunkline_config::decode::shape::FieldShape {
                name: #key,
                aliases: &[#(#aliases),*],
                doc: #doc,
                required: #required,
                default: #default,
                shape: <#ty as ::trunkline_config::decode::Decode>::shape(shapes),
            }
        });
    }

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
