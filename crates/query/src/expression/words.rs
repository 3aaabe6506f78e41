//! Words in a text: letters and digits, upper and lower case being the same.

use std::collections::HashSet;

/// Words that a text must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// In lower case.
    words: Vec<String>,
    /// One after another, in this order.
    adjacent: bool,
}

/// Something is not a word: it is empty, or has more in it than letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a word of letters and digits")]
pub struct NoWord(pub String);

impl Words {
    /// A text must have each of these; next to each other in this order if they are `adjacent`.
    ///
    /// # Errors
    /// One of them is no word.
    pub fn new(
        words: impl IntoIterator<Item = impl AsRef<str>>,
        adjacent: bool,
    ) -> Result<Self, NoWord> {
        let word = |word: &str| {
            let is_word = !word.is_empty() && word.chars().all(char::is_alphanumeric);
            is_word.then(|| word.to_lowercase()).ok_or_else(|| NoWord(word.to_owned()))
        };
        let words: Vec<String> =
            words.into_iter().map(|one| word(one.as_ref())).collect::<Result<_, _>>()?;
        if words.is_empty() { Err(NoWord(String::new())) } else { Ok(Self { words, adjacent }) }
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.words.len()
    }

    /// Whether a text has them.
    pub fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let found = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        if self.adjacent {
            // As texts, which are looked for in linear time whatever is in them.
            return spaced(found).contains(&spaced(self.words.iter().map(String::as_str)));
        }
        let mut missing: HashSet<&str> = self.words.iter().map(String::as_str).collect();
        for word in found {
            if missing.remove(word) && missing.is_empty() {
                return true;
            }
        }
        false
    }
}

/// Words with a space around each: no word has one in it.
fn spaced<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::from(" ");
    for word in words {
        text.push_str(word);
        text.push(' ');
    }
    text
}
