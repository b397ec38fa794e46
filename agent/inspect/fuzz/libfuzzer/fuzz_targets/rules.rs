#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    (framewall_inspect_fuzz::find("rules").expect("a target").run)(input);
});
