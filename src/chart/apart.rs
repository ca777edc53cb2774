//! Names that are too long for their place, cut so that they are told apart.

/// The part of a name that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Ends,
    Head,
}

impl Kept {
    /// How much of `room` is for the beginning, and how much for the end.
    pub fn split(self, room: usize) -> [usize; 2] {
        match self {
            Kept::Ends => [room.div_ceil(2), room / 2],
            Kept::Head => [room, 0],
        }
    }
}

/// So many of the characters that names have in common stay before those that differ.
const COMMON: usize = 7;

/// Each name as `cut` leaves it, without its middle. Names that are one and the same then begin shortly before their first
/// difference, and `gap` stands for the part before that.
pub(super) fn told_apart(names: &[&str], gap: &str, cut: &dyn Fn(usize, &str, Kept) -> String) -> Vec<String> {
    let cuts: Vec<String> = names.iter().enumerate().map(|(number, name)| cut(number, name, Kept::Ends)).collect();
    let told = |(number, name): (usize, &&str)| {
        let alike = (0..names.len()).filter(|other| cuts[*other] == cuts[number] && names[*other] != *name);
        let Some(common) = alike.map(|other| common_characters(name, names[other])).min() else {
            return cuts[number].clone();
        };
        let skipped = common.saturating_sub(COMMON);
        let rest: String = name.chars().skip(skipped).collect();
        let rest = if skipped > gap.chars().count() { format!("{gap}{rest}") } else { (*name).to_owned() };
        cut(number, &rest, Kept::Head)
    };
    names.iter().enumerate().map(told).collect()
}

fn common_characters(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_names_with_the_same_ends_the_part_that_differs_stays() {
        let cut = |_: usize, name: &str, kept: Kept| {
            let [head, tail] = kept.split(11);
            if name.len() <= 13 {
                name.to_owned()
            } else {
                format!("{}..{}", &name[..head], &name[name.len() - tail..])
            }
        };
        assert_eq!(told_apart(&["web", "a-name-for-tests"], "..", &cut), ["web", "a-name..tests"]);
        let tasks = ["production-worker-3.k3j9x0", "production-worker-7.k3j9x0"];
        assert_eq!(told_apart(&tasks, "..", &cut), ["..worker-3...", "..worker-7..."]);
        assert_eq!(told_apart(&["of-one-and-the-same"; 2], "..", &cut), ["of-one..-same"; 2]);
    }
}
