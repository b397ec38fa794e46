//! Judges tags: which elements and attributes run script or load it?

use crate::detect::{
    Found, Strength,
    any_case::starts,
    xss::{
        css,
        handler::is_handler,
        small::Small,
        tag::{Attributes, Tag, Tags},
        url::{self, Scheme},
    },
};

/// What was seen of the tags of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Markup {
    /// Something that runs script.
    pub(super) active: bool,
    /// A tag of any kind.
    pub(super) any: bool,
}

/// Reads all tags of a value.
pub(super) fn read(text: &[u8], found: &mut Found) -> Markup {
    let mut markup = Markup::default();
    let lines = has_lines(text);
    let mut styles = STYLES;
    let mut ends = 0;
    let mut opened = false;
    break_out(text, lines, found);
    markup.active |= !found.is_empty();
    for tag in Tags::of(text) {
        let region = text.get(tag.at.end..tag.next).unwrap_or_default();
        if tag.name.len() < 3 && memchr::memchr(b'=', region).is_none() {
            markup.any = true;
            opened |= !tag.closes;
            continue;
        }
        let mut judge = Judge::new(text, &tag, lines, &mut styles);
        let mut attributes = Attributes::of(text, &tag);
        for attribute in &mut attributes {
            let name = text.get(attribute.name.clone()).unwrap_or_default();
            let value = attribute.value.map(|value| text.get(value).unwrap_or_default());
            judge.attribute(name, value, attribute.name, found);
        }
        judge.element(attributes.at, found);
        markup.active |= judge.active;
        markup.any = true;
        if tag.closes {
            ends += u32::from(judge.ends && !opened);
            let script = judge.name.as_bytes() == b"script" && !opened && !lines;
            let code = text.get(..tag.at.start).unwrap_or_default();
            if script && ends == 1 && code.trim_ascii_end().ends_with(b";") {
                markup.active = true;
                found.push("end of a script that did not begin", Strength::Strong, tag.at.clone());
            }
        } else {
            opened = true;
        }
        if ends == 3 {
            markup.active = true;
            found.push("ends of elements that did not begin", Strength::Strong, tag.at.clone());
        }
        if found.is_certain() {
            return markup;
        }
    }
    markup
}

/// A value that begins with the end of an attribute, of a comment or of an element whose content is no markup, and
/// goes on with a tag.
fn break_out(text: &[u8], lines: bool, found: &mut Found) {
    const ENDS: [&[u8]; 10] = [
        b"</script",
        b"</title",
        b"</textarea",
        b"</style",
        b"</noscript",
        b"</template",
        b"</xmp",
        b"</noembed",
        b"</select",
        b"</iframe",
    ];
    let text = text.trim_ascii_start();
    let Some(&first) = text.first() else { return };
    let closes = match first {
        b'"' | b'\'' | b'`' | b'\\' => {
            let quotes = text.iter().take(8).take_while(|byte| {
                matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b' ' | b'/' | b')' | b'}' | b']' | b';')
            });
            quotes.count()
        }
        b'-' if text.starts_with(b"--") => 2 + usize::from(text.get(2) == Some(&b'!')),
        b']' if text.starts_with(b"]]>") => 2,
        b'<' if !lines => {
            let Some(end) = ENDS.iter().find(|end| starts(text, end)) else {
                return;
            };
            end.len()
        }
        _ => return,
    };
    let Some(rest) = text.get(closes..).and_then(|rest| rest.strip_prefix(b">")) else { return };
    let blank = rest.iter().take(4).take_while(|byte| matches!(byte, b' ' | b'>' | b'\'' | b'"')).count();
    let rest = rest.get(blank..).unwrap_or_default();
    if rest.first() == Some(&b'<')
        && rest.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!' | b'?'))
    {
        found.push("what surrounds it ended, then a tag", Strength::Strong, 0..closes + 2);
    }
}

/// Whether the value has several lines. People paste pages and pieces of them, with tags that attacks have, too.
pub(super) fn has_lines(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', text).take(3).count() == 3
}

/// Style sheets that are read in one value. Reading one takes memory.
const STYLES: u32 = 48;

/// Gathers what the attributes of a tag say.
struct Judge<'a> {
    text: &'a [u8],
    tag: &'a Tag,
    name: Small,
    pasted: bool,
    /// The value has several lines.
    lines: bool,
    /// How many style sheets may still be read.
    styles: &'a mut u32,
    active: bool,
    /// It ends an element whose content is no markup.
    ends: bool,
    attributes: u32,
    player: bool,
    /// A URL with a host, in an attribute that loads.
    loads: bool,
    remote: bool,
    stylesheet: bool,
    /// It is loaded ahead of its use.
    fetches: bool,
    /// `type=image`
    image: bool,
    data: bool,
    refresh: bool,
    /// `xlink:href` with a host.
    links: bool,
    animates: bool,
    sets: bool,
    /// What is entered goes to another host.
    sends: bool,
}

impl<'a> Judge<'a> {
    fn new(text: &'a [u8], tag: &'a Tag, lines: bool, styles: &'a mut u32) -> Self {
        let pasted = lines && text.len() >= 200;
        Self {
            text,
            tag,
            name: Small::lower(text.get(tag.name.clone()).unwrap_or_default()),
            pasted,
            lines,
            styles,
            active: false,
            ends: false,
            attributes: 0,
            player: false,
            loads: false,
            remote: false,
            stylesheet: false,
            fetches: false,
            image: false,
            data: false,
            refresh: false,
            links: false,
            animates: false,
            sets: false,
            sends: false,
        }
    }

    fn push(
        &mut self,
        what: &'static str,
        strength: Strength,
        at: std::ops::Range<usize>,
        found: &mut Found,
    ) {
        self.active |= strength >= Strength::Medium;
        found.push(what, strength, at);
    }

    fn attribute(
        &mut self,
        name: &[u8],
        value: Option<&[u8]>,
        at: std::ops::Range<usize>,
        found: &mut Found,
    ) {
        self.attributes += 1;
        let whole = self.tag.at.start..at.end;
        let small = Small::lower(name);
        let full = small.as_bytes();
        let Some(value) = value else { return };

        let local = full
            .iter()
            .rposition(|byte| *byte == b':')
            .and_then(|colon| full.get(colon + 1..))
            .unwrap_or(full);
        let letters = local.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if is_handler(local.get(..letters).unwrap_or_default())
            && !matches!(local.get(letters), Some(b'-' | b'.' | b'_'))
        {
            // JSX: `onClick={handler}`.
            let component = value.starts_with(b"{") && name.get(2).is_some_and(u8::is_ascii_uppercase);
            if component {
                found.push("component with a handler", Strength::Weak, whole);
            } else if !value.trim_ascii().is_empty() {
                self.push("tag with an event handler", Strength::Strong, whole, found);
            }
            return;
        }

        match url::scheme(value) {
            Scheme::Script => {
                let code =
                    memchr::memchr(b':', value).and_then(|colon| value.get(colon + 1..)).unwrap_or_default();
                if url::is_idle(code) {
                    found.push("link without a target", Strength::Weak, whole);
                } else {
                    self.push("attribute with a URL that runs script", Strength::Strong, whole, found);
                }
                return;
            }
            Scheme::ActiveData
                if local != b"srcset" && !(self.name.as_bytes() == b"img" && local == b"src") =>
            {
                self.push("attribute with a document in its URL", Strength::Strong, whole, found);
                return;
            }
            Scheme::Remote => {
                self.links |= full == b"xlink:href";
                // `<img src="//host?`: the quote that is missing comes later in the page, and what is between is sent.
                let quote = at.end.checked_add(1).and_then(|begin| self.text.get(begin));
                let swallows = !self.lines
                    && matches!(quote, Some(b'"' | b'\''))
                    && quote.is_some_and(|quote| {
                        memchr::memchr(*quote, self.text.get(at.end + 2..).unwrap_or_default()).is_none()
                    });
                if swallows {
                    self.push("attribute that does not end", Strength::Strong, whole.clone(), found);
                }
                self.remote |= matches!(local, b"src" | b"href" | b"data" | b"code" | b"codebase" | b"action")
            }
            Scheme::ActiveData | Scheme::Other => {}
        }
        match local {
            b"src" if is_player(value) => {
                self.player = true;
                self.loads = true;
            }
            b"type" if value.eq_ignore_ascii_case(b"image") => self.image = true,
            b"type" | b"language" if self.name.as_bytes() != b"script" && contains(value, b"script") => {
                self.push("script in another element", Strength::Strong, whole, found);
            }
            b"src" | b"data" | b"code" | b"codebase" | b"classid" | b"archive" | b"object" | b"movie" => {
                self.loads |= !value.trim_ascii().is_empty();
            }
            b"href" if is_odd(value) => {
                self.push("link with an unusual scheme", Strength::Strong, whole, found);
            }
            b"href" => {
                self.loads |= !value.trim_ascii().is_empty();
                self.data |= starts(value, b"data:");
                if self.name.as_bytes() == b"xml-stylesheet" && value.trim_ascii().starts_with(b"#") {
                    self.push("style sheet within the document", Strength::Strong, whole, found);
                }
            }
            b"is" if contains(value, b"script") => {
                self.push("component that is a script", Strength::Strong, whole, found);
            }
            b"class" | b"id" if value == b"dlfx" => {
                self.push("mark of a scanner", Strength::Strong, whole, found);
            }
            b"event" if full == b"ev:event" => {
                self.push("tag with an event handler", Strength::Strong, whole, found)
            }
            b"srcdoc" => self.push("frame with its document", Strength::Strong, whole, found),
            b"ping" if matches!(url::scheme(value), Scheme::Remote) => {
                self.push("link that reports elsewhere", Strength::Strong, whole, found);
            }
            b"action" => self.sends = self.remote,
            b"formaction" => self.push("button with a target of its own", Strength::Strong, whole, found),
            b"style" if self.may_read_style() && css::runs_script(value) => {
                self.push("style that runs script", Strength::Strong, whole, found)
            }
            b"datasrc" | b"datafld" | b"dataformatas" => {
                self.push("data binding", Strength::Strong, whole, found);
            }
            b"implementation" => self.push("element behaviour", Strength::Strong, whole, found),
            b"rel" => {
                self.fetches |= contains(value, b"pre") && !contains(value, b"connect");
                self.stylesheet |= contains(value, b"stylesheet") || contains(value, b"import");
            }
            b"http-equiv" => {
                self.refresh |= !value.trim_ascii().eq_ignore_ascii_case(b"content-type")
                    && !contains(value, b"x-ua-compatible")
                    && !contains(value, b"content-language");
            }
            b"content" | b"charset"
                if contains(value, b"utf-7") || contains(value, b"utf7") || contains(value, b"x-mac-") =>
            {
                self.push("text in UTF-7", Strength::Strong, whole, found);
            }
            b"content"
                if contains(value, b"url") && (contains(value, b"script:") || contains(value, b"data:")) =>
            {
                self.push("redirect that runs script", Strength::Strong, whole, found);
            }
            b"attributename" => {
                let value = value.trim_ascii();
                self.animates |= contains(value, b"href")
                    || is_handler(&value.to_ascii_lowercase())
                    || contains(value, b"innerhtml");
            }
            b"to" | b"values" | b"from" | b"by" => self.sets = true,
            _ => {}
        }
    }

    /// Whether the name of the element stands in a sentence: `the <script> tag`.
    fn is_spoken_of(&self, end: usize) -> bool {
        let Some((b'>', behind)) = self.text.get(end..self.tag.next).and_then(<[u8]>::split_first) else {
            return false;
        };
        let before = self.tag.at.start.checked_sub(1).and_then(|at| self.text.get(at));
        self.attributes == 0
            && matches!(behind.first(), Some(b' ' | b'`' | b',' | b'.'))
            && matches!(before, Some(b' ' | b'`' | b'('))
            && !behind.iter().any(|byte| matches!(byte, b'(' | b'=' | b';' | b'{' | b'[' | b'\\' | b'&'))
            && memchr::memchr(b'`', behind).is_none_or(|at| at == 0)
    }

    fn may_read_style(&mut self) -> bool {
        *self.styles = self.styles.saturating_sub(1);
        *self.styles > 0
    }

    fn element(&mut self, end: usize, found: &mut Found) {
        let at = self.tag.at.start..end.max(self.tag.at.end).min(self.text.len());
        if self.tag.closes {
            if matches!(
                self.name.as_bytes(),
                b"script" | b"textarea" | b"title" | b"noscript" | b"style" | b"noembed" | b"xmp"
            ) {
                self.ends = true;
            }
            return;
        }
        let name = self.name;
        let is_pasted = self.pasted;
        let pasted = |strength: Strength| if is_pasted { Strength::Tag } else { strength };
        match name.as_bytes() {
            b"script" | b"vbscript" => {
                let strength = if self.is_spoken_of(end) {
                    Strength::Tag
                } else if self.lines && !self.loads {
                    Strength::Medium
                } else {
                    Strength::Strong
                };
                self.push("script element", strength, at.clone(), found);
                if self.loads && self.remote && !self.pasted {
                    self.push("script from elsewhere", Strength::Medium, at, found);
                }
            }
            b"iframe" | b"frame" | b"portal" | b"fencedframe" if self.loads => {
                let strength = if self.player { Strength::Tag } else { Strength::Strong };
                self.push("frame", strength, at, found);
            }
            b"object" | b"embed" | b"applet" if self.loads && self.attributes > 0 => {
                self.push("plug-in", Strength::Strong, at, found);
            }
            b"base" if self.loads => self.push("other base for links", Strength::Strong, at, found),
            b"link" if self.stylesheet && self.data => {
                self.push("style sheet in a URL", Strength::Strong, at, found);
            }
            b"link" if self.loads && self.stylesheet && self.remote => {
                self.push("style sheet from elsewhere", pasted(Strength::Strong), at, found);
            }
            b"image" | b"feimage" if self.links => {
                self.push("graphic from elsewhere", pasted(Strength::Strong), at, found);
            }
            b"link" if self.loads && self.fetches && self.remote => {
                self.push("link that fetches from elsewhere", pasted(Strength::Strong), at, found);
            }
            b"input" if self.image && self.remote => {
                self.push("button that loads from elsewhere", pasted(Strength::Strong), at, found);
            }
            b"a" if self.links => {
                self.push("graphic that links elsewhere", pasted(Strength::Strong), at, found)
            }
            b"form" if self.sends && !self.lines && self.text.len() <= 400 => {
                self.push("form that sends elsewhere", Strength::Strong, at, found);
            }
            b"plaintext" if !self.lines && !self.is_spoken_of(end) => {
                self.push("element that swallows the page", Strength::Strong, at, found);
            }
            b"meta" if self.refresh => self.push("header in a page", pasted(Strength::Strong), at, found),
            b"layer" | b"ilayer" | b"bgsound" | b"event-source" | b"xml" if self.loads => {
                self.push("element of old browsers that loads", Strength::Strong, at, found);
            }
            b"import" if self.attributes > 0 && self.text.get(at.start + 1) == Some(&b'?') => {
                self.push("element behaviour", Strength::Strong, at, found);
            }
            b"xss" => self.push("element named after the attack", Strength::Strong, at, found),
            b"isindex" | b"comment" | b"xml" | b"plaintext" | b"noembed" | b"marquee" | b"svg" | b"math" => {
                found.push("unusual element", Strength::Weak, at);
            }
            b"animate" | b"set" | b"animatetransform" | b"animatemotion" if self.animates && self.sets => {
                self.push("animation of a link or a handler", Strength::Strong, at, found);
            }
            b"use" | b"feimage" | b"handler" | b"listener" if self.loads && self.remote => {
                self.push("graphic from elsewhere", Strength::Medium, at, found);
            }
            b"style" if self.may_read_style() => {
                let sheet = self.text.get(end..self.tag.next).unwrap_or_default();
                if css::runs_script(sheet) {
                    self.push("style that runs script", Strength::Strong, at, found);
                } else if css::imports(sheet) {
                    self.push("style sheet from elsewhere", pasted(Strength::Strong), at, found);
                }
            }
            _ => {}
        }
    }
}

/// Whether a frame shows what people embed everywhere.
fn is_player(url: &[u8]) -> bool {
    [
        &b"https://www.youtube.com/embed/"[..],
        b"https://www.youtube-nocookie.com/embed/",
        b"https://player.vimeo.com/video/",
    ]
    .iter()
    .any(|player| url.starts_with(player))
}

/// `blob:`, `filesystem:`, `intent:`: pages that people write link to none of them.
fn is_odd(url: &[u8]) -> bool {
    [
        &b"blob:"[..],
        b"filesystem:",
        b"intent:",
        b"jar:",
        b"view-source:",
        b"res:",
        b"wyciwyg:",
        b"x-javascript:",
    ]
    .iter()
    .any(|scheme| starts(url, scheme))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).take(512).any(|window| window.eq_ignore_ascii_case(word))
}
