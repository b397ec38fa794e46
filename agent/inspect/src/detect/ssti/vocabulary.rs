//! Words that a template needs only to leave its sandbox.

/// What a word says within the delimiters of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing but an escape has it.
    Escape,
    /// An escape if it is called: `system(`.
    Call,
    /// An escape if it is called with a text: `exec('id')`.
    CallWithText,
    /// An object of the engine, of which templates show members now and then.
    Object,
    Other,
}

/// Judges a word in lower case.
pub(super) fn judge(word: &[u8]) -> Word {
    if word.len() > 4 && word.starts_with(b"__") && word.ends_with(b"__") {
        return Word::Escape;
    }
    match word {
        // Python
        b"subclasses" | b"mro" | b"popen" | b"get_flashed_messages" | b"func_globals" | b"gi_frame" | b"gi_code" | b"f_globals"
        | b"tb_frame" | b"im_func" | b"secret_key" | b"check_output" | b"os_system"
        // Java
        | b"getruntime" | b"processbuilder" | b"scriptenginemanager" | b"getenginebyname" | b"getclassloader" | b"getdeclaredmethod"
        | b"getdeclaredmethods" | b"getdeclaredconstructor" | b"getdeclaredconstructors" | b"_memberaccess" | b"protectiondomain" | b"jythonruntime" | b"objectconstructor"
        | b"memberaccess" | b"methodaccessor" | b"allowstaticmethodaccess" | b"groovyshell" | b"classloader"
        // PHP
        | b"registerundefinedfiltercallback" | b"registerundefinedfunctioncallback" | b"shell_exec" | b"passthru" | b"proc_open"
        | b"file_get_contents" | b"file_put_contents" | b"call_user_func" | b"smarty_internal_write_file" | b"smarty_internal_runtime_writefile"
        | b"getstreamvariable" | b"file_excerpt" | b"phpinfo"
        // JavaScript
        | b"mainmodule" | b"child_process" | b"execsync" | b"spawnsync"
        // Ruby
        | b"popen3" | b"instance_eval" | b"class_eval" | b"const_get" => Word::Escape,
        b"system" | b"forname" | b"getclass" | b"getengine" | b"newinstance" | b"getmethods" | b"getmethod" | b"invoke"
        | b"execute" | b"getenv" | b"getsystemresource" | b"tourl" | b"getprotectiondomain" | b"url_for" | b"lipsum" | b"cycler" | b"joiner"
        | b"attr" | b"dump" | b"constant" | b"evaluate" | b"getfilter" | b"readlines" | b"getparameter"
        | b"get_template_attribute" | b"getbytes" | b"fromcharcode" | b"unserialize" | b"getinputstream" => Word::Call,
        b"exec" | b"eval" | b"require" | b"open" | b"constructor" | b"read" | b"readfile" | b"fopen" | b"spawn"
        | b"inspect" | b"source" | b"printf" | b"html" | b"js" | b"assert" | b"import" | b"include_raw" | b"include" | b"function" => Word::CallWithText,
        b"config" | b"request" | b"self" | b"_self" | b"settings" | b"app" | b"session" | b"g" | b"env" | b"environment" | b"namespace"
        | b"applicationscope" | b"sessionscope" | b"requestscope" | b"pagecontext" | b"facescontext" | b"initparam" | b"this"
        | b"_context" | b"messages" | b"debug" | b"globals" | b"root" | b"global" | b"process" | b"loop" | b"handler" | b"class" => Word::Object,
        _ => Word::Other,
    }
}

/// Members of such objects that templates of honest people have no use for.
pub(super) fn is_telling_member(object: &[u8], member: &[u8]) -> bool {
    match object {
        b"config" => matches!(
            member,
            b"items" | b"iteritems" | b"keys" | b"values" | b"from_object" | b"from_pyfile" | b"secret_key"
        ),
        b"request" => matches!(
            member,
            b"application"
                | b"environ"
                | b"args"
                | b"headers"
                | b"cookies"
                | b"form"
                | b"values"
                | b"data"
                | b"files"
                | b"class"
                | b"server"
                | b"query"
                | b"get_data"
                | b"getclass"
                | b"setattribute"
                | b"getsession"
                | b"servletcontext"
                | b"session"
        ),
        b"settings" => matches!(member, b"secret_key" | b"databases"),
        b"app" => matches!(member, b"request" | b"environment" | b"debug" | b"config"),
        b"_self" => true,
        b"self" => matches!(member, b"module" | b"template" | b"context" | b"_templatereference__context"),
        b"handler" => matches!(member, b"settings" | b"application"),
        b"session" => matches!(member, b"setattribute" | b"items" | b"getattribute" | b"__class__"),
        b"pagecontext" => matches!(member, b"request" | b"servletcontext" | b"session"),
        b"facescontext" => true,
        b"root" | b"global" => matches!(member, b"process" | b"mainmodule"),
        b"process" => matches!(member, b"mainmodule" | b"binding"),
        b"messages" => member == b"storages",
        b"class" => matches!(
            member,
            b"mro"
                | b"base"
                | b"bases"
                | b"inspect"
                | b"forname"
                | b"getclassloader"
                | b"classloader"
                | b"type"
                | b"getresource"
        ),
        _ => false,
    }
}
