//! SQL injection: a value that breaks out of the literal or the number it should be.

mod reader;
mod short;
mod token;
mod whole;
mod word;

use crate::{
    byte_set::ByteSet,
    detect::{Detector, Examples, Found, Gate, Signal, Strength, Value},
};

use reader::Reader;
use token::{Kind, Lexer};
use word::Word;

/// SQL injection (OWASP A03, CWE-89).
///
/// A value is split into the tokens of all common dialects and read in three ways: as it stands, and as the inside
/// of a string in single and in double quotes. What counts is that something is closed (the string around the
/// value, or the number that it begins with) and what then goes on: a condition that is always true, `UNION
/// SELECT`, another statement, a subquery, a function that waits or that tells by its error message.
///
/// A value that is a whole statement from its first word on (`SELECT a FROM b`) is something people paste into chats
/// and editors. It breaks out of nothing and is a tag.
pub(super) struct Sqli;

impl Detector for Sqli {
    fn signal(&self) -> Signal {
        Signal::Sqli
    }

    fn summary(&self) -> &'static str {
        "SQL injection: a value that breaks out of the literal or the number it should be"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "' OR 1=1--",
                "1 OR 1=1",
                "admin'--",
                "-1 UNION SELECT 1,2,3",
                "1'; DROP TABLE users--",
                "1 AND SLEEP(5)",
                "x'||(SELECT password FROM users LIMIT 1)||'",
                "1) ORDER BY 3#",
            ],
            passed: &[
                "SELECT * FROM users WHERE id = 1",
                "it's 5 o'clock and 1=1 is trivial",
                "O'Brien and D'Angelo",
                "1 < 2 and 3 > 2",
                "select all n between @min and @max",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &[
            "select",
            "union",
            "having",
            "waitfor",
            "sleep",
            "benchmark",
            "order by",
            "group by",
            "outfile",
            "dumpfile",
            "information_schema",
            "xp_",
            "sp_",
            "procedure",
            "extractvalue",
            "updatexml",
            "drop ",
            "exec",
            "/*!",
            "declare",
            "insert",
            "dbms_",
            "utl_",
            "load_file",
            "sysobjects",
            "'or",
            "' or",
            "'and",
            "' and",
            "\"or",
            "\" or",
            "\"and",
            "\" and",
            "or true",
            "and true",
            "or not",
            "and not",
            "rlike",
            "regexp",
            "or 1",
            "and 1",
            "or 2",
            "and 2",
            "or 3",
            "and 3",
            "or 4",
            "and 4",
            "or 5",
            "and 5",
            "or 6",
            "and 6",
            "or 7",
            "and 7",
            "or 8",
            "and 8",
            "or 9",
            "and 9",
            "sounds",
            "between",
            "@@",
            "char(",
            "chr(",
            "concat",
            "' like",
            "xor",
            "or false",
            "and false",
            "or null",
            "is null",
            "not null",
            "' '",
            "\" \"",
            "or !",
            "or ~",
            "or!",
            "or~",
            ")--",
            "isnull",
            "make_set",
            "elt(",
            "iif(",
            "version()",
            "ctxsys",
            "gtid_",
            "randomblob",
            "convert(",
            "cast(",
            "current_",
            "_user",
            "mysql.",
            "boolean mode",
            "bulk ",
            "grant ",
            "revoke ",
            "create ",
            "truncate ",
            "alter ",
            "update ",
            "delete from",
            "copy ",
            "backup ",
            "load data",
            "attach ",
            "shutdown",
            " div ",
            " xor ",
            "limit ",
            "where ",
            "rownum",
            "database()",
            "user()",
            "substring(",
            "substr(",
            "ascii(",
            "or x",
            "' limit",
            "' union",
            "’ or",
            "’or",
            "’ and",
            "” or",
            "” and",
            "‘ or",
            "’=’",
            "”=”",
            "with ",
            "1 like",
            " in (",
            "or 0",
            "and 0",
            "-false",
            "-true",
            "into @",
            "sqlvuln",
            "sqlattempt",
            "exists",
        ]
    }

    fn applies(&self, gate: &Gate) -> bool {
        const QUOTES: ByteSet = ByteSet::QUOTE.and(ByteSet::DOUBLE_QUOTE);
        const OPERATORS: ByteSet = ByteSet::EQUALS
            .and(ByteSet::LESS)
            .and(ByteSet::GREATER)
            .and(ByteSet::MINUS)
            .and(ByteSet::HASH)
            .and(ByteSet::SLASH)
            .and(ByteSet::SEMICOLON)
            .and(ByteSet::PIPE)
            .and(ByteSet::AMPERSAND)
            .and(ByteSet::PAREN)
            .and(ByteSet::STAR)
            .and(ByteSet::PLUS)
            .and(ByteSet::MARK)
            .and(ByteSet::PERCENT)
            .and(ByteSet::DIGIT);
        const PROBES: ByteSet = ByteSet::MINUS.and(ByteSet::SLASH).and(ByteSet::PIPE).and(ByteSet::AMPERSAND);
        gate.has_literal()
            || gate.bytes.has_any(QUOTES) && gate.bytes.has_any(OPERATORS)
            || gate.bytes.has_any(ByteSet::EQUALS.and(ByteSet::NUL))
            || gate.bytes.has_any(ByteSet::LESS.and(ByteSet::GREATER).and(ByteSet::SEMICOLON))
                && gate.bytes.has_any(ByteSet::DIGIT)
            || gate.bytes.has_all(ByteSet::SLASH.and(ByteSet::STAR))
            || gate.len < 8 && gate.bytes.has_any(ByteSet::DIGIT) && gate.bytes.has_any(PROBES)
            || gate.bytes.has_all(ByteSet::SEMICOLON.and(ByteSet::MINUS)) && gate.len < 16
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        let value = value.bytes;
        if is_statement(value) {
            let mut inner = Found::default();
            // A string that an application opens around the value makes its first words the content of that string:
            // `select' or 1=1 --`. Only a statement that is whole as it stands is none.
            let is_whole = whole::is_whole(value);
            if !(is_whole && whole::is_sound(value)) {
                read_behind_quotes(value, false, found);
                if found.score() >= Strength::Strong as u32 {
                    return;
                }
                found.clear();
            }
            read(value, &mut inner);
            if let Some(evidence) = inner.iter().next() {
                found.push("a whole SQL statement", Strength::Tag, evidence.at.clone());
            } else if is_whole {
                found.push("a whole SQL statement", Strength::Tag, 0..value.len());
            }
            short::read(value, found);
            for evidence in inner.iter().filter(|evidence| ONLY_ATTACKS.contains(&evidence.what)) {
                found.push(evidence.what, evidence.strength, evidence.at.clone());
            }
            return;
        }
        read(value, found);
        if found.score() < Strength::Strong as u32 {
            short::read(value, found);
        }
        if found.is_empty()
            && value.len() <= LONGEST_DOUBLED
            && let Some(undoubled) = undouble(value).or_else(|| unsmarten(value)).or_else(|| unescape(value))
        {
            read(&undoubled, found);
            short::read(&undoubled, found);
        }
    }
}

/// Longest value in which doubled quotes are made single.
const LONGEST_DOUBLED: usize = 256;

/// The value with single quotes for its doubled ones, if they are all doubled: it comes from a field of a CSV file,
/// or was escaped once.
fn undouble(value: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memchr(b'"', value)?;
    if value.get(at + 1) != Some(&b'"') || memchr::memchr(b'"', value.get(at + 2..)?).is_none() {
        return None;
    }
    let mut undoubled = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, behind)) = rest.split_first() {
        undoubled.push(*byte);
        rest = if *byte == b'"' { behind.strip_prefix(b"\"").unwrap_or(behind) } else { behind };
    }
    Some(undoubled)
}

/// The value without the backslashes before its quotes.
fn unescape(value: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(value, b"\\'")?;
    let mut plain = Vec::with_capacity(value.len());
    for (at, byte) in value.iter().enumerate() {
        if *byte != b'\\' || value.get(at + 1) != Some(&b'\'') {
            plain.push(*byte);
        }
    }
    Some(plain)
}

/// The value with plain quotes for typographic ones, which an editor made of them, if it has no other ones.
fn unsmarten(value: &[u8]) -> Option<Vec<u8>> {
    const LONGEST: usize = 96;
    if value.len() > LONGEST || value.iter().any(|byte| matches!(byte, b'\'' | b'"')) {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let plain = text.replace(['‘', '’', '´'], "'").replace(['“', '”'], "\"");
    (plain != text).then(|| plain.into_bytes())
}

/// What not even a whole statement has unless somebody attacks.
const ONLY_ATTACKS: [&str; 11] = [
    "writes into the server's own tables",
    "makes an account",
    "loads a file",
    "asks the server about itself",
    "statement that breaks off",
    "a script hidden in a number",
    "keyword in mixed case",
    "comment in place of a blank",
    "runs a command of the server",
    "runs what is hidden in a number",
    "rest commented out",
];

fn read(value: &[u8], found: &mut Found) {
    let plus_is_blank = is_form(value);
    for plus_is_blank in [false, true].into_iter().take(1 + usize::from(plus_is_blank)) {
        read_behind_quotes(value, plus_is_blank, found);
        if !found.is_certain() {
            Reader::plain(value, found).read(0, plus_is_blank);
        }
    }
}

/// Reads the value as the inside of a string or of a quoted name, until one is certain.
fn read_behind_quotes(value: &[u8], plus_is_blank: bool, found: &mut Found) {
    for quote in [b'\'', b'"'] {
        if found.is_certain() {
            return;
        }
        if let Some(at) = memchr::memchr(quote, value)
            && may_close(value, quote)
        {
            Reader::behind_quote(value, found).read(at + 1, plus_is_blank);
        }
    }
    for bracket in [b'`', b']'] {
        if let Some(at) = value.iter().take(LONGEST_NAME).position(|byte| *byte == bracket)
            && value.iter().take(at).all(u8::is_ascii_alphanumeric)
            && may_close(value, bracket)
            && !found.is_certain()
        {
            Reader::behind_quote(value, found).read(at + 1, plus_is_blank);
        }
    }
}

/// Longest name or number that is read before a bracket that ends the name of a column.
const LONGEST_NAME: usize = 32;

/// Whether one of the quotes that may close the string around the value goes on as SQL would: most apostrophes do
/// not, and the value need not be read as the inside of a string.
fn may_close(value: &[u8], quote: u8) -> bool {
    const LONGEST: usize = 12;
    // A value with more quotes is read, not asked.
    const ENOUGH: usize = 64;
    let goes_on = |at: usize| {
        let rest = value.get(at + 1..).unwrap_or_default();
        let blanks =
            rest.iter().take(LONGEST).take_while(|byte| matches!(**byte, b' ' | b'\t'..=b'\r')).count();
        let rest = rest.get(blanks..).unwrap_or_default();
        match rest.first() {
            None => false,
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let len = rest.iter().take(LONGEST).take_while(|byte| byte.is_ascii_alphabetic()).count();
                len == LONGEST
                    || Word::of(rest.iter().take(len).fold(word::EMPTY, |hash, byte| word::hash(hash, *byte)))
                        .is_some()
            }
            Some(b'.' | b'?' | b':') => false,
            Some(byte) => !byte.is_ascii_digit(),
        }
    };
    value.len() < 16
        || value.contains(&0)
        || memchr::memchr_iter(quote, value).step_by(2).take(ENOUGH).any(goes_on)
        || memchr::memchr_iter(quote, value).nth(2 * ENOUGH).is_some()
}

/// Whether `+` may stand for blanks: it touches what stands beside it.
fn is_form(value: &[u8]) -> bool {
    const LONG: usize = 256;
    const LONGEST: usize = 4096;
    let has_blanks = || memchr::memchr(b' ', value.get(..LONG).unwrap_or(value)).is_some();
    if value.len() > LONGEST || value.len() > LONG && has_blanks() {
        return false;
    }
    memchr::memchr_iter(b'+', value).take(32).any(|at| {
        value.get(at + 1).is_some_and(u8::is_ascii_alphabetic) && value.get(at.wrapping_sub(1)) != Some(&b' ')
    })
}

/// Whether the first word begins a statement.
fn is_statement(value: &[u8]) -> bool {
    let Some(first) = Lexer::new(value, 0, false).next() else { return false };
    matches!(first.kind, Kind::Word(word) if word.is_verb())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::score_of;

    fn score(value: &str) -> u32 {
        score_of(&Sqli, value)
    }

    fn missed<'a>(values: &[&'a str], least: u32) -> Vec<&'a str> {
        values.iter().copied().filter(|value| score(value) < least).collect()
    }

    #[test]
    fn a_verb_in_front_hides_nothing() {
        let attacks = [
            "select x' UNION SELECT login, password FROM accounts -- ",
            "SELECT name FROM t' OR '1'='1",
            "select a from b where c = ' or 1=1 -- ",
            "exec ' or 1=1 --",
            "insert into x values (' or '1'='1",
            "with x as ' or 1=1 #",
            "select ' or ''='",
            "explain ' and sleep(5) -- ",
            "update t set a = \" or 1=1 -- ",
        ];
        assert_eq!(missed(&attacks, 5), [""; 0]);
    }

    #[test]
    fn finds_what_closes_a_string() {
        let attacks = [
            "') or ('x'='x",
            "' or ''='",
            "x' and email is null; --",
            "x' or full_name like '%bob%",
            "admin' or '1'='1'/*",
            "%' and 1=0 union all select 1--",
            "' group by userid having 1=1--",
            "1'-sleep(5)-'",
            "'||(select 1 from dual)||'",
            "' and ascii(substring(user(),1,1))=114#",
            "' or '{\"a\":1}'::jsonb @> '{\"a\":1}'::jsonb--",
            "0'XOR(if(now()=sysdate(),sleep(5),0))XOR'Z",
        ];
        assert_eq!(missed(&attacks, 8), [""; 0]);
        assert_eq!(
            missed(&["admin'--", "x') #", "'-'", "\"&\"", "' '", "a' || 'b", "';", "' or '' '"], 5),
            [""; 0]
        );
    }

    #[test]
    fn finds_what_follows_a_number() {
        let attacks = [
            "1 or 1=1",
            "1) and (1=1",
            "-1 union all select 1,2,3",
            "1 and 1234=(select count(*) from generate_series(1,5000000))",
            "1;select pg_sleep(5)",
            "1 rlike sleep(5)",
            "1);waitfor delay '0:0:5'--",
            "1 and (select * from (select(sleep(5)))a)",
            "1 and updatexml(1,concat(0x7e,version()),1)",
        ];
        assert_eq!(missed(&attacks, 8), [""; 0]);
        assert_eq!(missed(&["1 order by 10", "1 or not 0", "1,(select 1)", "1)--"], 5), [""; 0]);
    }

    #[test]
    fn finds_what_begins_in_the_middle_of_a_statement() {
        let attacks = [
            "or 1=1--",
            " and 1=2",
            "union select 1,2,3",
            "having 1=1--",
            "sleep(5)#",
            "sleep(7)#1",
            "none waitfor delay '0:0:7'--1",
            "if(now()=sysdate(),sleep(5),0)",
            "(select (case when (7=7) then 1 else 0 end))",
            "make_set(7=7,1)",
        ];
        assert_eq!(missed(&attacks, 5), [""; 0]);
    }

    #[test]
    fn disguises_change_nothing() {
        for attack in ["1 union select 1,2 from users where 1=1 and 2=2", "x' or 1=1 and 'a'='a"] {
            assert!(score(attack) >= 8, "{attack}");
            for blank in ["/**/", "\n", "\u{b}", "\u{a0}", "#x\n", "--x\n", "+", "/*x*/", "\t\t"] {
                assert!(score(&attack.replace(' ', blank)) >= 8, "{attack} {blank:?}");
            }
            for (from, to) in [
                ("or", "||"),
                ("and", "&&"),
                ("1=1", "1.e0=1.e0"),
                ("select", "/*!50000SeLeCt*/"),
                ("union", "un\0ion"),
            ] {
                assert!(score(&attack.replace(from, to)) >= 8, "{attack} {to:?}");
            }
        }
        let mut raw = b"1\xa0or\xa01=1".to_vec();
        let mut found = Found::default();
        Sqli.examine(&Value::text(&raw), &mut found);
        assert!(found.is_certain());
        raw.push(0xff);
    }

    #[test]
    fn a_whole_statement_is_a_tag() {
        for statement in [
            "SELECT * FROM t WHERE a = 'x' OR b = 2",
            "select id from t where 1=1 and name like '%a%' union select 2",
            "INSERT INTO t VALUES (1, 'x'); UPDATE t SET a = 'y' WHERE 1=1",
        ] {
            assert!(score(statement) < 5, "{statement}: {}", score(statement));
        }
        for statement in [
            "SELECT name, age FROM people WHERE age > 30 ORDER BY age",
            "INSERT INTO t (a,b) VALUES (1,'x');",
            "UPDATE t SET a = 1 WHERE id = 5",
            "CREATE TABLE t (id INT PRIMARY KEY, a TEXT)",
            "DELETE FROM t WHERE a = 1",
            "WITH x AS (SELECT 1) SELECT * FROM x",
        ] {
            assert_eq!(score(statement), 2, "{statement}");
        }
        assert_eq!(score("select one from the list, please"), 0);
        assert!(score("SeLeCt 1 UnIoN SeLeCt 2") >= 5);
    }

    #[test]
    fn a_short_statement_about_the_server_is_none_that_people_paste() {
        let attacks = [
            "select @@version",
            "SELECT table_name FROM information_schema.tables",
            "select user, host from mysql.user",
            "SELECT banner FROM v$version",
            "select pg_sleep(5)",
            "select sleep(5)",
            "SELECT current_user",
            "select load_file('/etc/hosts')",
            "exec sp_addlogin 'a','b'",
            "create user ann identified by 'x'",
            "copy t from program 'id'",
        ];
        assert_eq!(missed(&attacks, 5), [""; 0]);
        for statement in [
            "SELECT user_name, version FROM users",
            "select last_insert_id()",
            "select column_name from table_name",
            "use the program that I sent",
            "SELECT c.column_name, c.data_type FROM information_schema.columns c WHERE c.table_name = 'orders' AND 1 < 2",
        ] {
            assert!(score(statement) < 5, "{statement}: {}", score(statement));
        }
    }

    #[test]
    fn finds_values_that_are_one_expression() {
        let attacks = [
            "@@version",
            "version()",
            "user()",
            "(select 1)",
            ",(select 1)",
            "1 desc,(select 1)",
            "id,(select 1)",
            "concat(0x7e,version())",
            "convert(int,@@version)",
            "extractvalue(1,concat(0x5c,user()))",
            "chr(65)||chr(66)",
            "dbms_pipe.receive_message('a',5)",
            "(7=7)*3",
            "7=7",
            "'a'='a",
            "null--",
            "group by a having 7=7",
            "order by 3",
        ];
        assert_eq!(missed(&attacks, 5), [""; 0]);
        let honest = [
            "LINESTRING(0 0, 1 1)",
            "7=8",
            "x=1",
            "user(x)",
            "sort by 3",
            "@@name",
            "(select one)",
            "chr(65)",
        ];
        let refused: Vec<_> = honest.iter().filter(|value| score(value) >= 5).collect();
        assert_eq!(refused, [&""; 0]);
    }

    #[test]
    fn finds_other_contexts_of_a_value() {
        let attacks = [
            "x`) union select 1--",
            "a] or 1=1--",
            "x\"\") or (\"\"a\"\"=\"\"a",
            "' or q'[a]'=q'[a]'--",
            "' in boolean mode) and 7=7#",
            "' limit 1--",
            "' rlike '.*",
            "1 and case when 7=7 then 7 else 1/0 end",
        ];
        assert_eq!(missed(&attacks, 5), [""; 0]);
        let honest =
            ["use `a` or `b`", "arr[0] or 1", "x] (see below)", "a` or b", "say \"\" for nothing, \"\""];
        let refused: Vec<_> = honest.iter().filter(|value| score(value) >= 5).collect();
        assert_eq!(refused, [&""; 0]);
    }

    #[test]
    fn people_may_write_with_quotes_and_numbers() {
        let honest = [
            "it's 5 o'clock and 1=1 is trivial",
            "the dogs' owners and the cats' owners",
            "5' 10\" or 6' 2\"",
            "what's the #1 song? -- Ann",
            "const x = 'a' + b + 'c';",
            "if x == 'a' or y == 'b': pass",
            "SELECT is a keyword; drop me a line",
            "Qu'est-ce que c'est? L'union fait la force",
            "name = 'x' and age = 3",
            "He said 'yes' and I said 'no' = 'maybe'",
            "time.sleep(5)",
            "Order 4711 is(ready, packed)",
            "(020)-7946 or 50% (draft)",
            "select all n between @min and @max",
        ];
        let refused: Vec<_> = honest.iter().filter(|value| score(value) >= 5).collect();
        assert_eq!(refused, [&""; 0]);
    }

    #[test]
    fn quotes_that_an_editor_or_an_escape_changed_are_quotes() {
        let attacks = ["’ or ’7’=’7", "” or ”a”=”a", "\\' or \\'7\\'=\\'7"];
        assert_eq!(missed(&attacks, 5), [""; 0]);
        let honest = ["it’s one or two’s", "“yes” or “no”", "it\\'s fine"];
        let refused: Vec<_> = honest.iter().filter(|value| score(value) >= 5).collect();
        assert_eq!(refused, [&""; 0]);
    }

    #[test]
    fn any_bytes_are_read() {
        let pieces: [&[u8]; 12] = [
            b"'",
            b"\"",
            b"(",
            b")",
            b"/*",
            b"*/",
            b"--",
            b"#",
            b"\n",
            b" or ",
            b"\xc2\xa0",
            b"union select 1",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let value = [first, second, third].concat().repeat(5);
                    for len in 0..value.len() {
                        Sqli.examine(
                            &Value::text(value.get(..len).unwrap_or_default()),
                            &mut Found::default(),
                        );
                    }
                }
            }
        }
    }
}
