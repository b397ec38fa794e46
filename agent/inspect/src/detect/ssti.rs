//! Server-side template injection.

mod expression;
mod line;
mod reader;
#[cfg(test)]
mod tests;
mod vocabulary;
mod whole;
mod word;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};
use reader::Reader;

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
        Reader::new(value.bytes, found).read();
        if found.score() < Strength::Strong as u32 {
            whole::judge(value.bytes, found);
            line::judge(value.bytes, found);
        }
    }
}
