//! Server-side template injection.

mod expression;
mod line;
mod whole;
mod word;

use std::ops::Range;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value, any_case::starts},
};
use expression::{Beginning, beginning};
use word::{Word, is_telling_member, judge};

/// An expression of a server-side template language (CWE-1336): Jinja2, Twig, Freemarker, Velocity, Smarty, ERB,
/// Thymeleaf, OGNL and the like.
///
/// Placeholders pass: `{{name}}`, `${user.name}`, `{% for a in b %}`. What does not pass is what only somebody
/// writes who wants to see whether it is computed (`{{7*7}}`), or to leave the template (`{{x.__class__}}`).
pub(super) struct Ssti;

impl Detector for Ssti {
    fn signal(&self) -> Signal {
        Signal::Ssti
    }

    fn summary(&self) -> &'static str {
        "server-side template injection: an expression that a template engine would compute"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "{{7*7}}",
                "${7*7}",
                "<%= 7 * 7 %>",
                "{{ ''.__class__.__mro__[1].__subclasses__() }}",
                "{% import os %}",
                "<#assign x=\"freemarker.template.utility.Execute\"?new()>${x(\"id\")}",
                "*{T(java.lang.Runtime).getRuntime().exec('id')}",
                "#set($x=$class.inspect(\"java.lang.Runtime\").type)",
                "{php}phpinfo();{/php}",
                "@(1+2)",
            ],
            passed: &[
                "{{name}} joined {{room}}",
                "Hello {{ user.first_name }}, {{#each items}}{{this}}{{/each}}",
                "{% for item in items %}{{ item.price }}{% endfor %}",
                "console.log(`${a.b} of ${count(c)}`)",
                "query { user(id: 5) { name } }",
                "\\frac{1}{2} and x^{2-1}",
                "int m[2][2] = {{1,2},{3,4}};",
                "echo ${HOME} ${#array[@]}",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "{{",
            "${",
            "#{",
            "*{",
            "%{",
            "{%",
            "<%",
            "<#",
            "[#",
            "<@",
            "{#",
            "{*",
            "[[",
            "@(",
            "@{",
            "@system",
            "#set",
            "#evaluate",
            "{php",
            "@datetime",
            "?new(",
            "{$",
            "{system",
            "{if ",
            "{literal",
            "mainmodule",
            "_memberaccess",
            "{self",
            "{smarty",
            "{eval",
            "{include",
            "{fetch",
            "$class",
            "getclass",
            "$request",
            "@php",
            "{!!",
            "|{",
            "~{",
            "{=",
            "{@",
            "#parse",
            "#include",
            "$!{",
            "(${",
            "[%",
            "[=",
            "}{",
            "<#--",
            "<py:",
            "python:",
            "{if",
            "{dump",
            "{function ",
            "{math ",
            "{assign ",
            "{block ",
            "@environment",
            "@html.",
            "@model.",
            "@using ",
            "typeof(",
            "#end",
            "%>",
            "<th:",
            "</#",
            "%import ",
            "% import ",
            "%from ",
            "% from ",
            "% if ",
            "% for ",
            "% while ",
            "% def ",
            "% include(",
            "@if",
            "@elseif(",
            "@unless(",
            "@isset(",
            "@empty(",
            "@inject(",
            "@include",
            "@dump(",
            "@dd(",
            "@each(",
            "@for",
            "@while(",
            "@json(",
            "@env(",
            "@section(",
            "@yield(",
            "@extends(",
            "@switch(",
            "@viewbag",
            "@viewdata",
            "@tempdata",
            "@httpcontext",
            "#foreach",
            "#define(",
            "#macro(",
            "#if",
            "#elseif",
            "#*",
            "#[[",
            "$application.",
            "$session.",
            "$response.",
            "$servletcontext.",
            "$velocitycontext.",
            ".waitfor(",
            ".available(",
            ".getinputstream(",
            ".forname(",
            ".valueof($",
            "(#",
            "<jsp:",
            "<c:",
            "<cf",
            "<tal:",
            "<pattemplate:",
            "{ldelim",
            "{rdelim",
            "{debug}",
            "{nocache}",
            "{strip}",
            "{template_object}",
            "{counter}",
            "{foreach ",
            "{section ",
            "{for ",
            "{capture ",
            "{insert ",
            "{config_load ",
            "{html_options ",
            "{_",
            "{extends ",
            "{import ",
            "{while ",
            "{!",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal()
            || gate.len <= 64
                && (gate.bytes.has_any(ByteSet::BRACE)
                    || gate.bytes.has_all(ByteSet::EQUALS.and(ByteSet::DIGIT))
                        && gate.bytes.has_any(
                            ByteSet::STAR.and(ByteSet::PLUS).and(ByteSet::MINUS).and(ByteSet::PAREN),
                        ))
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        Reader { text: value.bytes, found, open: None, last: None, at: 0 }.read();
        if found.score() < Strength::Strong as u32 {
            whole::judge(value.bytes, found);
            line::judge(value.bytes, found);
        }
    }
}

/// Delimiters that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    /// `{{ }}`
    Braces,
    /// `{% %}`
    Statement,
    /// `${ }`, `#{ }`, `*{ }`, `%{ }`, `@{ }`, `~{ }`
    Sigil(u8),
    /// `<% %>`
    Erb,
    /// `<#assign x>`, `[#assign x]`
    Directive,
    /// `#set( )`, and what follows a `$`
    Velocity,
    /// `{php}`, `{$smarty.x}`
    Smarty,
    /// `@( )`, `@System.x`
    Razor,
}

struct Reader<'a, 'f> {
    text: &'a [u8],
    found: &'f mut Found,
    open: Option<(Delimiter, usize)>,
    /// The last word within delimiters.
    last: Option<Range<usize>>,
    at: usize,
}

impl<'a> Reader<'a, '_> {
    fn read(&mut self) {
        // Pug needs no delimiters: a line that begins with `-` or `=` is code.
        let head = self.text.get(..self.text.len().min(96)).unwrap_or_default();
        if [&b"- "[..], b"= ", b"!= ", b"-var", b"-x"].iter().any(|lead| head.starts_with(lead))
            && ([&b"root.process"[..], b"global.process"]
                .iter()
                .any(|word| memchr::memmem::find(head, word).is_some())
                || memchr::memmem::find(head, b".mainModule").is_some())
        {
            self.push("process of Node.js in a template", Strength::Strong, 8);
            self.open = Some((Delimiter::Directive, 0));
        }
        while let Some(&byte) = self.text.get(self.at) {
            if self.open.is_none() && !opens(byte) {
                self.at += self.ahead(0).iter().take_while(|byte| !opens(**byte)).count();
                continue;
            }
            if byte.is_ascii_alphabetic() || byte == b'_' {
                let len = self.ahead(0).iter().take_while(|byte| is_word(**byte)).count();
                let word = self.at..self.at + len;
                self.at += len;
                if self.open.is_some() && len <= 40 {
                    self.word(word);
                }
            } else {
                self.punctuation(byte);
                self.at += 1;
            }
            if self.found.is_certain() {
                return;
            }
        }
    }

    /// The text from `offset` bytes behind the current place on.
    fn ahead(&self, offset: usize) -> &'a [u8] {
        self.text.get(self.at + offset..).unwrap_or_default()
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied().unwrap_or(b' ')
    }

    fn push(&mut self, what: &'static str, strength: Strength, len: usize) {
        self.found.push(what, strength, self.at..(self.at + len).min(self.text.len()));
    }

    fn punctuation(&mut self, byte: u8) {
        let next = self.text.get(self.at + 1).copied().unwrap_or_default();
        match byte {
            b'{' => self.brace(next),
            b'}' if next == b'}' || !matches!(self.open, Some((Delimiter::Braces, _))) => self.open = None,
            b'<' if next == b'%' => {
                self.start(Delimiter::Erb, 2);
                self.special();
            }
            b'%' if next == b'>' => self.open = None,
            b'<' if next == b'#' && self.ahead(2).first().is_some_and(u8::is_ascii_digit) => {
                self.start(Delimiter::Directive, 2);
            }
            b'<' | b'[' if matches!(next, b'#' | b'@') => self.directive(),
            b'[' if next == b'=' => self.start(Delimiter::Directive, 2),
            b'[' if next == b'%' => self.start(Delimiter::Erb, 2),
            // `[[0-9]` begins a class in a regular expression.
            b'[' if next == b'['
                && self.before() != b'['
                && self.closes_twice()
                && beginning(self.ahead(2)) == Beginning::Arithmetic =>
            {
                self.push("template that computes", Strength::Strong, 6);
            }
            b'#' if next.is_ascii_alphabetic() => self.velocity(),
            b'$' if next.is_ascii_alphabetic() && self.open.is_none() => self.variable(),
            b'@' if !is_word(self.before()) => self.razor(next),
            _ => {}
        }
    }

    /// Whether `]]` ends what `[[` began, soon.
    fn closes_twice(&self) -> bool {
        let inside = self.ahead(2).get(..32).unwrap_or(self.ahead(2));
        memchr::memchr(b']', inside).is_some_and(|at| {
            inside.get(at + 1) == Some(&b']') && !inside.iter().take(at).any(u8::is_ascii_alphabetic)
        })
    }

    fn start(&mut self, delimiter: Delimiter, len: usize) {
        self.open = Some((delimiter, self.at));
        self.last = None;
        let sign = match beginning(self.ahead(len)) {
            Beginning::Arithmetic => "template that computes",
            Beginning::MemberOfLiteral => "template that calls a member of a literal",
            Beginning::FilteredLiteral => "template that filters a list",
            Beginning::Other => return,
        };
        // Strings have members in code, too: `${'x'.repeat(3)}`.
        self.push(sign, Strength::Strong, len + 6);
        if self.is_whole() {
            self.push("nothing but a template", Strength::Medium, len);
        }
    }

    /// Whether the delimiters that are open are about all of the value.
    fn is_whole(&self) -> bool {
        let lead = self.text.get(..self.at).unwrap_or_default();
        lead.len() <= 24
            && lead.iter().filter(|byte| is_word(**byte)).count() <= 8
            && self.text.len() <= self.at + 400
    }

    fn brace(&mut self, next: u8) {
        let before = self.before();
        match next {
            b'{' => {
                // `${{`, `{{{`: the innermost counts.
                let run = self.ahead(0).iter().take_while(|byte| **byte == b'{').count();
                self.at += run - 2;
                self.start(Delimiter::Braces, 2);
                if self.ahead(2).starts_with(b"<%[%") {
                    self.push("polyglot of templates", Strength::Certain, 6);
                }
                self.special();
                self.at += 1;
            }
            b'%' => {
                self.start(Delimiter::Statement, 2);
                self.statement(2);
                self.at += 1;
            }
            b'#' if !matches!(before, b'$' | b'%' | b'#' | b'*' | b'@' | b'~') => {
                if self.comment(b"#}") {
                    self.push("comment of a template", Strength::Medium, 2);
                    self.whole_comment();
                } else {
                    self.smarty();
                }
            }
            b'*' => {
                if self.comment(b"*}") {
                    self.push("comment of a template", Strength::Medium, 2);
                    self.whole_comment();
                }
            }
            b'!' if self.ahead(2).first() == Some(&b'!') => self.start(Delimiter::Smarty, 3),
            _ if matches!(before, b'$' | b'#' | b'*' | b'%' | b'@' | b'~' | b'!' | b'|') => {
                self.start(Delimiter::Sigil(before), 1);
                self.special();
            }
            _ => self.smarty(),
        }
    }

    /// A comment in a short value: `a{*x*}b`. Nothing shows better whether there is a template engine.
    fn comment(&self, end: &[u8]) -> bool {
        let inside = self.ahead(2);
        let inside = inside.get(..inside.len().min(48)).unwrap_or_default();
        self.text.len() <= 96
            && memchr::memmem::find(inside, end).is_some_and(|len| {
                len > 0 && inside.iter().take(len).all(|byte| is_word(*byte) || *byte == b' ')
            })
    }

    fn whole_comment(&mut self) {
        if is_word(self.before()) || self.at == 0 {
            self.push("nothing but a template", Strength::Medium, 2);
        }
    }

    /// Expressions that are one word or begin with a mark.
    fn special(&mut self) {
        let skip = if matches!(self.open, Some((Delimiter::Braces | Delimiter::Erb, _))) { 2 } else { 1 };
        let inside = self.ahead(skip);
        let blank =
            inside.iter().take(4).take_while(|byte| matches!(byte, b' ' | b'-' | b'=' | b'%')).count();
        let inside = inside.get(blank..).unwrap_or_default();
        if !matches!(
            inside.first(),
            Some(
                b'T' | b't'
                    | b'.'
                    | b'p'
                    | b'P'
                    | b'n'
                    | b'N'
                    | b'@'
                    | b'x'
                    | b'X'
                    | b'h'
                    | b'j'
                    | b'd'
                    | b'c'
                    | b'b'
                    | b'`'
            )
        ) {
            return;
        }
        if starts(inside, b"T(") && inside.get(2..40).unwrap_or(inside).contains(&b'.') {
            self.push("type of Java in a template", Strength::Certain, 6);
            return;
        }
        if skip == 2 && (starts(inside, b".}}") || starts(inside, b". }}")) && self.is_whole() {
            self.push("template that shows everything", Strength::Strong, 5);
        }
        if skip == 2 && inside.first() == Some(&b'.') && inside.get(1).is_some_and(u8::is_ascii_uppercase) {
            let name = inside.iter().skip(1).take(24).take_while(|byte| is_word(**byte)).count();
            if starts(inside.get(1 + name..).unwrap_or_default(), b" \"") {
                self.push("method called in a template", Strength::Strong, 8);
            }
        }
        if starts(inside, b"php}}")
            || starts(inside, b"new File(")
            || starts(inside, b"new java")
            || starts(inside, b"new groovy")
            || starts(inside, b"new org.")
            || skip == 1
                && inside.first() == Some(&b'@')
                && inside.get(1).is_some_and(u8::is_ascii_alphabetic)
            || skip == 1 && starts(inside, b"x|") && self.before() == b'#'
        {
            self.push("object made in a template", Strength::Strong, 6);
        }
        if !matches!(inside.first(), Some(b'p' | b'h' | b'j' | b'd' | b'c' | b't' | b'b' | b'`')) {
            return;
        }
        // `{{html "x"}}`, `{{printf "%s" .}}`
        for name in [
            &b"printf \""[..],
            b"html \"",
            b"js \"",
            b"define \"",
            b"print \"",
            b"println \"",
            b"call .",
            b"template \"",
            b"block \"",
        ] {
            if skip == 2 && starts(inside, name) {
                let strength = if self.is_whole() { Strength::Strong } else { Strength::Tag };
                self.push("function of a Go template", strength, 8);
            }
        }
        if inside.first() == Some(&b'`') {
            self.push("command in a template", Strength::Strong, 4);
        }
    }

    /// `{% if True %}`, `{% debug %}`, `{% import os %}`.
    fn statement(&mut self, skip: usize) {
        let inside = self.ahead(skip);
        let blank =
            inside.iter().take(8).take_while(|byte| matches!(byte, b' ' | b'-' | b'+' | b'\n')).count();
        let inside = inside.get(blank..).unwrap_or_default();
        let len = inside.iter().take(24).take_while(|byte| is_word(**byte)).count();
        let (word, rest) = inside.split_at_checked(len).unwrap_or_default();
        let rest = rest.get(..rest.len().min(64)).unwrap_or_default();
        let argument = rest.trim_ascii_start();
        let mut buffer = [0; 40];
        let sign = match lower(word, &mut buffer) {
            b"debug" if argument.starts_with(b"%}") || argument.starts_with(b"-%}") => {
                "statement that shows everything"
            }
            b"csrf_token"
            | b"load"
            | b"render"
            | b"increment"
            | b"decrement"
            | b"cycle"
            | b"tablerow"
            | b"liquid"
            | b"apply"
            | b"embed"
            | b"comment"
            | b"module"
            | b"include"
            | b"now"
            | b"lorem"
            | b"templatetag"
            | b"url"
            | b"static"
            | b"get_static_prefix"
            | b"get_media_prefix"
            | b"get_current_language"
            | b"whitespace"
            | b"trans"
            | b"blocktrans"
            | b"regroup"
            | b"widthratio"
            | b"firstof"
            | b"ifchanged"
            | b"import"
            | b"from"
            | b"get_debug_flag"
            | b"form_theme"
            | b"stopwatch"
            | b"use"
            | b"deprecated"
            | b"flush"
                if self.is_whole() && self.text.len() <= 160 && self.at == 0 =>
            {
                "statement of a template alone"
            }
            b"if" | b"elsif" | b"unless" | b"while"
                if [&b"true"[..], b"1 ", b"1%", b"1=", b"7*7", b"'a'", b"\"a\"", b"not false"]
                    .iter()
                    .any(|literal| starts(argument, literal))
                    || argument.first().is_some_and(u8::is_ascii_digit) =>
            {
                "condition that is known"
            }
            b"import" | b"from" if argument.first().is_some_and(|byte| is_word(*byte)) => {
                "statement that imports"
            }
            b"include" | b"extends" | b"import" | b"load" | b"ssi" | b"source"
                if argument
                    .windows(2)
                    .any(|pair| pair == b".." || pair == b"'/" || pair == b"\"/" || pair == b":/")
                    || starts(argument, b"log") =>
            {
                "statement that includes a file"
            }
            b"for"
                if memchr::memmem::find(argument, b" in ").is_some_and(|at| {
                    let list = argument.get(at + 4..).unwrap_or_default().trim_ascii_start();
                    matches!(list.first(), Some(b'(' | b'"' | b'\'' | b'['))
                        || self.at == 0
                            && starts(list, b"range(")
                            && list.get(6).is_some_and(u8::is_ascii_digit)
                }) =>
            {
                "loop over a literal"
            }
            b"set" | b"assign" | b"capture" | b"with" | b"do" | b"print" | b"call" | b"macro" | b"raw"
            | b"filter" | b"block" | b"cache" | b"verbatim" | b"autoescape" | b"sandbox" | b"php"
            | b"spaceless"
                if self.is_whole() =>
            {
                let probes = self.text.len() <= 24
                    || self.at == 0 && self.text.len() <= 120 && self.text.trim_ascii_end().ends_with(b"}")
                    || memchr::memchr(b'=', argument).is_some_and(|at| {
                        beginning(argument.get(at + 1..).unwrap_or_default()) == Beginning::Arithmetic
                    });
                let strength = if probes { Strength::Strong } else { Strength::Medium };
                self.push("statement of a template", strength, skip + 8);
                return;
            }
            b"" if matches!(beginning(rest), Beginning::Arithmetic) => "template that computes",
            _ => return,
        };
        self.push(sign, Strength::Strong, skip + 8);
        if self.is_whole() {
            self.push("nothing but a template", Strength::Medium, skip);
        }
    }

    /// `<#assign`, `[#assign`, `<@macro`.
    fn directive(&mut self) {
        let inside = self.ahead(2);
        if !inside.first().is_some_and(u8::is_ascii_alphabetic) {
            return;
        }
        let known = [
            &b"assign "[..],
            b"include ",
            b"import ",
            b"local ",
            b"global ",
            b"setting ",
            b"attempt>",
            b"ftl",
            b"function ",
            b"macro ",
        ];
        if known.iter().any(|name| starts(inside, name)) {
            self.push("directive of a template", Strength::Medium, 8);
            let includes = self.text.get(self.at) == Some(&b'<') && starts(inside, b"include ");
            if (self.at == 0 || includes) && self.is_whole() && self.text.len() <= 200 {
                self.push("nothing but a template", Strength::Medium, 8);
            }
            self.open = Some((Delimiter::Directive, self.at));
            self.last = None;
            self.at += 1;
        } else if [&b"list "[..], b"if "].iter().any(|name| starts(inside, name)) {
            if beginning(inside.get(3..).unwrap_or_default()) == Beginning::Arithmetic
                || [&b"if 1"[..], b"if true", b"list .", b"list 1"].iter().any(|known| starts(inside, known))
            {
                self.push("directive that is known", Strength::Strong, 8);
            }
            self.open = Some((Delimiter::Directive, self.at));
            self.last = None;
            self.at += 1;
        }
    }

    /// `#set($x = 1)`.
    fn velocity(&mut self) {
        let inside = self.ahead(1);
        let len = inside.iter().take(12).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = inside.split_at_checked(len).unwrap_or_default();
        let argument = rest.trim_ascii_start();
        if rest.len() - argument.len() > 2 || argument.first() != Some(&b'(') {
            return;
        }
        let variable = argument.iter().skip(1).take(4).any(|byte| *byte == b'$');
        let quoted = argument.iter().skip(1).take(3).any(|byte| matches!(byte, b'"' | b'\''));
        match word.to_ascii_lowercase().as_slice() {
            b"set" if variable => {
                self.push("directive that sets a variable", Strength::Strong, 6);
                self.open = Some((Delimiter::Velocity, self.at));
            }
            b"evaluate" | b"parse" | b"include" | b"define" | b"macro" if variable || quoted => {
                self.push("directive that evaluates", Strength::Strong, 8);
                self.open = Some((Delimiter::Velocity, self.at));
            }
            b"if" if argument.get(1).is_some_and(u8::is_ascii_digit) && self.at == 0 => {
                self.push("condition that is known", Strength::Strong, 4);
            }
            b"foreach" | b"if" if variable => self.open = Some((Delimiter::Velocity, self.at)),
            _ => {}
        }
        self.last = None;
    }

    /// `$class.inspect(`, `$x.getClass()` outside of delimiters.
    fn variable(&mut self) {
        let inside = self.ahead(1);
        let len = inside.iter().take(24).take_while(|byte| is_word(**byte)).count();
        let member = inside.get(len..).unwrap_or_default();
        if member.first() == Some(&b'.') {
            let name = member.get(1..).unwrap_or_default();
            let telling = [
                &b"class.forName("[..],
                b"getClass(",
                b"class.inspect(",
                b"class.classLoader",
                b"inspect(\"",
                b"getRuntime(",
            ];
            if telling.iter().any(|word| starts(name, word)) {
                self.push("class of a variable in a template", Strength::Strong, len + 8);
                self.open = Some((Delimiter::Velocity, self.at));
                self.last = None;
            }
        }
    }

    /// `@(1+2)`, `@System.Diagnostics.Process`, `@{ var x = ... }`.
    fn razor(&mut self, next: u8) {
        let inside = self.ahead(1);
        if next == b'(' {
            let made = starts(inside, b"(new ");
            if made || matches!(beginning(inside), Beginning::Arithmetic | Beginning::MemberOfLiteral) {
                self.push("template that computes", Strength::Strong, 6);
                if self.is_whole() {
                    self.push("nothing but a template", Strength::Medium, 2);
                }
            } else {
                self.open = Some((Delimiter::Razor, self.at));
                self.last = None;
            }
        } else if matches!(
            inside.first().map(u8::to_ascii_lowercase),
            Some(b's' | b'd' | b'h' | b'e' | b'm' | b'u' | b'p' | b'a' | b'r')
        ) && [
            &b"System."[..],
            b"DateTime.",
            b"Html.Raw(",
            b"Html.Partial(",
            b"Environment.",
            b"Model.GetType(",
            b"using System",
            b"Process.Start",
            b"AppDomain.",
            b"Request.Path",
            b"Server.MapPath",
        ]
        .iter()
        .any(|word| starts(inside, word))
        {
            self.push("expression of Razor", Strength::Strong, 8);
        } else if self.at == 0
            && starts(inside, b"php")
            && !inside.get(3).is_some_and(|byte| is_word(*byte))
            && (self.text.contains(&b'(') || starts(inside, b"php echo"))
        {
            self.push("PHP in a template", Strength::Strong, 4);
        } else if inside.starts_with(b"{") && self.is_whole() {
            let code = inside.get(1..).unwrap_or_default().trim_ascii_start();
            if starts(code, b"//")
                || starts(code, b"var ")
                || starts(code, b"int ")
                || starts(code, b"string ")
            {
                self.push("block of Razor", Strength::Strong, 4);
            }
        }
    }

    /// `{php}`, `{$smarty.version}`, `{system('id')}`.
    fn smarty(&mut self) {
        let inside = self.ahead(1);
        if inside.first() == Some(&b'$') {
            let name = inside.iter().skip(1).take(24).take_while(|byte| is_word(**byte)).count();
            let behind = inside.get(1 + name..).unwrap_or_default();
            if self.at == 0
                && (starts(behind, b"->")
                    || behind.first() == Some(&b'=')
                        && beginning(behind.get(1..).unwrap_or_default()) == Beginning::Arithmetic)
            {
                self.push("variable of Smarty", Strength::Strong, 8);
            }
            if starts(inside, b"$smarty.") || starts(inside, b"$_SERVER") || starts(inside, b"$_GET") {
                self.push("variable of Smarty", Strength::Strong, 8);
                if self.is_whole() {
                    self.push("nothing but a template", Strength::Medium, 2);
                }
            }
            self.open = Some((Delimiter::Smarty, self.at));
            self.last = None;
            return;
        }
        let calls: &[&[u8]] = match inside.first().copied().unwrap_or_default().to_ascii_lowercase() {
            b'/' => &[&b"/php}"[..]],
            b'=' => &[&b"=\""[..], b"='", b"=7*", b"=system", b"=passthru"],
            b'@' => &[&b"@math"[..], b"@if cond="],
            b'a' => &[&b"assign var="[..]],
            b'b' => &[&b"block name="[..]],
            b'd' => &[&b"dump("[..], b"debug}"],
            b'e' => &[&b"exec("[..], b"eval "],
            b'f' => &[&b"fetch file="[..], b"function name='"],
            b'i' => &[
                &b"include file="[..],
                b"include '/",
                b"if 1}",
                b"include_php ",
                b"if phpinfo",
                b"if system",
                b"if passthru",
                b"if exec",
                b"if readfile",
                b"if file_get",
                b"if 1==1",
                b"if 1=1",
                b"if true}",
                b"if is_callable",
                b"if show_source",
            ],
            b'l' => &[&b"literal}"[..]],
            b'm' => &[&b"math equation"[..]],
            b'p' => &[&b"php}"[..], b"passthru(", b"phpinfo(", b"php "],
            b's' => &[&b"system("[..], b"shell_exec(", b"self::", b"Smarty_Internal", b"smarty"],
            b'v' => &[&b"var $"[..], b"var_dump("],
            _ => &[],
        };
        // Openers are dense in hostile text: one byte tells most of them apart.
        let fourth = inside.get(3).map(u8::to_ascii_lowercase);
        let may_be = |call: &&&[u8]| call.get(3).is_none_or(|byte| Some(byte.to_ascii_lowercase()) == fourth);
        if calls.iter().filter(may_be).any(|call| starts(inside, call)) {
            self.push("tag of Smarty", Strength::Strong, 8);
            self.open = Some((Delimiter::Smarty, self.at));
            self.last = None;
        } else if self.text.len() <= 64 && self.is_whole() && self.text.trim_ascii_end().ends_with(b"}") {
            // `{7*7}` and nothing else.
            let ends = memchr::memchr(b'}', inside)
                .is_some_and(|at| inside.get(at + 1..).is_some_and(|rest| rest.trim_ascii().is_empty()));
            let inner = inside.strip_prefix(b"@").or_else(|| inside.strip_prefix(b"#")).unwrap_or(inside);
            let filtered = matches!(inside.first(), Some(b'"' | b'\''))
                && memchr::memchr(b'|', inside)
                    .is_some_and(|at| inside.get(at + 1).is_some_and(u8::is_ascii_alphabetic));
            if ends
                && (filtered || beginning(inner) == Beginning::Arithmetic)
                && !self.text.contains(&b'\\')
                && self.at <= 2
            {
                self.push("template that computes", Strength::Strong, 6);
            }
        }
    }

    /// Judges a word within delimiters.
    fn word(&mut self, at: Range<usize>) {
        let Some((delimiter, start)) = self.open else { return };
        let last = self.last.replace(at.clone());
        if at.start - start > 1000 {
            self.open = None;
            return;
        }
        let mut buffer = [0; 40];
        let lower = lower(self.text.get(at.clone()).unwrap_or_default(), &mut buffer);
        let next = self.text.get(at.end).copied().unwrap_or_default();
        let behind = self.text.get(at.end + 1).copied().unwrap_or_default();
        let called = next == b'(' || next == b' ' && behind == b'(';
        let with_text = called && (matches!(behind, b'"' | b'\'' | b'`' | b'(' | b'\\'));
        let before = at.start.checked_sub(1).and_then(|at| self.text.get(at)).copied().unwrap_or_default();
        let code = delimiter == Delimiter::Sigil(b'$');
        if before == b'.'
            && let Some(last) = last
            && last.end + 1 == at.start
        {
            let mut buffer = [0; 40];
            let object = self::lower(self.text.get(last).unwrap_or_default(), &mut buffer);
            if is_telling_member(object, lower) && !(code && is_node(lower)) {
                self.found.push("inner object of a template engine", Strength::Strong, at.clone());
                self.found.push("its members", Strength::Medium, at.clone());
                return;
            }
        }
        let quoted_name = matches!(before, b'"' | b'\'') && next == before;
        match judge(lower) {
            // Template literals of JavaScript may say `${process.mainModule}`; what runs there is code, no template.
            Word::Escape if code && is_node(lower) => {}
            Word::Escape => self.found.push("way out of a template", Strength::Certain, at),
            Word::Call if called || quoted_name && before_filter(self.text, at.start) => {
                let strength = if code && !matches!(before, b'.' | b'|' | b'(') {
                    Strength::Medium
                } else {
                    Strength::Strong
                };
                self.found.push("call of a template that tries things", strength, at.clone());
                if with_text || called && behind == b')' {
                    self.found.push("call with a text", Strength::Medium, at);
                }
            }
            Word::CallWithText
                if with_text
                    && !(code && matches!(lower, b"require" | b"eval" | b"html" | b"printf" | b"js")) =>
            {
                self.found.push("call of a template that runs code", Strength::Strong, at);
            }
            Word::CallWithText if quoted_name && before_filter(self.text, at.start) => {
                self.found.push("filter that runs a function", Strength::Certain, at);
            }
            Word::Object if !code && before != b'.' => {
                // `{{config}}` and nothing else, `{{request|attr(...)}}`, `{{config['x']}}`.
                let lead = self.text.get(start..at.start).unwrap_or_default();
                let first = lead.len() <= 6 && lead.iter().all(|byte| !is_word(*byte));
                let rest = self.text.get(at.end..).unwrap_or_default().trim_ascii_start();
                let ends = matches!(rest.first(), Some(b'}' | b'%' | b'|' | b'['))
                    && !matches!(lower, b"this" | b"g" | b"loop" | b"class");
                if first
                    && ends
                    && delimiter == Delimiter::Braces
                    && (self.text.len() <= 40 || rest.starts_with(b"|") || rest.starts_with(b"["))
                {
                    self.found.push("inner object of a template engine", Strength::Strong, at);
                }
            }
            Word::Object
                if code
                    && matches!(
                        lower,
                        b"applicationscope"
                            | b"sessionscope"
                            | b"requestscope"
                            | b"pagecontext"
                            | b"facescontext"
                            | b"initparam"
                    ) =>
            {
                self.found.push("inner object of a template engine", Strength::Strong, at);
            }
            Word::Other | Word::Call | Word::CallWithText | Word::Object => {
                self.other(lower, next, before, at)
            }
        }
    }

    /// `?new()`, `?eval`, `import os`, `os.popen`.
    fn other(&mut self, word: &[u8], next: u8, before: u8, at: Range<usize>) {
        match word {
            b"new" | b"api" | b"eval" | b"interpret" if before == b'?' => {
                self.found.push("built-in that makes objects", Strength::Certain, at);
            }
            b"file" | b"dir" | b"io" | b"kernel" | b"os"
                if next == b'.'
                    && matches!(
                        self.open,
                        Some((Delimiter::Erb | Delimiter::Statement | Delimiter::Braces, _))
                    ) =>
            {
                let member = self.text.get(at.end + 1..).unwrap_or_default();
                let known = [
                    &b"open("[..],
                    b"read(",
                    b"entries(",
                    b"popen",
                    b"system(",
                    b"readlines(",
                    b"environ",
                    b"listdir(",
                    b"getcwd(",
                    b"exec(",
                    b"glob(",
                ];
                if known.iter().any(|known| starts(member, known)) {
                    self.found.push("template that opens files or commands", Strength::Certain, at);
                }
            }
            b"import"
                if next == b' '
                    && matches!(self.open, Some((Delimiter::Erb, start)) if at.start - start <= 6) =>
            {
                self.found.push("statement that imports", Strength::Strong, at);
            }
            b"if" if matches!(self.open, Some((Delimiter::Erb, start)) if at.start - start <= 6) => {
                let argument = self.text.get(at.end..).unwrap_or_default().trim_ascii_start();
                if starts(argument, b"true ") || starts(argument, b"1 ") {
                    self.found.push("condition that is known", Strength::Strong, at);
                }
            }
            b"java" | b"javax" | b"freemarker" | b"ognl" | b"org"
                if next == b'.'
                    && [
                        &b"lang."[..],
                        b"util.",
                        b"io.",
                        b"script.",
                        b"template.utility",
                        b"apache.commons.io",
                        b"springframework",
                    ]
                    .iter()
                    .any(|package| starts(self.text.get(at.end + 1..).unwrap_or_default(), package)) =>
            {
                self.found.push("class of Java in a template", Strength::Strong, at);
            }
            b"range" | b"reduce" | b"map" | b"sort" | b"filter" if before == b'|' && next == b'(' => {
                self.found.push("filter with a function", Strength::Tag, at);
            }
            b"constructor"
                if matches!(before, b'"' | b'\'')
                    && next == before
                    && matches!(self.open, Some((Delimiter::Braces, _))) =>
            {
                self.found.push("block that reaches a constructor", Strength::Strong, at);
            }
            b"with" if before == b'#' => {
                let argument = self.text.get(at.end..).unwrap_or_default();
                if starts(argument, b" \"s\"")
                    || starts(argument, b" split ")
                    || starts(argument, b" 'constructor'")
                {
                    self.found.push("block that reaches a constructor", Strength::Certain, at);
                }
            }
            _ => {}
        }
    }
}

/// Bytes at which something may open.
fn opens(byte: u8) -> bool {
    matches!(byte, b'{' | b'<' | b'[' | b'#' | b'$' | b'@')
}

/// Words of Node.js.
fn is_node(word: &[u8]) -> bool {
    matches!(word, b"mainmodule" | b"process" | b"child_process" | b"execsync" | b"spawnsync")
}

/// Whether a filter is handed the text that begins here: `|map('system')`, `options': 'system'`.
fn before_filter(text: &[u8], at: usize) -> bool {
    let lead = text.get(at.saturating_sub(16)..at.saturating_sub(1)).unwrap_or_default();
    let lead = lead.trim_ascii_end();
    matches!(lead.last(), Some(b'(' | b':' | b','))
        && (memchr::memchr(b'|', lead).is_some()
            || lead.ends_with(b"options':")
            || lead.ends_with(b"\",")
            || lead.ends_with(b"',")
            || lead.ends_with(b"filter("))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn lower<'b>(word: &[u8], buffer: &'b mut [u8; 40]) -> &'b [u8] {
    for (slot, byte) in buffer.iter_mut().zip(word) {
        *slot = byte.to_ascii_lowercase();
    }
    buffer.get(..word.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::{is_linear, score_of};

    fn score(text: &str) -> u32 {
        score_of(&Ssti, text)
    }

    #[test]
    fn finds_probes_of_all_engines() {
        for text in [
            "{{9*9}}",
            "{{ 9*'9' }}",
            "${{9*9}}",
            "#{9*9}",
            "*{9*9}",
            "@(9*9)",
            "[[9*9]]",
            "[[${9*9}]]",
            "<%= 9*9 %>",
            "{9*9}",
            "{{=9*9}}",
            "x{*y*}z",
            "${\"a\".toUpperCase()}",
            "{{'a'.constructor}}",
            "{{self}}",
            "{{ config }}",
            "{{request.application.__globals__}}",
            "{% debug %}",
            "{% if 1 %}a{% endif %}",
            "<% if true %>a<% end %>",
            "{$smarty.template}",
            "{{printf \"%d\" 9}}",
            "${{<%[%'\"}}%\\.",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn finds_ways_out() {
        for text in [
            "{{ x.__init__.__globals__['os'].popen('id').read() }}",
            "{{['id']|map('system')|join}}",
            "{{_self.env.registerUndefinedFilterCallback('exec')}}",
            "{{request|attr('class')}}",
            "${T(java.lang.System).getenv()}",
            "%{(#_memberAccess['a']=true)}",
            "#set($e='')$e.getClass().forName('java.lang.Runtime')",
            "<%= File.open('/etc/hosts').read %>",
            "<% import os %><%= os.popen('id').read() %>",
            "{{range.constructor('return 1')()}}",
            "#{global.process.mainModule.require('child_process').execSync('id')}",
            "@System.Diagnostics.Process.Start(\"x\")",
            "{system('id')}",
            "__${T(java.lang.Runtime).getRuntime().exec('id')}__::.x",
        ] {
            assert!(score(text) >= 5, "{text}");
        }
    }

    #[test]
    fn placeholders_and_code_pass() {
        for text in [
            "Dear {{ customer.name }}, your order {{order_id}} of {{ date | date:'short' }} left.",
            "{{#if active}}yes{{else}}no{{/if}} {{> partial}} {{{raw}}}",
            "{{ 'HOME.TITLE' | translate }}",
            "{% if user.is_authenticated %}hi{% endif %}{% extends 'base.html' %}",
            "`${a} ${b.c} ${f(x)} ${i + 1} ${items.map(i => i.name).join(', ')}`",
            "const s = `${process.env.HOME}/x`; log(`${req.url} ${JSON.stringify(self.config)}`)",
            "puts \"#{name} is #{age + 1}\"",
            "for x in \"${array[@]}\"; do echo ${x%.*} ${#x} ${y:-0}; done",
            "printf(\"%{public}s\")",
            "<%# comment %><%= user.name %><% end %>",
            "style={{ margin: 2, flex: 1 }}",
            "a = {'x': {'y': 1}}",
            "\\mathbb{R}^{n-1} \\sum_{i=1}^{n} {{x}}",
            "[[wiki link]] and [[1]](#ref)",
            "{\"a\":{\"b\":[[1,2],[3,4]]}}",
            "@ann (10-12) mail ann@(example)",
            "#1 {#each items as item}{/each}",
            "{{2024-11-22}}",
        ] {
            assert!(score(text) < 5, "{text} {}", score(text));
        }
    }

    #[test]
    fn takes_linear_time_whatever_is_repeated() {
        for part in Ssti
            .literals()
            .iter()
            .copied()
            .chain(["@php ", "{=", "{{[%", "@", "@{", "{{(", "${'", "{{x", "#set($", "{%for ", "<%="])
        {
            assert!(is_linear(&Ssti, part), "{part:?}");
        }
    }
}
