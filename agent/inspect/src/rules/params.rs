//! Which questions are about a parameter.

use super::{
    index::{GroupId, Index},
    param_path::{Anchor, ParamPattern, Segment},
    text_map::{Lengths, TextMap},
};

/// Which groups a parameter belongs to.
#[derive(Debug, Default)]
pub(super) struct ParamGroups {
    /// By name; with a pattern if the path matters, too.
    by_name: TextMap<Vec<(Option<ParamPattern>, GroupId)>>,
    /// By a name in the path.
    by_inner: TextMap<Vec<(ParamPattern, GroupId)>>,
    others: Vec<(ParamPattern, GroupId)>,
    /// Questions about any parameter.
    all: Option<GroupId>,
    quick: Quick,
}

impl ParamGroups {
    /// Whether a look at the name of a parameter, at the longest in its path and at the length of its value tells that
    /// nobody asks about it. `false` says nothing. In the path there may be escapes: they make no name longer.
    #[inline]
    pub(super) fn are_foreign(&self, name: &[u8], longest_name: usize, value_len: usize) -> bool {
        longest_name < self.quick.any_from && !self.quick.lengths_for(name).contain(value_len)
    }

    /// Gets ready for [`are_foreign`](Self::are_foreign) once all questions are known.
    pub(super) fn settle(&mut self, index: &Index) {
        let Self { by_name, by_inner, others, all, quick } = self;
        quick.any_from = match all {
            _ if !(by_inner.is_empty() && others.is_empty()) => 0,
            Some(all) => index.any_from(*all),
            None => usize::MAX,
        };
        for (name, groups) in by_name.iter() {
            let lengths = groups.iter().map(|(_, group)| index.lengths(*group));
            quick.add(name, lengths.fold(Lengths::default(), Lengths::or));
        }
    }

    /// The group of questions about any parameter.
    pub(super) fn all_or_new(&mut self, new: impl FnOnce() -> GroupId) -> GroupId {
        *self.all.get_or_insert_with(new)
    }

    /// Whether `matters` says so of a group that the parameter may belong to, by its names, from the last outwards;
    /// `None` for an index.
    #[inline]
    pub(super) fn may_find<'a>(
        &self,
        name: &[u8],
        names: impl Iterator<Item = Option<&'a [u8]>>,
        mut matters: impl FnMut(GroupId) -> bool,
    ) -> bool {
        if self.all.is_some_and(&mut matters)
            || self.by_name.get(name).into_iter().flatten().any(|(_, group)| matters(*group))
            || self.others.iter().any(|(_, group)| matters(*group))
        {
            return true;
        }
        let inner =
            |name: &[u8]| self.by_inner.get(name).into_iter().flatten().any(|(_, group)| matters(*group));
        !self.by_inner.is_empty() && names.flatten().any(inner)
    }

    /// Calls `visit` with each group of the parameter at a path, whose name is known.
    #[inline]
    pub(super) fn find(&self, path: &[Segment<'_>], name: &[u8], mut visit: impl FnMut(GroupId)) {
        if let Some(group) = self.all {
            visit(group);
        }
        for (pattern, group) in self.by_name.get(name).into_iter().flatten() {
            if pattern.as_ref().is_none_or(|pattern| pattern.matches(path)) {
                visit(*group);
            }
        }
        if !self.by_inner.is_empty() {
            for (at, segment) in path.iter().enumerate() {
                let Segment::Key(key) = segment else { continue };
                // A name may stand in a path twice.
                if path.get(..at).is_some_and(|before| before.contains(segment)) {
                    continue;
                }
                for (pattern, group) in self.by_inner.get(key).into_iter().flatten() {
                    if pattern.matches(path) {
                        visit(*group);
                    }
                }
            }
        }
        for (pattern, group) in &self.others {
            if pattern.matches(path) {
                visit(*group);
            }
        }
    }

    pub(super) fn insert(&mut self, pattern: &ParamPattern, group: GroupId) {
        match pattern.anchor() {
            Anchor::Name(name) => self.by_name.slot(name).push((None, group)),
            Anchor::Last(name) => {
                self.by_name.slot(name).push((Some(pattern.clone()), group));
            }
            Anchor::Inner(name) => {
                self.by_inner.slot(name).push((pattern.clone(), group));
            }
            Anchor::None => self.others.push((pattern.clone(), group)),
        }
    }
}

/// What most parameters need no more than.
#[derive(Debug)]
struct Quick {
    /// The length from which on names in a path matter, whatever the name of the parameter.
    any_from: usize,
    /// Of the values that matter under the names that have this [place](Self::place).
    lengths: Box<[Lengths; 256]>,
}

impl Default for Quick {
    fn default() -> Self {
        Self { any_from: 0, lengths: Box::new([Lengths::default(); 256]) }
    }
}

impl Quick {
    fn add(&mut self, name: &[u8], lengths: Lengths) {
        let known = &mut self.lengths[usize::from(Self::place(name))];
        *known = known.or(lengths);
    }

    #[inline]
    fn lengths_for(&self, name: &[u8]) -> Lengths {
        self.lengths[usize::from(Self::place(name))]
    }

    /// By the length and the ends of a name: others may have the same.
    #[inline]
    fn place(name: &[u8]) -> u8 {
        let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
        let mixed = u32::from(*first) | u32::from(*last) << 8 | (name.len() as u32) << 16;
        (mixed.wrapping_mul(0x9e37_79b1) >> 24) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_share_what_matters() {
        let mut quick = Quick::default();
        quick.add(b"type", Lengths::of(5));
        quick.add(b"tone", Lengths::of(9));
        for (name, len, matters) in
            [("type", 5, true), ("tone", 5, true), ("tame", 9, true), ("type", 6, false), ("", 5, false)]
        {
            assert_eq!(quick.lengths_for(name.as_bytes()).contain(len), matters, "{name} {len}");
        }
    }
}
