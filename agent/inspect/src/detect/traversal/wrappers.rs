//! Wrappers of PHP that read files, archives or the request (PHP manual, "Supported Protocols and Wrappers"), and files
//! included from other hosts.

use crate::detect::{Found, Strength};

/// Wrappers that no link has.
const WRAPPERS: [&[u8]; 14] = [
    b"php",
    b"phar",
    b"expect",
    b"zip",
    b"zlib",
    b"compress.zlib",
    b"compress.bzip2",
    b"bzip2",
    b"glob",
    b"data",
    b"rar",
    b"ogg",
    b"ssh2.exec",
    b"ssh2.shell",
];

/// The longest of them, and what stands before `://`.
const LONGEST: usize = 16;

/// Reports wrappers, and URLs of files in the parameters of scripts.
pub(super) fn examine(value: &[u8], offset: usize, alone: bool, found: &mut Found) {
    let last_equals = memchr::memrchr(b'=', value);
    for at in memchr::memchr_iter(b':', value) {
        if value.get(at + 1..at + 3) != Some(b"//") {
            continue;
        }
        let before = value.get(..at).unwrap_or_default();
        let scheme_len = before
            .iter()
            .rev()
            .take(LONGEST)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
            .count();
        let start = at - scheme_len;
        let scheme = before.get(start..).unwrap_or_default();
        let Some(wrapper) = WRAPPERS.iter().find(|wrapper| scheme.eq_ignore_ascii_case(wrapper)) else {
            continue;
        };
        let path = value.get(at + 3..).unwrap_or_default();
        let range = offset + start..offset + at + 3;
        let first = matches!(before.get(..start).and_then(<[u8]>::last), None | Some(b'=' | b':'));
        let filter = starts_with(path, b"filter/") && last_equals > Some(at);
        match *wrapper {
            b"php" if filter => found.push("filter of php", Strength::Strong, range.clone()),
            _ if alone && first => found.push("stream wrapper of php", Strength::Strong, range.clone()),
            b"phar" | b"expect" => {
                found.push("stream wrapper of php, in a text", Strength::Medium, range.clone())
            }
            b"zip" | b"glob" | b"data" | b"rar" | b"ogg" => {}
            _ => found.push("wrapper of php, in a text", Strength::Weak, range.clone()),
        }
        if alone && first && matches!(*wrapper, b"php" | b"phar" | b"expect" | b"data") {
            found.push("wrapper that runs or reads code", Strength::Medium, range);
        }
        if found.is_certain() {
            return;
        }
    }
    if alone {
        included(value, offset, found);
    }
}

/// A script of PHP that is told to include a file of another host: `/a.php?dir=http://host/x.txt?`.
fn included(value: &[u8], offset: usize, found: &mut Found) {
    const CODE: &[u8] = b"data:application/x-httpd-php";
    let mut parameters =
        memchr::memchr_iter(b'=', value).map(|at| (at, value.get(at + 1..).unwrap_or_default()));
    if starts_with(value, CODE) || parameters.clone().any(|(_, parameter)| parameter.starts_with(CODE)) {
        found.push("php code in a url", Strength::Strong, offset..offset + value.len());
        return;
    }
    let is_url = |parameter: &[u8]| {
        [b"http://".as_slice(), b"https://", b"ftp://"].iter().any(|start| parameter.starts_with(start))
    };
    let Some((at, _)) = parameters.find(|(_, parameter)| is_url(parameter)) else { return };
    let (script, url) = value.split_at(at);
    let cut = url.iter().skip(1).position(|byte| matches!(byte, b'&' | 0)).map_or(url.len(), |at| at + 1);
    let ended = cut < url.len() && url.get(cut) == Some(&0);
    let url = url.get(..cut).unwrap_or_default();
    let (url, ended) = match url.strip_suffix(b"?").or_else(|| url.strip_suffix(b"%00")) {
        Some(url) => (url, true),
        None => (url, ended),
    };
    let text = url.len() > 4 && url.get(url.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case(b".txt"));
    if script.contains(&b'?') && memchr::memmem::find(script, b".php").is_some() && (text || ended) {
        found.push(
            "file of another host as parameter of a script",
            Strength::Strong,
            offset + at + 1..offset + value.len(),
        );
    }
}

fn starts_with(text: &[u8], lower_case: &[u8]) -> bool {
    text.get(..lower_case.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower_case))
}
