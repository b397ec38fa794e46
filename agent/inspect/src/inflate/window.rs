//! What the messages of a connection may refer back to.

use super::Inflater;

/// The last bytes of all messages so far, at most [`Inflater::WINDOW`].
#[derive(Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where the oldest byte is.
    start: usize,
}

impl Window {
    /// Memory in bytes.
    pub(super) const fn buffered_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Goes on to the end of a message, of which `text` is all or at least so much as can be referred to.
    pub(super) fn extend(&mut self, text: &[u8]) {
        let text = text.get(text.len().saturating_sub(Inflater::WINDOW)..).unwrap_or(text);
        let (first, rest) = text.split_at(text.len().min(Inflater::WINDOW - self.bytes.len()));
        let needed = self.bytes.len() + first.len();
        if needed > self.bytes.capacity() {
            let capacity = needed.max(2 * self.bytes.capacity()).min(Inflater::WINDOW);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(first);
        // Full: the oldest bytes give way.
        let (end, begin) = rest.split_at(rest.len().min(self.bytes.len() - self.start));
        for (start, part) in [(self.start, end), (0, begin)] {
            if let Some(oldest) = self.bytes.get_mut(start..start + part.len()) {
                oldest.copy_from_slice(part);
            }
        }
        if !rest.is_empty() {
            self.start = (self.start + rest.len()) % Inflater::WINDOW;
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// The bytes, from the oldest on, in two parts.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (newer, older) = self.bytes.split_at(self.start.min(self.bytes.len()));
        [older, newer]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_last_bytes_of_all_messages() {
        for lens in
            [&[0, 1, 5][..], &[40_000], &[32_768], &[32_767, 1, 1], &[20_000, 20_000, 3, 32_768, 70_000]]
        {
            let (mut window, mut all) = (Window::default(), Vec::new());
            for len in lens.iter().chain([100; 700].iter()) {
                let text: Vec<u8> = (0..*len).map(|n: usize| (n * 7 + all.len() / 50) as u8).collect();
                window.extend(&text);
                all.extend_from_slice(&text);
                let last = &all[all.len().saturating_sub(Inflater::WINDOW)..];
                assert!(window.parts().concat() == last, "{lens:?}, {} bytes", all.len());
                assert!(window.buffered_bytes() <= Inflater::WINDOW);
            }
            window.clear();
            window.extend(b"x");
            assert_eq!(window.parts().concat(), b"x");
        }
    }
}
