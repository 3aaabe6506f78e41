//! `#[derive(Decode)]`: one description of a configuration type, three uses.
//!
//! From a struct with named fields or an enum of plain words it generates the accumulating decoder,
//! and the shape from which JSON Schema and reference pages are made: doc comments become
//! descriptions, so that what the file accepts and what the documentation says cannot differ.
//!
//! On the type: `#[config(what = "a service", unserved = PATH)]`. On a field or variant:
//! `#[config(rename = "type", alias = "kind", default = EXPR)]`. Enum words are the variant names in
//! `snake_case`. It is not a serializer, and it knows nothing of YAML.

mod attributes;
mod choice;
mod record;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, Fields, parse_macro_input};

/// Derives `trunkline_config::decode::Decode`. See the crate's documentation.
#[proc_macro_derive(Decode, attributes(config))]
pub fn derive_decode(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let expanded = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => record::expand(&input, fields),
            _ => Err(syn::Error::new_spanned(&input, "Decode needs named fields")),
        },
        Data::Enum(data) => choice::expand(&input, data),
        Data::Union(_) => Err(syn::Error::new_spanned(&input, "Decode cannot read a union")),
    };
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
