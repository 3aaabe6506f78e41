//! Words in a text: letters and digits, upper and lower case being the same.

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
        let found: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        if self.adjacent {
            return found.windows(self.words.len()).any(|part| part == self.words);
        }
        self.words.iter().all(|word| found.contains(&word.as_str()))
    }
}
