//! Equal texts kept once, while many rollups are read.

use std::collections::HashSet;
use std::sync::Arc;

/// So many texts are remembered; then it begins anew.
const TEXTS_MAX: usize = 65_536;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The one copy of a text.
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        if self.0.len() >= TEXTS_MAX {
            self.0.clear();
        }
        let text = Arc::from(text);
        self.0.insert(Arc::clone(&text));
        text
    }
}
