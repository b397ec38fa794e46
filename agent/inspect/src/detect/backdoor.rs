//! Web shells: their parameters, passwords and banners.

use std::sync::LazyLock;

use crate::detect::{Detector, Examples, Found, Kind, Signal, Strength, Value, literal_set::LiteralSet};

/// The parameters, cookies and names of known web shells (CRS 955100 ff.): somebody looks for one, uses one, or
/// plants one. A program that runs what a request contains is one, whoever wrote it.
pub(super) struct Backdoor;

/// A mark in lower case, what must follow it, and how much it says.
struct Mark {
    text: &'static str,
    then: &'static str,
    strength: Strength,
}

const fn mark(text: &'static str, then: &'static str, strength: Strength) -> Mark {
    Mark { text, then, strength }
}

static MARKS: [Mark; 30] = [
    // China Chopper and its heirs.
    mark("eval(base64_decode($_post", "", Strength::Certain),
    mark("eval(base64_decode($_request", "", Strength::Certain),
    mark("@eval($_post[", "", Strength::Certain),
    mark("@eval($_request[", "", Strength::Certain),
    mark("@eval($_get[", "", Strength::Certain),
    mark("eval request(", "", Strength::Strong),
    mark("eval(request.item[", "", Strength::Certain),
    mark("@ini_set(\"display_errors\",\"0\")", "@set_time_limit(0)", Strength::Certain),
    mark("=@eval(base64_decode(", "", Strength::Certain),
    mark("z0=qgluav9zzxqo", "", Strength::Certain),
    mark("&z0=", "&z1=", Strength::Certain),
    // c99, r57, WSO, b374k and others.
    mark("c99shcook", "", Strength::Certain),
    mark("c99shell", "", Strength::Medium),
    mark("r57shell", "", Strength::Medium),
    mark("c99.php", "?", Strength::Strong),
    mark("r57.php", "?", Strength::Strong),
    mark("/c99.php", "", Strength::Strong),
    mark("/r57.php", "", Strength::Strong),
    mark("b374k", ".php", Strength::Strong),
    mark("/wso.php", "", Strength::Strong),
    mark("wso 2.5", "web shell", Strength::Medium),
    mark("act=img&img=", "", Strength::Strong),
    mark("act=phpinfo&", "", Strength::Medium),
    mark("/weevely.php", "", Strength::Strong),
    mark("/alfacgiapi/", "", Strength::Strong),
    mark("alfa_data/", "", Strength::Strong),
    mark("/cmd.jsp?cmd=", "", Strength::Certain),
    mark("/cmd.aspx?", "", Strength::Strong),
    mark("/shell.php?cmd=", "", Strength::Certain),
    mark("/cmd.php?cmd=", "", Strength::Certain),
];

const LITERALS: [&str; MARKS.len()] = {
    let mut texts = [""; MARKS.len()];
    let mut nth = 0;
    while nth < texts.len() {
        texts[nth] = MARKS[nth].text;
        nth += 1;
    }
    texts
};

static MARKED: LazyLock<LiteralSet> = LazyLock::new(|| LiteralSet::new(LITERALS));

impl Detector for Backdoor {
    fn signal(&self) -> Signal {
        Signal::Backdoor
    }

    fn summary(&self) -> &'static str {
        "the parameters or the name of a web shell"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "pass=@eval(base64_decode($_POST[z0]));",
                "<?php @eval($_POST['pass']); ?>",
                "/uploads/c99.php?act=ls",
                "/images/shell.php?cmd=id",
                "x=@eval(base64_decode('aWQ='))&z0=aWQ=&z1=Yg==",
            ],
            passed: &[
                "the c99 standard, section 6",
                "how does c99shell work?",
                "use a shell (bash, zsh) for cmd.exe",
                "eval() is evil",
                "z0=1, z1=2",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        &LITERALS
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        // What must follow is looked for once each: behind the first of its mark.
        let mut seen = [false; MARKS.len()];
        for (nth, at) in MARKED.find(value.bytes) {
            let (Some(mark), Some(seen)) = (MARKS.get(nth), seen.get_mut(nth)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let rest = value.bytes.get(at.end..).unwrap_or_default();
            if mark.then.is_empty() || contains(rest, mark.then) {
                let strength = if value.kind == Kind::Key { Strength::Medium } else { mark.strength };
                found.push("mark of a web shell", strength, at);
            }
        }
    }
}

fn contains(text: &[u8], wanted: &str) -> bool {
    text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}
