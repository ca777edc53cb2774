//! The word that was probably meant.

/// The bound of a word: a longer one is no misspelling, and comparing it would take long.
const MAX_WORD_CHARS: usize = 64;

/// The candidate nearest to `word`, if it is near enough: at most a third of the word differs, upper and lower case
/// aside.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    if length > MAX_WORD_CHARS {
        return None;
    }
    let tolerance = (length / 3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The question behind a complaint about a word, if there is one that was probably meant.
pub fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// The candidates, the nearest to `word` first, upper and lower case aside; with a word that is too long, as they come.
pub fn nearest_first<'c>(word: &str, candidates: &'c [String]) -> Vec<&'c str> {
    let word = word.to_lowercase();
    let mut all: Vec<&str> = candidates.iter().map(String::as_str).collect();
    if word.chars().count() <= MAX_WORD_CHARS {
        all.sort_by_cached_key(|candidate| match candidate.chars().count() {
            0..=MAX_WORD_CHARS => distance(&word, &candidate.to_lowercase()),
            _ => usize::MAX,
        });
    }
    all
}

/// Levenshtein's distance: how many characters must be inserted, removed or replaced.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut above = row.clone();
    for (index, from_char) in from.iter().enumerate() {
        let mut next = vec![index + 1];
        for (column, to_char) in to.iter().enumerate() {
            let replaced = row[column] + usize::from(from_char != to_char);
            let nearer = replaced.min(row[column + 1] + 1).min(next[column] + 1);
            let swaps = index > 0 && column > 0 && from[index - 1] == *to_char && *from_char == to[column - 1];
            next.push(if swaps { nearer.min(above[column - 1] + 1) } else { nearer });
        }
        above = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_finds_its_word_and_another_word_does_not() {
        let keys = ["threshold", "threshold_mbps", "enabled", "sample_interval"];
        assert_eq!(nearest("treshold", keys), Some("threshold"));
        assert_eq!(nearest("Enabled", keys), Some("enabled"));
        assert_eq!(nearest("sample_intervall", keys), Some("sample_interval"));
        assert_eq!(nearest("paths", keys), None);
        assert_eq!(nearest("titel", ["title", "time"]), Some("title"));
    }

    #[test]
    fn distances_are_levenshteins_and_two_letters_that_change_places_are_one_step() {
        assert_eq!((distance("titel", "title"), distance("ab", "ba"), distance("abc", "cab")), (1, 1, 2));
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
