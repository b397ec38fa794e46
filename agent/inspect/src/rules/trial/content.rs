//! Telling the rules what a message holds, and passing over what none of them waits for.

use super::{RuleScratch, Trial};
use crate::{
    payload::{Outline, Place},
    rules::{
        counts::KeyHash,
        field::Field,
        index::{GroupId, Interest, Size, WORTH_IT},
        item::Item,
        param_path::{Segment, name_of},
        test::{TextValue, Value},
    },
};

/// Most bytes that a session keeps for paths from message to message.
const LONGEST_KEPT_PATH: usize = 1024;

impl<'a> Trial<'a> {
    /// Tells the text of the message as a whole. Best told first: what does not stand in it is not looked for in its
    /// parts.
    pub fn text(&mut self, payload: &'a [u8]) {
        if self.docket.needs_text {
            self.text = payload;
            self.text_is_due = true;
        }
    }

    /// Puts the text to its group, unless nothing that the group waits for is in it.
    pub(super) fn ask_text(&mut self) {
        let questions = &self.bound.set.questions;
        let Some(group) = questions.field(Field::Text).filter(|_| std::mem::take(&mut self.text_is_due))
        else {
            return;
        };
        let in_vain = self.surveyed.is_some_and(|(_, seen)| !seen.text);
        match questions.on_content.interest(group, Size::of(self.text, std::iter::empty())) {
            Interest::No => return,
            Interest::Literals if in_vain => return,
            Interest::Literals | Interest::Yes => {}
        }
        let text = TextValue::new(self.text);
        let item = Item::new(b"", &[], Value::Text(&text));
        questions.on_content.ask(&item, &[group], &mut self.scratch.answers);
    }

    /// Tells a parameter: where it stands, and its value as the application reads it, with the escapes of its envelope
    /// undone. Numbers, `true`, `false` and `null` are told as they are written.
    pub fn param(&mut self, path: &[Segment<'_>], value: &[u8]) {
        if self.docket.needs_params {
            self.find_groups(path, value);
        }
    }

    /// The same for a parameter of the message that is judged, whose path is followed only if somebody may ask about it.
    pub(crate) fn param_at(&mut self, place: &Place<'_>, value: &[u8]) {
        if !self.docket.needs_params {
            return;
        }
        let params = &self.bound.set.questions.params;
        match place.outline() {
            // Most.
            Some(outline)
                if params.are_foreign(outline.name, outline.longest_name, value.len())
                    && !outline.is_escaped() => {}
            outline => self.look_closer(outline, place, value),
        }
    }

    #[inline(never)]
    fn look_closer(&mut self, outline: Option<Outline<'_>>, place: &Place<'_>, value: &[u8]) {
        if let Some(outline) = outline
            && !outline.has_escapes()
        {
            let size = Size::of(value, outline.inside_out());
            let params = &self.bound.set.questions.params;
            let names = outline.inside_out();
            if !params.may_find(outline.name, names, |group| self.matters(group, size, value)) {
                return;
            }
        }
        place.with_path(|path| self.find_groups(path, value));
    }

    /// Whether a group may have a question that a value of this size answers with yes.
    fn matters(&mut self, group: GroupId, size: Size, value: &[u8]) -> bool {
        match self.bound.set.questions.on_content.interest(group, size) {
            Interest::No => false,
            Interest::Literals => !self.waits_in_vain(group, value),
            Interest::Yes => true,
        }
    }

    /// Whether no literal of a group stands in the message of which a value is a part.
    fn waits_in_vain(&mut self, group: GroupId, value: &[u8]) -> bool {
        let (part, text) = (value.as_ptr_range(), self.text.as_ptr_range());
        if value.len() < WORTH_IT || part.start < text.start || text.end < part.end {
            return false;
        }
        if self.surveyed.is_none() && self.text_is_due {
            let index = &self.bound.set.questions.on_content;
            let seen = index.survey(group, self.text, &mut self.scratch.answers);
            self.surveyed = seen.map(|seen| (group, seen));
        }
        self.surveyed.is_some_and(|(surveyed, seen)| surveyed == group && !seen.value)
    }

    /// Puts a parameter to those who may ask about it.
    fn find_groups(&mut self, path: &[Segment<'_>], value: &[u8]) {
        let questions = &self.bound.set.questions;
        let name = name_of(path);
        let size = Size::of(value, path.iter().rev().map(Segment::name));
        let mut groups = std::mem::take(&mut self.scratch.groups);
        groups.clear();
        questions.params.find(path, name, |group| {
            if self.matters(group, size, value) {
                groups.push(group);
            }
        });
        self.scratch.groups = groups;
        if !self.scratch.groups.is_empty() {
            self.ask(name, path, value);
        }
    }

    /// Puts a parameter to its groups. Most never come here.
    #[inline(never)]
    fn ask(&mut self, name: &[u8], path: &[Segment<'_>], value: &[u8]) {
        let questions = &self.bound.set.questions;
        let RuleScratch { groups, answers, captures, path_text, .. } = &mut *self.scratch;
        for (_, slot) in questions.captured.iter().filter(|(group, _)| groups.contains(group)) {
            if let Some(slot) = captures.get_mut(*slot) {
                // Of several the last, which is what applications use.
                *slot = Some(KeyHash::of(value));
            }
        }
        let text = TextValue::new(value);
        let item = Item::new(name, path, Value::Text(&text)).with_buffer(std::mem::take(path_text));
        questions.on_content.ask(&item, groups, answers);
        *path_text = item.into_buffer();
        // A peer may have chosen a long one.
        path_text.clear();
        path_text.shrink_to(LONGEST_KEPT_PATH);
    }
}
