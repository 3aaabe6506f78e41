//! What `#[config(...)]` and doc comments say.

use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path};

/// The settings of a type, field or variant.
#[derive(Default)]
pub(crate) struct Attributes {
    /// The text of the doc comment, its lines joined; a blank line stays one line break.
    pub(crate) doc: String,
    /// The key or word, if it is not the identifier.
    pub(crate) rename: Option<String>,
    /// Further spellings.
    pub(crate) aliases: Vec<String>,
    /// The value of an absent key.
    pub(crate) default: Option<Expr>,
    /// The type's name in messages, with its article.
    pub(crate) what: Option<String>,
    /// The table of keys that are not served.
    pub(crate) unserved: Option<Path>,
}

impl Attributes {
    /// Reads the attributes of one item.
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut read = Self::default();
        let mut lines = Vec::new();
        for attribute in attributes {
            if let Some(line) = doc_line(attribute) {
                lines.push(line);
            } else if attribute.path().is_ident("config") {
                attribute.parse_nested_meta(|meta| {
                    let text = || meta.value()?.parse::<LitStr>().map(|text| text.value());
                    if meta.path.is_ident("rename") {
                        read.rename = Some(text()?);
                    } else if meta.path.is_ident("alias") {
                        read.aliases.push(text()?);
                    } else if meta.path.is_ident("what") {
                        read.what = Some(text()?);
                    } else if meta.path.is_ident("default") {
                        read.default = Some(meta.value()?.parse()?);
                    } else if meta.path.is_ident("unserved") {
                        read.unserved = Some(meta.value()?.parse()?);
                    } else {
                        return Err(meta.error("unknown setting"));
                    }
                    Ok(())
                })?;
            }
        }
        read.doc = join(&lines);
        Ok(read)
    }
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else {
        return None;
    };
    attribute.path().is_ident("doc").then(|| text.value().trim().to_owned())
}

fn join(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        if line.is_empty() {
            text.push('\n');
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(line);
        }
    }
    text.trim().to_owned()
}
