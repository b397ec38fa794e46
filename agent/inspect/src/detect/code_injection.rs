//! Code of the languages that servers are written in, where a value is expected.

mod java;
mod javascript;
mod paste;
mod php;
mod prototype;
mod python;
mod ruby;

use std::sync::LazyLock;

use crate::detect::{
    Detector, Evidence, Examples, Found, Gate, Kind, Signal, Strength, Value,
    mark::{Mark, Marks},
};

use paste::Paste;

/// Code injection (CWE-94, CWE-95) and prototype pollution (CWE-1321).
///
/// What people inject is short and aimed: it begins at the front of the value or breaks out of a string, and goes
/// straight for the process, the class loader or the interpreter. What people paste has lines, definitions and
/// sentences around it; in it the same syntax is worth a tag.
pub(super) struct CodeInjection;

impl Detector for CodeInjection {
    fn signal(&self) -> Signal {
        Signal::CodeInjection
    }

    fn summary(&self) -> &'static str {
        "code injection: PHP, JavaScript, Java, Python, Ruby or Perl where a value is expected, or a polluted prototype"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "<?php system('id'); ?>",
                "';phpinfo();//",
                "eval(base64_decode('cGhwaW5mbygpOw=='))",
                "${@print(md5(31337))}",
                "require('child_process').exec('id')",
                "this.constructor.constructor('return process')()",
                "T(java.lang.Runtime).getRuntime().exec('id')",
                "%{(#_memberAccess['allowStaticMethodAccess']=true)}",
                "class.module.classLoader.resources.context.parent.pipeline.first.pattern",
                "__import__('os').system('id')",
                "().__class__.__bases__[0].__subclasses__()",
                "@{[system 'id']}",
                "Process.spawn(\"id\")",
                "__proto__[isAdmin]=true",
            ],
            passed: &[
                "how do I call system() from PHP?",
                "in PHP you would read $_GET['id'] and cast it to an integer",
                "const fs = require('fs')",
                "java.lang.NullPointerException: Cannot invoke \"String.length()\"",
                "import os\nimport sys\n\nprint(os.getcwd())",
                "every object has a __proto__, and functions have a prototype",
                "while (true) { poll(); }",
                "the file system (ext4) is full",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        static LITERALS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let mut literals: Vec<_> = TABLES.iter().copied().flatten().map(|mark| mark.literal).collect();
            literals.retain(|literal| !php::FUNCTIONS.iter().any(|mark| mark.literal == *literal));
            literals.extend_from_slice(php::CALLS);
            literals.extend(php::OTHERS);
            literals.sort_unstable();
            literals.dedup();
            literals
        });
        &LITERALS
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal() || gate.bytes.has_all(php::VARIABLE_CALL)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if value.kind == Kind::Key {
            prototype::examine_key(value.bytes, found);
        }
        let mut marks = Found::default();
        php::examine_variable_call(value.bytes, &mut marks);
        php::examine_short_tag(value.bytes, &mut marks);
        php::examine_spelled_call(value.bytes, &mut marks);
        MARKS.examine(value.bytes, &mut marks);
        if marks.is_empty() {
            return;
        }
        let paste = Paste::of(value.bytes);
        if paste == Paste::No {
            for Evidence { what, strength, at } in marks.iter() {
                found.push(what, *strength, at.clone());
            }
            return;
        }
        // One tag for all of it, however much of the language it shows.
        let keeps = |evidence: &&Evidence| paste == Paste::Code && evidence.strength == Strength::Certain;
        let strongest = marks.iter().max_by_key(|evidence| evidence.strength);
        match (marks.iter().find(keeps), strongest) {
            (Some(Evidence { what, strength, at }), _) => found.push(what, *strength, at.clone()),
            (None, Some(Evidence { what, strength, at })) if *strength >= Strength::Medium => {
                found.push(what, Strength::Tag, at.clone());
            }
            (None, _) => {}
        }
    }
}

static TABLES: [&[Mark]; 7] = [
    php::MARKS,
    php::FUNCTIONS,
    javascript::MARKS,
    java::MARKS,
    python::MARKS,
    ruby::MARKS,
    prototype::MARKS,
];

static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks::new(&TABLES));
