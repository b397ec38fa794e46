//! What each step undoes, layers within layers, and that work is bounded.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// All rounds, newest last, with the steps.
fn rounds(value: &[u8]) -> (Vec<Vec<u8>>, Layers) {
    let mut layers = Layers::default();
    let mut results: Vec<Vec<u8>> = Vec::new();
    let mut value = value.to_vec();
    while results.len() < MAX_ROUNDS {
        let bytes = ByteSet::of(&value);
        let mut out = Vec::new();
        if !may_change(&value, bytes) || !round(&value, bytes, &mut out, &mut layers) {
            break;
        }
        results.push(out.clone());
        value = out;
    }
    (results, layers)
}

fn decoded(value: &str) -> String {
    let (results, _) = rounds(value.as_bytes());
    results.last().map_or_else(|| value.to_owned(), |last| String::from_utf8_lossy(last).into_owned())
}

fn steps(value: &str) -> Vec<Step> {
    rounds(value.as_bytes()).1.iter().collect()
}

#[track_caller]
fn assert_decoded(cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        assert_eq!(decoded(value), *expected, "{value}");
    }
}

#[test]
fn undoes_percent_encoding() {
    assert_decoded(&[
        ("%27%20OR%201%3D1", "' OR 1=1"),
        ("%u0027 %U003cb", "' <b"),
        ("%uD83D%uDE00!", "😀!"),
        ("%25%32%37", "'"),
        ("%252527", "'"),
        ("%%32%37", "'"),
        ("100%, %zz %4 %u12", "100%, %zz %4 %u12"),
    ]);
    assert_eq!(steps("%27"), [Step::Percent]);
    assert_eq!(steps("%u0027"), [Step::PercentU]);
    assert_eq!(steps("%2527"), [Step::Percent, Step::Percent]);
}

#[test]
fn undoes_escapes_but_leaves_paths_alone() {
    assert_decoded(&[
        (r"\u0027\x20\u{4f}R\57", "' OR/"),
        (r"\u{000000000000027}", "'"),
        (r"\ud83d\ude00", "😀"),
        (r"C:\new\table\users\ann\12", r"C:\new\table\users\ann\12"),
        (r"it\'s", r"it\'s"),
        (r"\u{zz} \u{27 \x4 \u12", r"\u{zz} \u{27 \x4 \u12"),
    ]);
}

#[test]
fn undoes_character_references() {
    assert_decoded(&[
        ("&#39;&#0000039&#x27;&#X0000027", "''''"),
        ("&lt;b&gt &LTi&GT;", "<b> <i>"),
        ("java&Tab;script&colon;alert&lpar;1&rpar;", "java\tscript:alert(1)"),
        ("$&lbrace;x", "${x"),
        ("Q&A, AT&T, a&b=c, &lt=3, &nosuch;", "Q&A, AT&T, a&b=c, &lt=3, &nosuch;"),
    ]);
}

#[test]
fn folds_overlong_utf8() {
    for dot in [
        "%c0%ae",
        "%e0%80%ae",
        "%f0%80%80%ae",
        "%f8%80%80%80%ae",
        "%fc%80%80%80%80%ae",
        "%c0%2e",
        "%c0.",
        "%c0%ee",
    ] {
        assert_eq!(decoded(dot), ".", "{dot}");
        assert!(steps(dot).contains(&Step::Overlong), "{dot}");
        assert!(rounds(dot.as_bytes()).1.is_hiding(), "{dot}");
    }
    assert_decoded(&[
        ("%c0%af", "/"),
        ("%c1%9c", "\\"),
        ("%c1%1c", "\\"),
        ("%c0%5c", "\\"),
        ("caf%c3%a9", "café"),
    ]);
}

#[test]
fn folds_look_alikes_and_drops_what_has_no_width() {
    assert_decoded(&[
        ("＇ ｏｒ １＝１", "' or 1=1"),
        ("．．∕etc⁄passwd", "../etc/passwd"),
        ("%uEFC8%u2215%uFF0E", "\\/."),
        ("ſelect, \u{212a}ill, \u{131}d", "select, Kill, id"),
        ("ʹ or ʼ or ′", "' or ' or '"),
        ("s\u{200b}e\u{ad}l\u{feff}ect", "select"),
        ("𝐬𝑒𝓵𝕖𝖈𝗍", "select"),
        ("127。0。0。1 or ①②⑦", "127.0.0.1 or 127"),
        ("s\0elect", "select"),
    ]);
    assert!(rounds("s\u{200b}elect".as_bytes()).1.is_hiding());
}

#[test]
fn ordinary_text_of_the_world_is_left_as_it_is() {
    for text in [
        "你好，今天怎么样？（很好！）",
        "今日は。元気ですか？",
        "مرحبا كيف حالك؟",
        "می\u{200c}خواهم",
        "Привет, как дела?",
        "naïve café à la carte",
        "🎉👩\u{200d}👩\u{200d}👧 party ❤\u{fe0f} 1\u{fe0f}\u{20e3}",
        "it’s “fine” — really…",
        "ended\0",
        "internationalisation",
        "550e8400-e29b-41d4-a716-446655440000",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
        "/usr/local/bin/node",
        "C:\\Users\\ann",
    ] {
        assert_eq!(decoded(text), text);
    }
}

#[test]
fn undoes_base64_and_hexadecimal_digits_of_text() {
    assert_decoded(&[
        ("JyBPUiAnMSc9JzE=", "' OR '1'='1"),
        ("JyBPUiAnMSc9JzE", "' OR '1'='1"),
        ("PD9waHA_Pg", "<?php?>"),
        ("JyBPUiAn\r\nMSc9JzE=", "' OR '1'='1"),
        ("27204f52202731273d2731", "' OR '1'='1"),
        ("0x27204f52202731273d2731", "' OR '1'='1"),
        ("data:text/html;base64,PHNjcmlwdD4=", "data:text/html;base64,<script>"),
        ("a=1;base64,QUJDREVG;base64,YWJjZGVm%3b", "a=1;base64,ABCDEF;base64,abcdef;"),
        ("..0x2f0x2e0x2E0x5c", "../..\\"),
    ]);
    assert_eq!(steps("JyBPUiAnMSc9JzE="), [Step::Base64]);
}

#[test]
fn undoes_layers_within_layers() {
    assert_decoded(&[
        ("%26lt;b", "<b"),
        (r"\u0025\u0032\u0037", "'"),
        (r"\u005cu0027", "'"),
        ("&amp;amp;amp;lt;", "&lt;"),
        ("JTI3JTIwT1IlMjAx", "' OR 1"),
        ("%5cu0027", "'"),
        (r#""say \"hi\" \\u0027""#, "say \"hi\" '"),
        ("%EF%BC%87", "'"),
    ]);
    assert!(rounds(br"\u00252527").1.is_double());
}

#[test]
fn honest_addresses_within_addresses_do_not_look_hidden() {
    for url in [
        "https://example.org/?next=https%253A%252F%252Fexample.org%252Fa%2520b",
        "a%20b%20c",
        "%E4%BD%A0%E5%A5%BD",
    ] {
        assert!(!rounds(url.as_bytes()).1.is_hiding(), "{url}");
    }
    for hidden in ["%73elect", "%252e%252e%252f", "%2527"] {
        assert!(rounds(hidden.as_bytes()).1.is_hiding(), "{hidden}");
    }
}

#[test]
fn takes_time_in_proportion_to_the_length() {
    const LEN: usize = 1 << 18;
    for part in [
        "%",
        "%25",
        "%u",
        "\\",
        "\\u{0",
        "\\u{",
        "&",
        "&#",
        "&#0",
        "&lt",
        "&aaaaaaaaaaaaaaaaaaaa",
        "\u{200b}",
        "\u{ff0e}",
        "\0",
        "base64,",
        "base64,QUFBQUFB",
        "QUFB",
        "7a",
        "0x",
        "0x2e",
        "\"\\",
        "\u{3002}",
        "+a",
        "好",
    ] {
        let value = part.repeat(LEN / part.len());
        let start = Instant::now();
        rounds(value.as_bytes());
        // Generous, for slow machines and builds without optimisation; quadratic work would take minutes.
        assert!(start.elapsed() < Duration::from_secs(5), "{part:?}: {:?}", start.elapsed());
    }
}

/// Pieces of encodings, whole and torn.
#[test]
fn text_that_is_full_width_throughout_is_folded_and_chinese_is_not() {
    assert_decoded(&[("＜ｉｍｇ　ｓｒｃ＝ｘ＞", "<img src=x>"), ("１＝１　ＯＲ　２＝２", "1=1 OR 2=2")]);
    assert_eq!(steps("你好，世界。（一）　二＝二！"), []);
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        proptest::sample::select(vec![
            "%", "%u", "25", "c0", "ae", "\\u", "\\x", "{", "}", "&#", "x", "27", ";", "&lt", "0x",
            "base64,", "QUJD", "=", "\"", "\\", "\0", "+", "\u{200b}", "\u{ff07}", "\u{3002}", "0027",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_round_never_panics_never_grows_and_changes_what_it_says_it_changed(value in pieces()) {
        let bytes = ByteSet::of(&value);
        let mut out = Vec::new();
        let mut layers = Layers::default();
        let changed = round(&value, bytes, &mut out, &mut layers);
        prop_assert!(out.len() <= value.len());
        prop_assert_eq!(changed, !layers.is_empty());
        if changed {
            prop_assert_ne!(&out, &value);
            prop_assert!(may_change(&value, bytes));
        } else {
            prop_assert!(out.is_empty());
        }
    }

    #[test]
    fn percent_encoding_round_trips(text in "\\PC{0,40}") {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let mut out = Vec::new();
        let bytes = ByteSet::of(encoded.as_bytes());
        round(encoded.as_bytes(), bytes, &mut out, &mut Layers::default());
        let mut folded = text.into_bytes();
        fold::fold(&mut folded, &mut Steps::default());
        prop_assert_eq!(out, folded);
    }
}
