//! A text as a sentence: its first letter large, one full stop at its end.

pub(crate) fn capitalise(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub(crate) fn sentence(text: &str) -> String {
    format!("{}.", capitalise(text.trim_end_matches('.')))
}
