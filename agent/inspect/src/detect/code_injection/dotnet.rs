//! Classic ASP, .NET, ColdFusion, Lua and Elixir: few literals each.

use crate::detect::{
    Strength::{Certain, Strong},
    mark::{Mark, Site, anywhere, is_aimed, mark, starts_word},
};

pub(super) static MARKS: &[Mark] = &[
    mark("<%eval", "ASP code", Certain, anywhere),
    mark("<% eval", "ASP code", Certain, anywhere),
    mark("<%execute", "ASP code", Certain, anywhere),
    mark("<% execute", "ASP code", Certain, anywhere),
    mark("eval(request", "ASP runs a parameter", Certain, starts_word),
    mark("eval request(", "ASP runs a parameter", Certain, starts_word),
    mark("execute(request(", "ASP runs a parameter", Certain, starts_word),
    mark("executeglobal(", "ASP runs code", Strong, is_aimed),
    mark("executeglobal request", "ASP runs a parameter", Certain, starts_word),
    mark("response.write(", "ASP writes", Strong, is_aimed),
    mark("createobject(\"wscript.shell", "Windows shell", Certain, anywhere),
    mark("createobject('wscript.shell", "Windows shell", Certain, anywhere),
    mark("activexobject(\"wscript.shell", "Windows shell", Certain, anywhere),
    mark("activexobject('wscript.shell", "Windows shell", Certain, anywhere),
    mark("system.diagnostics.process.start(", ".NET runs a command", Strong, is_aimed),
    mark("diagnostics.process\").getmethod", ".NET runs a command", Certain, anywhere),
    mark("system.reflection.assembly.load", ".NET loads code", Strong, is_aimed),
    mark("<cfexecute", "ColdFusion runs a command", Certain, anywhere),
    mark("os.execute(", "Lua runs a command", Strong, is_aimed),
    mark("os.execute'", "Lua runs a command", Strong, is_aimed),
    mark("loadstring(", "Lua runs code", Strong, is_aimed_call),
    mark("system.cmd(", "Elixir runs a command", Strong, is_aimed),
    mark(":os.cmd(", "Erlang runs a command", Strong, is_aimed),
    mark("code.eval_string(", "Elixir runs code", Strong, is_aimed),
];

fn is_aimed_call(site: &Site<'_>) -> bool {
    starts_word(site) && is_aimed(site) && matches!(site.after().first(), Some(b'"' | b'\'' | b'['))
}
