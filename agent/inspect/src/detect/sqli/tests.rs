//! What closes a string or follows a number, in many spellings, and what people write with quotes and numbers.

use super::Sqli;
use crate::detect::{Detector, Found, Value, tests::score_of};

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
    let honest =
        ["LINESTRING(0 0, 1 1)", "7=8", "x=1", "user(x)", "sort by 3", "@@name", "(select one)", "chr(65)"];
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
    let honest = ["use `a` or `b`", "arr[0] or 1", "x] (see below)", "a` or b", "say \"\" for nothing, \"\""];
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
    let pieces: [&[u8]; 12] =
        [b"'", b"\"", b"(", b")", b"/*", b"*/", b"--", b"#", b"\n", b" or ", b"\xc2\xa0", b"union select 1"];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let value = [first, second, third].concat().repeat(5);
                for len in 0..value.len() {
                    Sqli.examine(&Value::text(value.get(..len).unwrap_or_default()), &mut Found::default());
                }
            }
        }
    }
}
