//! What people and programs send over WebSockets and must be allowed to send.
//!
//! Each text is inspected as a message of its own and as a string inside a JSON message. None may block; tags are
//! allowed and few.

use framewall_inspect::{Finding, FindingAction, Inspector, Opcode, Settings};

/// Of all texts, at most one in this many is tagged.
const TAGGED_ONE_IN: usize = 20;

const LANGUAGES: &[&str] = &[
    "你好,今天天气怎么样?",
    "请问这个订单什么时候发货?谢谢!",
    "「これは引用です」と彼は言った。",
    "ありがとうございます!(^_^)/",
    "ヘルプ:ファイル/フォルダの選択",
    "안녕하세요, 오늘 회의는 3시입니다.",
    "ㅋㅋㅋㅋ 진짜? 대박!!",
    "مرحبا، كيف حالك اليوم؟",
    "السلام عليكم ورحمة الله وبركاته",
    "السعر: ١٢٣٫٤٥ ريال (شامل الضريبة)",
    "שלום, מה שלומך?",
    "צה\"ל, ארה\"ב וחז\"ל",
    "ג'ירפה, צ'ק וז'אנר",
    "Привет! Как дела? Всё хорошо, спасибо.",
    "«Война и мир» — роман Л. Н. Толстого",
    "об'єднання, п'ять, з'їзд",
    "Γειά σου, τι κάνεις; Καλά!",
    "สวัสดีครับ ราคาเท่าไหร่ครับ",
    "नमस्ते, आप कैसे हैं?",
    "আমি ভালো আছি, ধন্যবাদ।",
    "வணக்கம், எப்படி இருக்கிறீர்கள்?",
    "Xin chào, bạn có khoẻ không? Tôi muốn đặt hàng.",
    "Đường Nguyễn Huệ, Quận 1, TP. Hồ Chí Minh",
    "Iğdır'da hava nasıl? Şu an güneşli.",
    "İstanbul'dan Ankara'ya gidiyorum",
    "Zażółć gęślą jaźń",
    "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Árvíztűrő tükörfúrógép",
    "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg",
    "L'été, c'est l'heure d'aller à l'océan, n'est-ce pas ?",
    "Aujourd'hui j'ai l'impression qu'il n'y a plus d'eau; c'est tout.",
    "Dall'altra parte dell'isola c'è un'osteria",
    "Sull'albero c'era un po' d'ombra",
    "¿Dónde está la biblioteca? ¡Allí!",
    "L'any passat vam anar a l'Hospitalet",
    "Não, só às terças-feiras à tarde",
    "Þetta er íslenska, ekki færeyska",
    "'s Avonds zat ik in m'n auto; da's fijn",
    "Na h-Eileanan Siar, mar sin leibh",
    "Maidin mhaith! Conas atá tú?",
    "Kei te pēhea koe?",
    "ქართული ენა — გამარჯობა",
    "Բարև, ինչպե՞ս ես",
    "ሰላም፣ እንዴት ነህ?",
    "Ｈｅｌｌｏ　ｗｏｒｌｄ！",
    "①②③ ★☆♪ → ok",
];

const NAMES_AND_EMOJI: &[&str] = &[
    "O'Brien",
    "Conan O'Brien and Shaquille O'Neal",
    "D'Angelo Russell",
    "Ng'ang'a wa Thiong'o",
    "Jeanne d'Arc",
    "M'Baku of the Jabari",
    "van 't Hoff",
    "Sinéad O\u{2019}Connor",
    "Null",
    "Bobby Tables",
    "Dr. Select, Jr.",
    "Smith-Jones; Ann (née O'Hara)",
    "Toys \"R\" Us",
    "AT&T, H&M, P&G & Co.",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466} family day",
    "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308} \u{1f3f4}\u{200d}\u{2620}\u{fe0f}",
    "\u{1f44d}\u{1f3fd} great!",
    "\u{1f1e9}\u{1f1ea} vs \u{1f1eb}\u{1f1f7} 2:1",
    ":-) ;-) :'( >:( :-/ :-| <3 </3 \\o/ ^_^ -_- o_O",
    "¯\\_(ツ)_/¯",
    "(╯°□°)╯︵ ┻━┻",
    "xD ;D =) =( D:",
    "***wow***, ~~no~~ ... _yes_",
];

const CHAT: &[&str] = &[
    "don't select all of them; drop me a line where you can",
    "Select one from the menu, or order by phone.",
    "I'll update the table and delete the old one",
    "the union of the two sets is where it's at",
    "if 1=1 then everything is true, isn't it?",
    "rock 'n' roll; rhythm & blues",
    "'twas the night before Christmas -- and all through the house",
    "--",
    "-- Ann",
    "and/or",
    "A or B? 1 or 2? 'yes' or 'no'?",
    "it's 5 > 4 and 3 < 4",
    "a <- b -> c <-> d => e <= f",
    "1;2;3",
    "x' = x + 1, y'' = -y",
    "5' 11\" tall",
    "12\" vinyl, 7' table",
    "#winning #1 ##",
    "@ann @bob see #general",
    "/shrug",
    "/me waves",
    "/join #rust",
    "!help",
    "?",
    "100%",
    "50% off! 3 for 2",
    "can you ping me? my cat is sleeping (5 min)",
    "cat, dog & mouse; who id what?",
    "echo... echo... echo...",
    "the ls and ps commands; id and w too",
    "who is root here? whoami lol",
    "let's head to the tail of the queue, more or less",
    "kill it with fire; sleep tight",
    "the file is in /etc/nginx, not in /usr/local/etc",
    "see ../README.md and ./docs",
    "C:\\Program Files\\App\\app.exe does not start",
    "\\\\server\\share\\folder",
    "~/Downloads",
    "eval is evil, exec too",
    "what does system() do in C?",
    "my assert(s) fail",
    "is null, undefined or NaN falsy?",
    "script kiddies on the loose; alert the press!",
    "onload and onerror are events",
    "javascript: the good parts",
    "the <b> tag is bold, <i> is italic",
    "price > 10 and price < 20",
    "a<b>c",
    "<- that way",
    "<ann> hi\n<bob> hello",
    "<https://example.org/>",
    "> quoted\n> text\n\nreply",
    "{name}, {date}",
    "Hello {{name}}, your code is {{code}}",
    "${amount} is due",
    "Dear %s, your %d items",
    "%USERPROFILE%\\Desktop",
    "$HOME and $PATH",
    "$5, $10 & $20 (US$35 in all)",
    "localhost works, 127.0.0.1 too",
    "http://localhost:3000 is my dev server",
    "my router is 192.168.1.1",
    "a null byte is 0x00",
    "Answer: (b); explanation: see p. 12",
    "1) yes 2) no 3) maybe",
    "TODO: fix (asap!!)",
    "me@example.org; you@example.com, them@example.net",
    "re: Re: RE: Fwd: the meeting",
    "Subject: hello\nTo: everybody\n\nHi!",
    "Set-Cookie is a header",
    "I can't log in as admin' or whatever it's called",
    "LDAP filters look like (cn=ann)",
    "(&) and (|) are odd",
    "why is jndi a thing in log4j?",
    "the metadata service has its own address",
    "ssti, sqli, xss: my OWASP homework",
];

const DATA: &[&str] = &[
    "+49 (0)89 123456-78",
    "(555) 123-4567 x89",
    "tel:+1-201-555-0123",
    "€ 1.299,00",
    "£12.50 / $15.99 / ¥1,800",
    "1,299.00 USD (incl. 19% VAT)",
    "12 Rue de l'Église, 75015 Paris",
    "221B Baker Street, London NW1 6XE",
    "Straße des 17. Juni 135, 10623 Berlin",
    "东京都千代田区丸の内1-9-1",
    "10:30-11:45 (UTC+2)",
    "2026-11-22T10:00:00.000+01:00",
    "Mon, 23 Nov 2026 10:00:00 GMT",
    "P3Y6M4DT12H30M5S",
    "*/5 * * * *",
    "550e8400-e29b-41d4-a716-446655440000",
    "5d41402abc4b2a76b9719d911017c592",
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "192.0.2.1, 2001:db8::1, fe80::1%eth0",
    "00:1a:2b:3c:4d:5e",
    "ISBN 978-3-16-148410-0",
    "DE89 3704 0044 0532 0130 00",
    "AAPL 189.30 +1.2% | MSFT 402.10 -0.4%",
    "BTC/USDT 67,123.45 (24h: +3.1%)",
    "EURUSD=X;1.0845;1.0847",
    "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1",
    "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. O-O Nxe4? 5. d4! (5. Re1) 1-0",
    "id,name,price\n1,\"O'Neill, J.\",9.99\n2,\"x \"\"y\"\"\",1.00",
    "a;b;c\n1;2;3",
    "50.1109\u{b0} N, 8.6821\u{b0} E",
    "48°51'29.6\"N 2°17'40.2\"E",
    "color: #ff00aa; size: 12px",
    "v1.2.3-rc.1+build.5",
    "^1.2.0 || >=2.0.0 <3.0.0",
    "M 10 10 L 90 90 Q 50 0 10 10 Z",
    "C#m7 | F#m | B7 | E",
    "ATGCGTAACGTTAG",
    "CC(=O)OC1=CC=CC=C1C(=O)O",
    "H2SO4 + 2 NaOH -> Na2SO4 + 2 H2O",
    "-27.5 degC, 1013 hPa, 4 m/s SW",
];

const MATHS: &[&str] = &[
    "f(x) = x^2 + 3x - 1; f'(x) = 2x + 3",
    "\\frac{a}{b} + \\sqrt{x^2+1} = \\int_0^1 e^{-x} dx",
    "$$\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}$$",
    "$x_1 = 5$, $x_2 = -3$ and $|x| < \\epsilon$",
    "\\begin{align} a &= b \\\\ c &= d \\end{align}",
    "She has 48/2 = <<48/2=24>>24 clips",
    "P(A|B) = P(B|A)P(A)/P(B)",
    "x ∈ ℝ, ∀ε>0 ∃δ>0: |x-a|<δ ⇒ |f(x)-f(a)|<ε",
    "7 and a half",
    "{1,2,3} ∪ {3,4} \\ {1}",
    "3! = 6, 5 mod 2 = 1, 2**10 = 1024",
    "=SUM(A1:A10)*1.19",
    "=IF(B2>10,\"yes\",\"no\")",
    "=VLOOKUP(A2,'Sheet 2'!A:B,2,FALSE)",
];

const MARKDOWN: &[&str] = &[
    "# Title\n\n- one\n- two\n  - three\n\n1. first\n2. second",
    "**bold** _italic_ ~~gone~~ `code` [link](https://example.org/a?b=c#d)",
    "![alt text](https://example.org/a.png \"title\")",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "- [ ] todo\n- [x] done",
    "> quote by O'Neill\n\n---\n\nanswer",
    "Use `ls -la | grep foo` and look.",
    "```\nls -la\n```",
    "<details><summary>more</summary>\n\ntext\n\n</details>",
    "<p>Hello <strong>world</strong>, <em>how</em> are you?<br/></p>",
    "<a href=\"https://example.org/\" target=\"_blank\" rel=\"noopener\">link</a>",
    "<img src=\"https://example.org/a.png\" alt=\"a\" width=\"10\">",
    "<ul><li>one</li><li>two</li></ul>",
    "Line one<br>Line two",
    "<h2 id=\"intro\">Intro</h2><blockquote>Quote</blockquote>",
    "<table><tr><td>1</td><td>2</td></tr></table>",
    "&lt;b&gt; is how you write &quot;bold&quot; &amp; such",
    "caf&eacute; &copy; 2026 &mdash; &#128512;",
];

const CODE: &[&str] = &[
    "```rust\nfn main() {\n    println!(\"hi {}\", 1);\n}\n```",
    "let x: Option<&str> = None; match x { Some(s) => s, None => \"\" }",
    "#include <stdio.h>\nint main(void) {\n  printf(\"%d\\n\", 42);\n  return 0;\n}",
    "std::vector<int> v; for (auto& x : v) { std::cout << x << std::endl; }",
    "public static void main(String[] args) { System.out.println(\"hi\"); }",
    "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"hi\")\n}",
    "def f(x):\n    return [y ** 2 for y in x if y % 2 == 0]\n\nprint(f(range(10)))",
    "import os\nimport sys\n\nfor name in os.listdir('.'):\n    print(name)",
    "if __name__ == '__main__':\n    main()",
    "const f = async (a, b) => { const r = await fetch(`/api/${a}`); return r.json(); };",
    "const fs = require('fs');\nconst path = require('path');\n\nmodule.exports = { run };",
    "document.getElementById('a').innerText = 'hi';",
    "export default function App() { return <div className=\"app\">Hello {name}</div>; }",
    "interface User { id: number; name?: string }",
    "puts \"Hello #{name}\"\n[1, 2, 3].each { |x| puts x }",
    "my @a = map { $_ * 2 } @b;\nprint join(', ', @a);\nforeach my $x (@a) { print $x }",
    "<?php\nclass User {\n    public function name() {\n        return $this->name;\n    }\n}",
    "SELECT name, age FROM people WHERE age > 30 ORDER BY age DESC",
    "INSERT INTO t (a, b) VALUES (1, 'x');",
    "UPDATE users SET name = 'Ann' WHERE id = 5",
    "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL);",
    "SELECT a.x, COUNT(*) FROM a JOIN b ON a.id = b.id GROUP BY a.x HAVING COUNT(*) > 1",
    "how would I write SELECT * FROM a LEFT JOIN b USING (id)?",
    "fun main() { println(listOf(1, 2).map { it * 2 }) }",
    "let xs = [1, 2, 3].filter { $0 > 1 }",
    "main :: IO ()\nmain = putStrLn \"hi\"",
    "(defn f [x] (+ x 1))",
    "x <- c(1, 2, 3); mean(x)",
    "object A extends App { println(1) }",
    "IO.puts(\"hi\") |> Enum.map(&(&1 + 1))",
    "local t = {1, 2}; for k, v in pairs(t) do print(k, v) end",
    "for i in *.txt; do echo \"$i\"; done",
    "git commit -m 'fix the bug' && git push origin main",
    "cargo test -p core -- --nocapture",
    "npm install --save-dev typescript",
    "docker run -it --rm -p 8080:80 nginx",
    "sudo apt-get update",
    "chmod +x run.sh",
    "kubectl get pods -n prod -o wide",
    "pip install -r requirements.txt",
    "ssh git@github.com",
    "make -j4 && make install",
    "curl https://example.org/api/v1/items?page=2",
    "grep -rn 'foo' src/",
    "ps aux | grep nginx",
    "systemctl status nginx.service",
    "body { margin: 0; background: url('bg.png') no-repeat; }",
    ".a > .b + .c ~ .d::before { content: \"\\201C\"; }",
    "@media (min-width: 600px) { .x { width: calc(100% - 2rem); } }",
    "<path d=\"M0 0h24v24H0z\" fill=\"none\"/>",
    "server {\n  listen 80;\n  location / { proxy_pass http://app; }\n}",
    "key: value\nlist:\n  - a\n  - b: {c: 1}\n",
    "[section]\nkey = \"value\"\n# comment\n",
    "FROM alpine:3.20\nRUN apk add --no-cache curl\nCMD [\"app\"]",
    "resource \"a\" \"b\" { name = \"${var.name}-x\" }",
    "{{- if .Values.x }}\nx: {{ .Values.x | quote }}\n{{- end }}",
    "{% for item in items %}<li>{{ item.name }}</li>{% endfor %}",
    "<div v-if=\"ok\" :class=\"{a: b}\">{{ msg }}</div>",
    "^\\d{3}-(\\w+)\\s*$",
    "s/foo/bar/g",
    "printf(\"%s: %08x\\n\", name, value);",
    "a ? b : c ?? d",
    "x = y if z else None",
    "try { risky(); } catch (e) { console.error(e); }",
    "every object has __proto__ and a constructor",
    "class A extends B { constructor() { super(); } }",
    "Foo.prototype.bar = function () { return 1; };",
];

const LOGS: &[&str] = &[
    "java.lang.NullPointerException: Cannot invoke \"String.length()\"\n\tat com.example.A.b(A.java:12)\n\tat com.example.C.main(C.java:3)",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nKeyError: 'x'",
    "TypeError: Cannot read properties of undefined (reading 'name')\n    at f (/app/index.js:10:5)",
    "thread 'main' panicked at src/main.rs:3:5:\nindex out of bounds: the len is 1 but the index is 2",
    "Fatal error: Uncaught Exception: no in /var/www/html/index.php:3",
    "2026-11-22 10:00:00,123 [main] INFO  com.example.App - started in 3.2 s (pid 123)",
    "10.0.0.1 - - [22/Nov/2026:10:00:00 +0000] \"GET /index.html HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"",
    "Nov 22 10:00:00 host sshd[123]: Accepted publickey for ann from 192.0.2.1 port 22 ssh2",
    "ERROR: relation \"users\" does not exist at character 15",
    "You have an error in your SQL syntax near 'x' at line 1",
    "level=warn msg=\"slow query\" duration=1.2s",
    "{\"exception\":\"java.lang.IllegalStateException\",\"status\":500,\"path\":\"/api\"}",
    "npm ERR! code ENOENT\nnpm ERR! path /app/package.json",
    "Segmentation fault (core dumped)",
    "E/AndroidRuntime: FATAL EXCEPTION: main",
];

const URLS: &[&str] = &[
    "https://example.org/search?q=caf%C3%A9%20au%20lait&lang=fr",
    "https://example.org/a/b/c.html?x=1&y=2#top",
    "https://example.org/?q=a%2Bb%3Dc&redirect=https%3A%2F%2Fexample.com%2Fhome",
    "https://www.example.org/~ann/a_(b).html",
    "https://user@example.org:8443/path;v=1",
    "https://xn--mnchen-3ya.example/",
    "https://example.org/%E4%BD%A0%E5%A5%BD",
    "wss://example.org/socket?token=abc",
    "mailto:ann@example.org?subject=Hello%20there",
    "https://maps.example.org/@48.85,2.29,15z/data=!3m1!4b1",
    "https://example.org/watch?v=dQw4w9WgXcQ&t=42s",
    "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a",
    "urn:isbn:0451450523",
    "//cdn.example.org/lib.js",
    "page=2&sort=-created&filter[name]=ann&filter[tag][]=a",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkFubiJ9.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2V4YW1wbGUub3JnIn0.c2lnbmF0dXJl",
    "Bearer eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.AAAA",
    "Basic YW5uOnNlY3JldA==",
];

const PASSWORDS: &[&str] = &[
    "pa$$w0rd!",
    "correct horse battery staple",
    "x}8#Kq<2&zP^",
    "`~!@#$%^&*()_+",
    "Tr0ub4dor&3",
    "p@ss:word/2026?",
    "M!cha3l's-P@ss",
    "a;b|c&d",
    "(:;)[]{}",
    "1q2w3e4r5t",
];

const GRAPHQL: &[&str] = &[
    "query { user(id: \"5\") { name email } }",
    "query Q($id: ID!, $n: Int = 10) { user(id: $id) { posts(first: $n) { edges { node { title } } } } }",
    "mutation { addComment(input: {postId: 1, text: \"it's great; isn't it?\"}) { comment { id } } }",
    "subscription OnMessage { message(room: \"a\") { id text __typename } }",
    "fragment F on User { id name }",
    "{ me { id ...F @include(if: $x) } } # comment: don't",
    "type User { id: ID! name: String }",
];

/// Whole messages of programs, as they stand on the wire.
const MESSAGES: &[&str] = &[
    r#"{"type":"subscribe","id":"1","payload":{"query":"subscription { a { b } }","variables":{}}}"#,
    r#"{"id":"1","type":"start","payload":{"operationName":"Q","query":"query Q($a: Int!) {\n  a(id: $a) {\n    b\n  }\n}","variables":{"a":5}}}"#,
    r#"{"msg":"sub","id":"x","name":"items","params":[{"price":{"$gt":5},"tag":{"$in":["a","b"]}},{"sort":{"at":-1}}]}"#,
    r#"{"msg":"method","method":"/items/update","params":[{"_id":"a"},{"$set":{"name":"O'Neill"},"$inc":{"n":1}}],"id":"2"}"#,
    r#"["find","messages",{"$limit":10,"$sort":{"createdAt":-1},"userId":{"$ne":null}}]"#,
    r#"{"op":"subscribe","requestId":1,"query":{"className":"Item","where":{"score":{"$gte":10}}}}"#,
    r#"42["chat message","it's me; don't worry"]"#,
    r#"42/room,7["join",{"name":"D'Angelo"}]"#,
    r#"40{"token":"abc"}"#,
    "2probe",
    "3",
    "{\"protocol\":\"json\",\"version\":1}\u{1e}",
    "{\"type\":1,\"target\":\"Send\",\"arguments\":[\"ann\",\"hello, it's me\"]}\u{1e}",
    r#"["1","1","room:lobby","phx_join",{"user":"ann"}]"#,
    r#"[null,"2","phoenix","heartbeat",{}]"#,
    r#"[48,7814135,{},"com.example.add",[1,2]]"#,
    r#"[16,239714735,{},"com.example.topic1",["Hello, world!"]]"#,
    "CONNECT\naccept-version:1.2\nhost:example.org\n\n\0",
    "SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\0",
    "SUBSCRIBE\nid:0\ndestination:/topic/prices.*\nselector:price > 10\n\n\0",
    r#"["{\"type\":\"chat\",\"text\":\"it's\"}"]"#,
    r#"{"jsonrpc":"2.0","method":"eth_call","params":[{"to":"0x0000000000000000000000000000000000000000","data":"0x70a08231"},"latest"],"id":1}"#,
    r#"{"jsonrpc":"2.0","id":3,"method":"textDocument/completion","params":{"textDocument":{"uri":"file:///home/ann/a.rs"},"position":{"line":1,"character":2}}}"#,
    r#"{"id":1,"method":"Runtime.evaluate","params":{"expression":"1+1"}}"#,
    r#"{"command":"subscribe","identifier":"{\"channel\":\"ChatChannel\",\"room\":\"a\"}"}"#,
    r#"{"command":"message","identifier":"{\"channel\":\"ChatChannel\"}","data":"{\"action\":\"speak\",\"text\":\"it's fine\"}"}"#,
    r#"{"event":"pusher:subscribe","data":{"auth":"abc:def","channel":"private-chat"}}"#,
    r#"{"ops":[{"retain":5},{"insert":"it's","attributes":{"bold":true,"link":"https://example.org/"}},{"delete":3}]}"#,
    r#"{"ops":[{"insert":"a\n"},{"insert":{"image":"data:image/gif;base64,R0lGODlhAQABAAAAACw="}}]}"#,
    r#"{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","marks":[{"type":"bold"}],"text":"hi"}]}]}"#,
    r#"{"clientId":1234,"clock":5,"struct":"AAIBAAAB","awareness":{"cursor":{"anchor":{"tname":"a"},"head":null}}}"#,
    r#"{"actor":"ab12","seq":3,"ops":[{"action":"set","obj":"00000000-0000-0000-0000-000000000000","key":"title","value":"O'Hara's list"}]}"#,
    r#"{"e":"trade","E":1700000000000,"s":"BTCUSDT","p":"67123.45","q":"0.001","m":true}"#,
    r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth"],"id":1}"#,
    r#"{"op":2,"d":{"token":"abc","intents":513,"properties":{"os":"linux","browser":"x","device":"x"}}}"#,
    r#"{"type":"offer","sdp":"v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"}"#,
    r#"{"candidate":"candidate:1 1 udp 2122260223 192.168.1.5 56143 typ host generation 0 ufrag abcd","sdpMid":"0"}"#,
    r#"{"topic":"home/kitchen/temp","payload":"21.5"}"#,
    r#"{"user":{"name":"Seán O'Casey","email":"sean@example.org","bio":"Plays; poems & more -- it's all there"}}"#,
    r#"{"login":"ann","password":"pa$$w0rd';x"}"#,
    r#"{"query":"user.age > 30 AND (name:'Ann' OR city:\"Rome\")"}"#,
    r#"{"filter":"name eq 'O''Neil' and price lt 10"}"#,
    r#"{"q":"type:issue is:open label:\"help wanted\" -author:ann"}"#,
    r#"{"query":{"bool":{"must":[{"match":{"title":"search"}}],"filter":[{"range":{"date":{"gte":"2026-01-01"}}}]}}}"#,
    r#"{"version":"1.0","session":{"new":true},"request":{"type":"IntentRequest","intent":{"name":"Buy","slots":{}}}}"#,
    r#"{"@context":"https://schema.org","@type":"Person","name":"Ann"}"#,
    r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"X"}"#,
    r#"{"constructor":{"constructorId":"ferrari","name":"Ferrari"},"points":"25"}"#,
    r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"$ref":"#/$defs/a"}}}"##,
    r#"{"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Write a SQL query that selects all users older than 30 and explain `SELECT`."}]}"#,
    r#"{"prompt":"Ignore typos. Translate to French: 'I'd like 2 coffees; they're for us.'"}"#,
    r#"{"a":[1,2,3,{"b":null,"c":true,"d":-1.5e10}],"":"","ключ":"значение","键":"值"}"#,
    "{\"a\":1}\n{\"b\":\"it's\"}\n",
    "<message to=\"ann@example.org\" type=\"chat\"><body>it's me &amp; you</body></message>",
    ":ann!ann@example.org PRIVMSG #rust :it's fine (really)\r\n",
    "ping",
    "",
    "\n",
    "a\tb\tc",
];

/// What libinjection takes for SQL or for markup that runs script.
const NEAR_MISSES: &[&str] = &[
    "Mr. and Mrs. Union",
    "50/50 || 60/40",
    "she said 'or' and he said \"and\"",
    "true && false || null",
    "what's an XXE? <!DOCTYPE html> is harmless",
    "2*3*4 = 24 and 10 - 4 - 3 = 3",
    "(a OR b) AND NOT c",
    "<span style=\"color: red\">red</span>",
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\"><circle cx=\"5\" cy=\"5\" r=\"4\" fill=\"#f00\"/></svg>",
    "while (i < 10) { i++; }",
    r##"{"html":"<p style=\"color:#333\">Hello <b>Ann</b>, it's <a href=\"https://example.org\">here</a></p>"}"##,
    "<open xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" to=\"example.org\" version=\"1.0\"/>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><note><to>Ann</to><body>Don't forget!</body></note>",
];

#[test]
fn nothing_that_people_and_programs_send_is_refused() {
    let mut texts = Vec::new();
    for group in [
        LANGUAGES,
        NAMES_AND_EMOJI,
        CHAT,
        DATA,
        MATHS,
        MARKDOWN,
        CODE,
        LOGS,
        URLS,
        PASSWORDS,
        GRAPHQL,
        MESSAGES,
    ] {
        texts.extend_from_slice(group);
    }
    assert!(texts.len() > 390, "{}", texts.len());
    let (refused, tagged) = judge(&texts);
    assert!(refused.is_empty(), "{} of {} refused:\n{}", refused.len(), texts.len(), refused.join("\n"));
    assert!(
        tagged.len() <= texts.len() / TAGGED_ONE_IN,
        "{} of {} tagged:\n{}",
        tagged.len(),
        texts.len(),
        tagged.join("\n")
    );
}

#[test]
fn near_misses_are_not_refused() {
    let (refused, _) = judge(NEAR_MISSES);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Descriptions of what was refused, and of what was tagged.
fn judge(texts: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut refused = Vec::new();
    let mut tagged = Vec::new();
    for text in texts {
        for message in [(*text).to_owned(), in_json(text)] {
            let findings = inspect(&message);
            if findings.iter().any(|finding| finding.action != FindingAction::Tag) {
                refused.push(describe(text, &findings));
                break;
            }
            if !findings.is_empty() {
                tagged.push(describe(text, &findings));
                break;
            }
        }
    }
    (refused, tagged)
}

fn inspect(message: &str) -> Vec<Finding> {
    Inspector::default().inspect(&Settings::default(), Opcode::Text, message.as_bytes())
}

fn describe(text: &str, findings: &[Finding]) -> String {
    let why: Vec<_> = findings
        .iter()
        .map(|finding| format!("{}={} {}", finding.signal, finding.score, finding.evidence))
        .collect();
    format!("{text:?}: {}", why.join("; "))
}

/// A JSON message with the text as a string in it.
fn in_json(text: &str) -> String {
    let mut message = String::from("{\"type\":\"msg\",\"data\":{\"text\":\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => message.extend(['\\', letter]),
            control if control < ' ' => message.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => message.push(other),
        }
    }
    message.push_str("\"}}");
    message
}
