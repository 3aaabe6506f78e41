//! Enums: one of some words.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, DeriveInput, Fields};

use crate::attributes::Attributes;

/// The implementation for an enum without fields, and its `Display`.
pub(crate) fn expand(input: &DeriveInput, data: &DataEnum) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let mut choices = Vec::new();
    let mut shapes = Vec::new();
    let mut prints = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(variant, "Decode reads plain words only"));
        }
        let ident = &variant.ident;
        let settings = Attributes::read(&variant.attrs)?;
        let word = settings.rename.clone().unwrap_or_else(|| snake_case(&ident.to_string()));
        let doc = &settings.doc;
        for spelling in std::iter::once(&word).chain(&settings.aliases) {
            choices.push(quote!((#spelling, Self::#ident)));
        }
        shapes.push(quote!((#word, #doc)));
        prints.push(quote!(Self::#ident => #word));
    }

    Ok(quote! {
        impl ::trunkline_config::decode::Decode for #name {
            fn decode(
                node: &::trunkline_config::node::Node,
                context: &mut ::trunkline_config::decode::Context<'_>,
            ) -> ::core::option::Option<Self> {
                ::trunkline_config::decode::choose(node, &[#(#choices),*], context)
            }

            fn shape(
                _: &mut ::trunkline_config::decode::Shapes,
            ) -> ::trunkline_config::decode::Shape {
                ::trunkline_config::decode::Shape::Choice(::std::vec![#(#shapes),*])
            }
        }

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(match self { #(#prints),* })
            }
        }
    })
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
