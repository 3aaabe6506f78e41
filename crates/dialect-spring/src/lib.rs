//! The `resilience4j` tree of a Spring Boot `application.yml`, as policies of services.
//!
//! A Java team brings its file as it is (`include: [application.yml]`): each instance is a policy of
//! the service of the same name (`backendA` is `backend-a` as well). Instances inherit from
//! `configs`, `base-config` names which, and keys may be written in any of Spring's ways
//! (`failureRateThreshold`, `failure-rate-threshold`). What `trunkline.yaml` says of a service wins.
//! Classes of exceptions and predicates exist in one JVM only: they are told about, and the usual
//! failures count instead. The rest of the file is Spring's, and not looked at.

mod binding;
mod instances;
mod value;

use trunkline_config::builder::ModelBuilder;
use trunkline_config::decode::Spanned;
use trunkline_config::diagnostic::{Diagnostic, Diagnostics, codes};
use trunkline_config::dialect::Dialect;
use trunkline_config::node::Node;
use trunkline_config::source::SourceFile;
use trunkline_model::service::policies::Policies;

use instances::Instance;

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct Spring;

const ROOT: &str = "resilience4j";

impl Dialect for Spring {
    fn name(&self) -> &'static str {
        "Spring Boot"
    }

    fn recognizes(&self, file: &SourceFile) -> bool {
        file.documents().iter().any(|document| document.get(ROOT).is_some())
    }

    fn lower(
        &self,
        files: &[SourceFile],
        into: &mut ModelBuilder<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        for file in files {
            for tree in file.documents().iter().filter_map(|document| document.get(ROOT)) {
                lower_tree(tree, file, into, diagnostics);
            }
        }
    }
}

fn lower_tree(
    tree: &Node,
    file: &SourceFile,
    into: &mut ModelBuilder<'_>,
    diagnostics: &mut Diagnostics,
) {
    for Instance { name, policies, attempt } in instances::read(tree, file, diagnostics) {
        let wanted = kebab(&name.value);
        let found = into.services.iter_mut().find(|draft| {
            let known = draft.service.name.as_str();
            known == name.value || known == wanted
        });
        let Some(draft) = found else {
            diagnostics.push(nobody(&name));
            continue;
        };
        let own: &Policies = &draft.service.policies;
        draft.service.policies = own.or(&policies);
        let limit = &mut draft.service.timeouts.attempt;
        *limit = limit.or(attempt);
    }
}

fn nobody(name: &Spanned<String>) -> Diagnostic {
    Diagnostic::new(codes::NOT_SERVED, format!("no service is named `{}`", name.value))
        .at(name.span, "this instance protects nothing")
        .hint("instances are matched with `services` by name: `backendA` is `backend-a` as well")
}

/// `backendA` as names of services are written: `backend-a`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 2);
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 && !kebab.ends_with('-') {
            kebab.push('-');
        }
        kebab.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_beans_become_names_of_services() {
        for (name, expect) in
            [("backendA", "backend-a"), ("payment", "payment"), ("Order_Service", "order-service")]
        {
            assert_eq!(kebab(name), expect);
        }
    }
}
