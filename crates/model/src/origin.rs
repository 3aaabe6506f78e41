//! Where an object of the Model was written.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// File, line and column of the text that asked for an object.
///
/// Excluded from equality and hashing: an object that only moved within its file did not change,
/// and a reload must find it unchanged.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file as the person named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Origin {
    /// An origin in `file`.
    pub fn new(file: impl AsRef<str>, line: u32, column: u32) -> Self {
        Self { file: Arc::from(file.as_ref()), line, column }
    }

    /// The origin of what no file asked for: a default or an inference.
    pub fn built_in() -> Self {
        Self::new("(built in)", 0, 0)
    }
}

impl PartialEq for Origin {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
