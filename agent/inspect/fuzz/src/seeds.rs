//! The seeds that are made rather than found: `cargo run -p framewall-inspect-fuzz -- write-seeds`.

use std::{fs, io};

use flate2::{Compress, Compression, FlushCompress};

use crate::{
    driver::folder,
    handshake::{client_frame, heads, server_frame},
    target::{TARGETS, rules::SEPARATOR},
};

/// Writes the seeds of every target.
///
/// # Errors
///
/// As the file system has it.
pub fn write() -> io::Result<()> {
    for target in TARGETS {
        let folder = folder("seeds", target);
        fs::create_dir_all(&folder)?;
        let seeds = match target.name {
            "http" => http(),
            "frames" => frames(),
            "inflate" => inflate(),
            "session" => session(),
            "slowest" => slowest(),
            "rules" => {
                for (nth, bytes) in rules().into_iter().enumerate() {
                    fs::write(folder.join(format!("example-{nth:02}")), bytes)?;
                }
                continue;
            }
            _ => text(),
        };
        for (name, bytes) in seeds {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

/// The examples of the documentation, with the messages that they are about.
fn rules() -> Vec<Vec<u8>> {
    const DOCUMENT: &str = include_str!("../../../../docs/rules.md");
    let blocks = DOCUMENT.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let seeds = blocks.map(|block| {
        let (said, rules): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("# "));
        let mut seed = rules.join("\n").trim_end().as_bytes().to_vec();
        for (_, message) in said.iter().filter_map(|line| line.split_once(": ")) {
            seed.push(SEPARATOR);
            seed.extend(message.as_bytes());
        }
        seed
    });
    seeds.collect()
}

type Seeds = Vec<(&'static str, Vec<u8>)>;

/// Mode block, limits that do not matter here, and some split.
const BLOCK: &[u8] = b"@B07";
const LOG: &[u8] = b"AB07";
/// As [`BLOCK`] with limits of a few hundred bytes.
const SMALL: &[u8] = b"@@02";
const SMALL_PASS: &[u8] = b"B@02";
/// As [`BLOCK`] with a rule about what the application says.
const READS_APP: &[u8] = b"\xc0B07";
const STRIP: &[u8] = b"DB03";

const ATTACK: &[u8] = br#"{"user":{"name":"' OR '1'='1"}}"#;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const NO_KEY: [u8; 4] = [0; 4];

fn http() -> Seeds {
    let (request, response) = heads("permessage-deflate; client_max_window_bits");
    let (plain_request, plain_response) = heads("");
    let say = |plan: &[u8], words: &[&str]| [plan, words.join("\x1e").as_bytes()].concat();
    let pipelined = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: a\r\n\r\n\
                     POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /d HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\
                   HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
    let chunked = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   A;x=\"1\"\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
    let continues = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                     1\r\nx\r\n0\r\n\r\n";
    let smuggled = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                    0\r\n\r\nGET /x HTTP/1.1\r\n\r\n";
    let early = format!("{plain_request}{}", "\x01\x02");
    vec![
        ("pipelined", say(BLOCK, &[pipelined, answers])),
        ("pipelined-too-many", say(SMALL, &[pipelined, answers])),
        ("chunked", say(BLOCK, &[chunked, continues])),
        ("smuggling", say(BLOCK, &[smuggled])),
        ("smuggling-log", say(LOG, &[smuggled])),
        ("upgrade", say(BLOCK, &[&plain_request, &plain_response, "\x01", "\x01"])),
        ("upgrade-deflate-stripped", say(STRIP, &[&request, &plain_response])),
        ("upgrade-deflate-refused", say(b"HB07", &[&request, &response])),
        ("upgrade-policies", say(b"`R07", &[&request, &response])),
        ("early-data", say(BLOCK, &[&early, &plain_response])),
        (
            "upgrade-rejected",
            say(
                BLOCK,
                &[
                    &plain_request,
                    "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno",
                    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                    "HTTP/1.0 200 OK\r\n\r\nto the end",
                ],
            ),
        ),
        (
            "upgrade-h2c",
            say(
                BLOCK,
                &[
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\0\0\0",
                ],
            ),
        ),
        (
            "connect",
            say(BLOCK, &["CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "x"]),
        ),
        ("http2-preface", say(b"PB07", &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])),
        ("tls", say(BLOCK, &["\x16\x03\x01\x02\0\x01\0"])),
        ("server-first", say(BLOCK, &["", "220 ready\r\n", "HELO a\r\n"])),
        ("folded", say(BLOCK, &["GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"])),
        (
            "bare-lf-response",
            say(BLOCK, &["GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"]),
        ),
    ]
}

fn frames() -> Seeds {
    let say = |plan: &[u8], extension: u8, client: &[u8], server: &[u8]| {
        let len = u16::try_from(client.len()).expect("a short seed");
        [plan, &[extension], &len.to_be_bytes(), client, server].concat()
    };
    let hello = client_frame(0x81, KEY, b"Hello");
    let fragments = [
        client_frame(0x01, NO_KEY, b"Hel"),
        client_frame(0x89, NO_KEY, b"Hello"),
        client_frame(0x80, NO_KEY, b"lo \xe2\x82\xac"),
    ]
    .concat();
    let server =
        [server_frame(0x01, b"Hel"), server_frame(0x80, b"lo"), server_frame(0x8a, b"Hello")].concat();
    let secret =
        [server_frame(0x01, b"no sec"), server_frame(0x89, b"Hello"), server_frame(0x80, b"ret")].concat();
    let mut deflater = Compress::new(Compression::default(), false);
    let deflated_secret: Vec<u8> = ["no word of it", r#"{"x":9}"#, r#"{"x":10}"#]
        .iter()
        .flat_map(|text| server_frame(0xc1, &deflated(&mut deflater, text.as_bytes())))
        .collect();
    let ending = [hello.clone(), client_frame(0x88, KEY, b"\x03\xe8bye")].concat();
    let one_block = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0];
    let compressed = [
        client_frame(0x41, NO_KEY, &one_block[..3]),
        client_frame(0x80, NO_KEY, &one_block[3..]),
        client_frame(0xc1, NO_KEY, &[0xf2, 0, 0x11, 0, 0]),
    ]
    .concat();
    let long = client_frame(0x82, NO_KEY, &[0x80; 300]);
    let longer = client_frame(0x81, NO_KEY, &[b'a'; 5000]);
    vec![
        // RFC 6455 §5.7, and its fragments with a ping between them.
        ("rfc-hello", say(BLOCK, 0, &hello, &server_frame(0x81, b"Hello"))),
        ("rfc-fragments", say(BLOCK, 0, &fragments, &server)),
        ("rfc-256-bytes", say(BLOCK, 0, &client_frame(0x82, KEY, &[7; 256]), &server_frame(0x82, &[7; 256]))),
        ("closing", say(BLOCK, 0, &ending, &server_frame(0x88, b"\x03\xe8"))),
        ("attack", say(BLOCK, 0, &client_frame(0x81, KEY, ATTACK), &server)),
        ("attack-log", say(LOG, 0, &client_frame(0x81, KEY, ATTACK), &server)),
        ("deflate", say(BLOCK, 1, &compressed, &server_frame(0xc1, &one_block))),
        ("deflate-no-takeover", say(BLOCK, 2, &compressed, &server)),
        ("too-long", say(SMALL, 0, &long, &server)),
        ("too-long-passes", say(SMALL_PASS, 0, &[long.clone(), hello.clone()].concat(), &server)),
        ("fragments-too-long", say(b"@\x0002", 0, &in_three(&[0x80; 250]), &server)),
        (
            "fragments-too-long-pass",
            say(b"B\x0002", 0, &[in_three(&[0x80; 250]), hello.clone()].concat(), &server),
        ),
        ("close-within-message", say(BLOCK, 0, &[&fragments[..9], &ending[11..]].concat(), b"")),
        ("reserved-bits", say(BLOCK, 0, &client_frame(0xf1, KEY, b"x"), &server_frame(0xb1, b"x"))),
        ("bad-utf8", say(BLOCK, 0, &client_frame(0x81, NO_KEY, b"\xed\xa0\x80"), b"")),
        (
            "server-torn",
            say(BLOCK, 0, &client_frame(0x81, KEY, ATTACK), &server_frame(0x82, &[0; 200])[..50]),
        ),
        ("long-text", say(BLOCK, 0, &longer, b"")),
        ("rates", say(b"@F07", 0, &hello.repeat(6), &server)),
        ("app-read", say(READS_APP, 0, &hello, &server)),
        ("app-withheld", say(READS_APP, 0, &hello, &[&server[..], &secret].concat())),
        ("app-withheld-deflate", say(READS_APP, 1, &hello, &deflated_secret)),
        ("app-withheld-log", say(b"\xc1B07", 2, &hello, &deflated_secret)),
        (
            "app-too-long-passes",
            say(b"\xc2@02", 0, &hello, &[server_frame(0x82, &[7; 300]), secret].concat()),
        ),
        ("app-attack", say(b"\xc0\xc207", 0, &hello, &server_frame(0x81, ATTACK))),
    ]
}

/// A binary message in three frames.
fn in_three(payload: &[u8]) -> Vec<u8> {
    let (first, rest) = payload.split_at(payload.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    [client_frame(0x02, KEY, first), client_frame(0, KEY, second), client_frame(0x80, KEY, third)].concat()
}

fn inflate() -> Seeds {
    let say = |plan: &[u8], options: u8, messages: &[Vec<u8>]| {
        let mut input = [plan, &[options]].concat();
        for message in messages {
            input.extend(u16::try_from(message.len()).expect("a short seed").to_be_bytes());
            input.extend(message);
        }
        input
    };
    let conversation = |level: u32| {
        let mut deflater = Compress::new(Compression::new(level), false);
        let texts = [
            r#"{"n":1,"text":"the first message"}"#.to_owned(),
            r#"{"n":2,"text":"the second message"}"#.to_owned(),
            String::new(),
            String::from_utf8_lossy(ATTACK).into_owned(),
            format!(r#"{{"n":3,"text":"{}"}}"#, "message ".repeat(100)),
            r#"{"n":2,"text":"the second message"}"#.to_owned(),
        ];
        texts.map(|text| deflated(&mut deflater, text.as_bytes()))
    };
    let one_block = vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0];
    let refers_back = vec![0xf2, 0, 0x11, 0, 0];
    let stored = vec![0, 5, 0, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0];
    let last = vec![0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0];
    let two_blocks = vec![0xf2, 0x48, 0x05, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0];
    let bomb = deflated(&mut Compress::new(Compression::best(), false), &vec![b'a'; 300_000]);
    let bomb_of_many = deflated(&mut Compress::new(Compression::best(), false), &vec![b'a'; 8_000_000]);
    let random: Vec<u8> = (0..600_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let incompressible = deflated(&mut Compress::new(Compression::best(), false), &random);
    vec![
        // RFC 7692 §7.2.3.1 and §7.2.3.2, then §7.2.3.3 to §7.2.3.5.
        ("rfc-sharing-window", say(BLOCK, 0, &[one_block.clone(), refers_back.clone()])),
        ("rfc-no-takeover", say(BLOCK, 1, &[one_block.clone(), refers_back.clone()])),
        ("rfc-stored", say(BLOCK, 0, std::slice::from_ref(&stored))),
        ("rfc-final-block", say(BLOCK, 0, &[last, refers_back, one_block.clone()])),
        ("rfc-two-blocks", say(BLOCK, 0, &[two_blocks, vec![0], stored])),
        ("conversation", say(LOG, 0, &conversation(6))),
        ("conversation-block", say(BLOCK, 0, &conversation(9))),
        ("conversation-stored", say(LOG, 0, &conversation(0))),
        ("conversation-binary", say(LOG, 2, &conversation(1))),
        ("conversation-app", say(LOG, 4, &conversation(6))),
        ("conversation-app-read", say(READS_APP, 5, &conversation(6))),
        ("conversation-small", say(SMALL_PASS, 0, &conversation(6))),
        ("bomb", say(b"@A07", 0, &[bomb.clone(), one_block.clone()])),
        ("bomb-passes", say(b"BA07", 0, &[bomb, one_block])),
        ("bomb-ratio", say(b"@C07", 0, &[bomb_of_many])),
        ("incompressible", say(LOG, 2, &[incompressible])),
        ("corrupt", say(BLOCK, 0, &[vec![0xff; 20]])),
    ]
}

fn deflated(deflater: &mut Compress, text: &[u8]) -> Vec<u8> {
    // RFC 7692 §7.2.3.6.
    if text.is_empty() {
        return vec![0];
    }
    let mut out = Vec::with_capacity(text.len() + 1000);
    deflater.compress_vec(text, &mut out, FlushCompress::Sync).expect("there is room");
    out.truncate(out.len() - 4);
    out
}

fn session() -> Seeds {
    let client = |bytes: &[u8]| chunk(0, bytes);
    let server = |bytes: &[u8]| chunk(6, bytes);
    let wait = |ms: u16| [&[10], &ms.to_be_bytes()[..]].concat();
    let (request, response) = heads("permessage-deflate");
    let hello = client_frame(0x81, KEY, b"Hello");
    let attack = client_frame(0x81, KEY, ATTACK);
    let say = |plan: &[u8], start: u8, turns: &[Vec<u8>]| [plan, &[start], &turns.concat()].concat();
    let (eof_client, eof_server, shutdown) = (vec![13], vec![14], vec![15]);
    vec![
        (
            "from-the-start",
            say(BLOCK, 0, &[client(request.as_bytes()), server(response.as_bytes()), client(&hello)]),
        ),
        (
            "attack-while-the-server-talks",
            say(
                BLOCK,
                1,
                &[
                    server(&server_frame(0x82, &[1; 90])[..40]),
                    client(&attack),
                    server(&[1; 52]),
                    server(&server_frame(0x81, b"more")),
                    wait(1000),
                    eof_server.clone(),
                    wait(3000),
                ],
            ),
        ),
        ("attack-log", say(LOG, 2, &[client(&attack), client(&hello), eof_client.clone()])),
        (
            "slow-message",
            say(b"@b07", 1, &[client(&hello[..4]), wait(2000), vec![12, 8, 0], wait(2500), wait(9000)]),
        ),
        ("slow-head", say(b"@b07", 0, &[client(&request.as_bytes()[..40]), wait(4000)])),
        ("idle", say(b"@b07", 1, &[client(&hello), wait(4000), server(b"\x81\x02hi"), wait(20000)])),
        (
            "shutdown",
            say(BLOCK, 1, &[client(&hello[..7]), server(b"\x81\x7e"), shutdown.clone(), server(b"\0\x7e")]),
        ),
        ("shutdown-http", say(BLOCK, 0, &[client(b"GET / HT"), shutdown.clone(), wait(3000)])),
        (
            "half-closed-head",
            say(
                BLOCK,
                0,
                &[client(b"GET / HTTP/1.1\r\nA"), eof_client.clone(), server(b"HTTP/1.0 400 x\r\n\r\n")],
            ),
        ),
        (
            "half-closed-early",
            say(
                BLOCK,
                0,
                &[client(request.as_bytes()), client(&hello), eof_client, server(response.as_bytes())],
            ),
        ),
        (
            "scarce-memory",
            say(b"@I07", 1, &[client(&client_frame(0x82, KEY, &[9; 12000])), client(&hello), eof_server]),
        ),
    ]
}

fn chunk(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a short seed");
    [&[tag], &len.to_be_bytes()[..], bytes].concat()
}

fn text() -> Seeds {
    [
        ("json", ATTACK),
        (
            "json-escaped",
            br#"{"a":[1,true,null,{"\u0071":"\u0027 OR \u00271\u0027=\u00271"}],"b":"\ud83d\ude00"}"#,
        ),
        ("json-deep", b"[[[[[[{\"a\":\"<script>alert(1)</script>\"}]]]]]]"),
        ("json-torn", br#"{"a":"' OR '1'='1"#),
        ("json-many", br#"["a'","b'","c'","d'","e'","f'","g'","h'","i'","j'","k'","l'","m'","n' or 1=1--"]"#),
        ("socket-io", br#"42/room,7["chat",{"text":"<img src=x onerror=alert(1)>"}]"#),
        ("plain", b"1 UNION SELECT password FROM users--"),
        ("comment", b"1/**/or/*!50000*/1=1#"),
        ("binary", b"\x80\x81name\0<svg onload=alert(1)>\0\xff1' and sleep(5)#\xfe"),
        ("byte-order-mark", b"\xef\xbb\xbf{\"a\":\"x\"}"),
        ("prose", "it's five o'clock; select a date from the table \u{20ac}".as_bytes()),
    ]
    .map(|(name, bytes)| (name, bytes.to_vec()))
    .to_vec()
}

/// What some detector or decoder begins to read, or almost finds, by name.
pub(crate) const UNITS: &[(&str, &[u8])] = &[
    ("blank", b" "),
    ("letter", b"a"),
    ("words", b"union select from where "),
    ("quote", b"'"),
    ("quotes", b"'\" or "),
    ("sql-comment", b"/*"),
    ("sql-comments", b"1/**/or/*!0"),
    ("sql-dashes", b"'--\n"),
    ("sql-parens", b"'||(("),
    ("sql-concat", b"a'||'b"),
    ("sql-string", b"0x61,char(97),"),
    ("sql-dots", b"a.b."),
    ("tag", b"<a "),
    ("tags", b"<x y=z "),
    ("attribute", b"\" on"),
    ("handler", b"<b onx="),
    ("scheme", b"javascript :"),
    ("entity", b"&#x3c;"),
    ("entities", b"&amp;lt;&#0000"),
    ("cdata", b"<![CDATA["),
    ("doctype", b"<!ENTITY x SYSTEM "),
    ("command", b";cat "),
    ("substitution", b"$(`"),
    ("variable", b"${IFS}$@c''at "),
    ("path", b"../"),
    ("path-odd", b"..\\....//%2e%2e;/"),
    ("lookup", b"${"),
    ("lookups", b"${${lower:j}:-"),
    ("url", b"http://1.2"),
    ("url-number", b"http://0x7f000001@"),
    ("template", b"{{"),
    ("templates", b"{{7*a}}${#{<%= "),
    ("operator", b"{\"$gt\":"),
    ("php", b"<?php $_GET["),
    ("call", b"eval(("),
    ("dunder", b"__proto__[constructor]."),
    ("serialised", b"O:1:\"a\":1:{"),
    ("ldap", b"*)(|(&(a="),
    ("include", b"<!--#"),
    ("line-end", b"\r\nSet-Cookie:"),
    ("jwt", b"eyJhbGciOiJub25lIn0."),
    ("percent", b"%"),
    ("percents", b"%252527"),
    ("percent-u", b"%u0027%u00"),
    ("overlong", b"\xc0\xae\xe0\x80\xaf"),
    ("escape", b"\\u0027\\x3c\\"),
    ("backslash", b"\\"),
    ("base64", b"PHNjcmlwdD4"),
    ("hex", b"3c736372697074"),
    ("json", b"[{\"a\":"),
    ("json-string", b"{\\\"a\\\":\\\""),
    ("form", b"a=b&c[d]=%3D&"),
    ("look-alike", b"\xef\xbc\x87\xef\xbc\x9c"),
    ("zero-width", b"o\xe2\x80\x8br\xc2\xad"),
    ("nul", b"a\0"),
    ("graphql", b"{a{b"),
    ("stomp", b"SEND\na:b\n\n\0"),
    ("socket-io", b"42[\"a\","),
    ("varint", b"\x0a\x10\x12\x0e"),
    ("msgpack", b"\x81\xa1a\x91"),
    ("cbor", b"\xa1\x61a\x9f"),
];

/// What hunts have found to be slow, with the letter of its form.
const HUNTED: &[(&str, &[u8])] = &[
    ("hunted-json", b"m{\"7$(`g<!EN+g|<{%252527\"$\"}27\"$\"}'${r{e${r{%2$<\xc0+g0}:-\"x"),
    ("hunted-form", b"m{%22+e'#=;e(e(&${%252527{_:;%e$<c;';$(ue(<!--#2\\%27{"),
    ("hunted-template", b"m-%252527=527=52527={7(aa\x00.}}{${#{{${#{.t${#{.tt+p:\xe2#{{x<ht"),
    ("hunted-plain", b"t{{{\x80%%3Du..@<=&c]+[d]=`,../%=~'<~'=\\'<n\t'2}${#{%25252525|!{!!"),
];

/// Each in the form in which most messages come, and in another.
fn slowest() -> Seeds {
    const OTHERS: &[u8] = b"tm%6fb";
    let others = OTHERS.iter().cycle();
    let both = UNITS.iter().zip(others).enumerate().map(|(nth, ((name, unit), other))| {
        let form = if nth % 2 == 0 { b'j' } else { *other };
        (*name, [&[form], *unit].concat())
    });
    both.chain(HUNTED.iter().map(|(name, input)| (*name, input.to_vec()))).collect()
}
