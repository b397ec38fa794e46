//! Code of the languages that servers are written in, where a value is expected.

mod dotnet;
mod java;
mod javascript;
mod paste;
mod php;
mod prototype;
mod python;
mod ruby;

use std::sync::LazyLock;

use crate::detect::{
    Detector, Evidence, Examples, Found, Gate, Kind, Signal, Strength, Value,
    mark::{Mark, Marks},
};

use paste::Paste;

/// Code injection (CWE-94, CWE-95) and prototype pollution (CWE-1321).
///
/// What people inject is short and aimed: it begins at the front of the value or breaks out of a string, and goes
/// straight for the process, the class loader or the interpreter. What people paste has lines, definitions and
/// sentences around it; in it a mark of a language is worth a tag, unless it runs there all the same: in a tag of PHP, or
/// behind the end of a string that is not its own.
pub(super) struct CodeInjection;

impl Detector for CodeInjection {
    fn signal(&self) -> Signal {
        Signal::CodeInjection
    }

    fn summary(&self) -> &'static str {
        "code injection: PHP, JavaScript, Java, Python, Ruby or Perl where a value is expected, or a polluted prototype"
    }

    fn examples(&self) -> Examples {
        Examples {
            found: &[
                "<?php system('id'); ?>",
                "';phpinfo();//",
                "eval(base64_decode('cGhwaW5mbygpOw=='))",
                "${@print(md5(31337))}",
                "require('child_process').exec('id')",
                "this.constructor.constructor('return process')()",
                "T(java.lang.Runtime).getRuntime().exec('id')",
                "%{(#_memberAccess['allowStaticMethodAccess']=true)}",
                "class.module.classLoader.resources.context.parent.pipeline.first.pattern",
                "__import__('os').system('id')",
                "().__class__.__bases__[0].__subclasses__()",
                "@{[system 'id']}",
                "Process.spawn(\"id\")",
                "__proto__[isAdmin]=true",
            ],
            passed: &[
                "how do I call system() from PHP?",
                "in PHP you would read $_GET['id'] and cast it to an integer",
                "const fs = require('fs')",
                "java.lang.NullPointerException: Cannot invoke \"String.length()\"",
                "import os\nimport sys\n\nprint(os.getcwd())",
                "every object has a __proto__, and functions have a prototype",
                "while (true) { poll(); }",
                "the file system (ext4) is full",
            ],
        }
    }

    fn literals(&self) -> &'static [&'static str] {
        static LITERALS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let mut literals: Vec<_> = TABLES.iter().copied().flatten().map(|mark| mark.literal).collect();
            literals.retain(|literal| !php::FUNCTIONS.iter().any(|mark| mark.literal == *literal));
            literals.extend_from_slice(php::CALLS);
            literals.extend_from_slice(php::HIDDEN_CALLS);
            literals.extend(php::OTHERS);
            literals.sort_unstable();
            literals.dedup();
            literals
        });
        &LITERALS
    }

    fn applies(&self, gate: &Gate) -> bool {
        gate.has_literal() || gate.bytes.has_all(php::VARIABLE_CALL)
    }

    fn examine(&self, value: &Value<'_>, found: &mut Found) {
        if value.kind == Kind::Key {
            prototype::examine_key(value.bytes, found);
        }
        let mut marks = Found::default();
        php::examine_variable_call(value.bytes, &mut marks);
        php::examine_short_tag(value.bytes, &mut marks);
        php::examine_spelled_call(value.bytes, &mut marks);
        MARKS.examine(value.bytes, &mut marks);
        if marks.is_empty() {
            return;
        }
        let paste = Paste::of(value.bytes);
        if paste == Paste::No {
            for Evidence { what, strength, at } in marks.iter() {
                found.push(what, *strength, at.clone());
            }
            return;
        }
        // Once for all of it, however much of the language it shows.
        let Some(Evidence { what, strength, at }) = marks.iter().max_by_key(|mark| mark.strength) else {
            return;
        };
        let breaks_out = marks.iter().any(|mark| paste::breaks_out(value.bytes, &mark.at));
        let runs = breaks_out || marks.iter().any(|mark| paste::is_embedded(value.bytes, &mark.at));
        if *strength == Strength::Certain && (paste != Paste::Text || runs) {
            found.push(what, Strength::Certain, at.clone());
        } else if breaks_out || marks.score() >= PASTED && (paste == Paste::Lines || runs) {
            found.push(what, Strength::Strong, at.clone());
        } else if *strength >= Strength::Medium {
            found.push(what, Strength::Tag, at.clone());
        }
    }
}

/// What is pasted blocks with marks of this score: two that are strong, or a strong one with more.
const PASTED: u32 = 8;

static TABLES: [&[Mark]; 8] = [
    dotnet::MARKS,
    php::MARKS,
    php::FUNCTIONS,
    javascript::MARKS,
    java::MARKS,
    python::MARKS,
    ruby::MARKS,
    prototype::MARKS,
];

static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks::new(&TABLES));

#[cfg(test)]
mod tests {
    use super::*;

    fn score(value: &str) -> u32 {
        let mut found = Found::default();
        CodeInjection.examine(&Value::text(value.as_bytes()), &mut found);
        found.score()
    }

    fn assert_found(values: &[&str]) {
        let missed: Vec<_> = values.iter().filter(|value| score(value) < 5).collect();
        assert_eq!(missed, [&""; 0]);
    }

    fn assert_passed(values: &[&str]) {
        let refused: Vec<_> = values.iter().filter(|value| score(value) >= 5).collect();
        assert_eq!(refused, [&""; 0]);
    }

    #[test]
    fn finds_php() {
        assert_found(&[
            "<?php phpinfo(); ?>",
            "<?=`id`?>",
            "<?= system($_GET['c']) ?>",
            "<? passthru('id'); ?>",
            "<script language='php'>system('id');</script>",
            "phpinfo();",
            ";phpinfo()",
            "1;phpinfo();//",
            "');phpinfo();('",
            "\".phpinfo().\"",
            "'.system('id').'",
            "';system('cat /etc/passwd');//",
            "\";passthru('id');\"",
            "system('ls -la');",
            "@eval($_POST['x']);",
            "eval($_REQUEST[0])",
            "assert($_POST[x])",
            "echo shell_exec('id');",
            "print(system('id'))",
            "die(md5(1).system('id'))",
            "exec(\"whoami\", $o); print_r($o);",
            "proc_open('id', [], $p)",
            "preg_replace('/.*/e', 'phpinfo()', '')",
            "create_function('', 'phpinfo();')",
            "call_user_func('system', 'id')",
            "array_map('system', ['id'])",
            "usort($_GET[1], 'assert')",
            "eval(gzinflate(base64_decode('S0ktLk')));",
            "eval(chr(112).chr(104).chr(112));",
            "${@phpinfo()}",
            "{${phpinfo()}}",
            "{${@eval($_POST[1])}}",
            "${system('id')}; {${system(id)}}",
            "$a='sys'.'tem';$a('id');",
            "$_GET['f']($_GET['p'])",
            "$_=$_GET;$_[0]($_[1]);",
            "('system')('id')",
            "(sy.(st).em)('id')",
            "[system][0]('id')",
            "\"system\"('id')",
            "allow_url_include=1",
            "${print(md5(31337))}",
            "1;print(md5(31337));",
            "'.print(md5(31337)).'",
            "\".md5(1).system('id').\"",
            "'-var_dump(md5(1))-'",
            "echo md5(1);",
            "data:text/plain,<?php phpinfo()?>",
            "assert(base64_decode($_POST[z0]));",
            "{pboot:if(eval($_POST[1]))}",
            "-d allow_url_include=on -d auto_prepend_file=php://input",
            "s=/Index/\\think\\app/invokefunction&function=call_user_func_array&vars[0]=phpinfo",
            "{php}echo `id`;{/php}",
            "file_put_contents('x.php','<?php @eval($_POST[1]);?>')",
            "highlight_file('index.php');",
            "print(`id`);var_dump(scandir('/'));",
            "$GLOBALS['x']",
            "GIF89a<?php eval($_GET[1]);",
            "hello dear friend, how are you today? <?php system($_GET['c']); ?> ${@system('id')}",
        ]);
    }

    #[test]
    fn finds_javascript() {
        assert_found(&[
            "require('child_process').execSync('id')",
            "require(\"child_process\").exec(\"id\")",
            "require(`child_process`).spawnSync(`id`)",
            "process.mainModule.require('child_process').execSync('id').toString()",
            "global.process.mainModule.constructor._load('child_process').execSync('id')",
            "globalThis.process.env",
            "this.constructor.constructor('return process')().exit()",
            "[].constructor.constructor('return this')()",
            "''['constructor']['constructor']('return process')()",
            "a.b.constructor(\"return 1\")()",
            "new Function('return process')()",
            "');require('fs').readFileSync('/etc/passwd');//",
            "res.end(require('fs').readdirSync('.').toString())",
            "require('fs').readFileSync('/etc/passwd','utf8')",
            "import('child_process').then(c=>c.exec('id'))",
            "eval(String.fromCharCode(97))",
            "eval(atob('YWxlcnQoMSk='))",
            "process.exit()",
            "';process.exit(1);'",
            "process.binding('spawn_sync')",
            "while(1);",
            "';while(true){};'",
            "for(;;);",
            "{\"x\":\"_$$ND_FUNC$$_function(){require('child_process')}()\"}",
            "$1:constructor:constructor",
            "#{root.process.mainModule.require('child_process').spawnSync('id')}",
        ]);
    }

    #[test]
    fn finds_java() {
        assert_found(&[
            "Runtime.getRuntime().exec(\"id\")",
            "java.lang.Runtime.getRuntime().exec('id')",
            "new java.lang.ProcessBuilder({'id'}).start()",
            "new ProcessBuilder(\"id\").start()",
            "T(java.lang.Runtime).getRuntime().exec('id')",
            "#{T(java.lang.System).getenv()}",
            "${T(java.lang.Runtime).getRuntime().exec('id')}",
            "new javax.script.ScriptEngineManager().getEngineByName('js').eval('1')",
            "''.getClass().forName('java.lang.Runtime')",
            "${''.class.forName('java.lang.Runtime').getMethod('getRuntime')}",
            "(#_memberAccess=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS)",
            "@java.lang.Runtime@getRuntime().exec('id')",
            "%{#a=(new java.lang.ProcessBuilder('id')).start()}",
            "${(#a=@org.apache.commons.io.IOUtils@toString(1))}",
            "('\\u0023_memberAccess[\\'allowStaticMethodAccess\\']')(x)",
            "redirect:${1+1}",
            "class.module.classLoader.resources.context.parent.pipeline.first.suffix=.jsp",
            "class['module']['classLoader']['resources']",
            "<#assign x=\"freemarker.template.utility.Execute\"?new()>",
            "\"id\".execute().text",
            "<%@ page import=\"java.util.*\" %>",
            "org.apache.commons.collections.functors.InvokerTransformer",
            "com.sun.org.apache.xalan.internal.xsltc.trax.TemplatesImpl",
        ]);
    }

    #[test]
    fn finds_python_ruby_and_perl() {
        assert_found(&[
            "__import__('os').popen('id').read()",
            "__import__(\"subprocess\").check_output('id', shell=True)",
            "eval(\"__import__('os').system('id')\")",
            "exec(compile('import os', '', 'exec'))",
            "''.__class__.__mro__[2].__subclasses__()",
            "().__class__.__base__.__subclasses__()",
            "x.__init__.__globals__['os'].popen('id')",
            "__builtins__.__dict__['eval']('1')",
            "__builtins__['open']('/etc/passwd').read()",
            "import os;os.system('id')",
            "';import os;os.popen('id').read()#",
            "'+os.popen('id').read()+'",
            "str(os.popen('id').read())",
            "subprocess.check_output(['id'])",
            "open('/etc/passwd').read()",
            "Kernel.system('id')",
            "Kernel.open(\"|id\")",
            "IO.popen('id').read",
            "%x{id}",
            "%x(id)",
            "File.read('/etc/passwd')",
            "Object.send(:system, 'id')",
            "@{[ system('id') ]}",
            "qx{id}",
            "system qw/id/",
        ]);
    }

    #[test]
    fn finds_code_of_other_servers() {
        assert_found(&[
            "<%eval request(\"x\")%>",
            "<%execute(request(\"x\"))%>",
            "response.write(9413*9273)",
            "\"+response.write(9413*9273)+\"",
            "CreateObject(\"WScript.Shell\").Run(\"calc\")",
            "System.Diagnostics.Process.Start(\"cmd.exe\")",
            "os.execute('id')",
            "System.cmd(\"id\", [])",
        ]);
    }

    #[test]
    fn finds_polluted_prototypes() {
        assert_found(&[
            "__proto__[admin]=1",
            "?__proto__[admin]=1",
            "a=1&__proto__.admin=1",
            "x[__proto__][admin]=1",
            "constructor[prototype][admin]=1",
            "#constructor[prototype][admin]=1",
            "Object.__proto__.admin=1",
            "a.constructor.prototype.admin = true",
            "{\"__proto__\":{\"admin\":true}}",
            "{\"a\":{\"constructor\":{\"prototype\":{\"admin\":true}}}}",
            "{\"__proto__.admin\":true}",
        ]);
        for (key, least) in [("__proto__", 5), ("a.__proto__.b", 5), ("constructor", 2), ("prototype", 3)] {
            let mut found = Found::default();
            let value = Value { kind: Kind::Key, name: key.as_bytes(), ..Value::text(key.as_bytes()) };
            CodeInjection.examine(&value, &mut found);
            assert!(found.score() >= least, "{key}");
        }
    }

    #[test]
    fn lets_people_write_about_code() {
        assert_passed(&[
            "you can call system(\"pause\") at the end, but that is ugly",
            "use exec() or shell_exec() in PHP, they're not the same",
            "system (one of those)",
            "the assert(s) in our tests",
            "file system(s) are full",
            "my eval (annual) is on Monday",
            "does anyone know why $_POST['name'] is empty here?",
            "$5 (or 4€) each",
            "$(document).ready(function() { alert(1); });",
            "$http.get('/api').then(r => r.data)",
            "$timeout(callback, 100)",
            "$scope.items.push(item)",
            "US$100(approx)",
            "const { exec } = require('child_process');\nexec('ls', (e, out) => {\n  console.log(out);\n});",
            "const path = require('path')",
            "import React from 'react'",
            "console.log(process.env.NODE_ENV)",
            "if (require.main === module) { main(); }",
            "process.env.PORT is not set on the server",
            "every constructor(name) { this.name = name }",
            "Foo.prototype.bar = function() { return 1 }",
            "what is __proto__ and what is constructor.prototype?",
            "obj.__proto__ === Object.prototype",
            "the __init__.py imports __version__",
            "class A:\n    def __init__(self):\n        self.__class__.__name__\n        return None",
            "import os\n\nfor f in os.listdir('.'):\n    os.system('file ' + f)\n",
            "I run it with subprocess.run(['ls']) and it hangs",
            "java.lang.IllegalStateException: no session\n\tat java.lang.Thread.run(Thread.java:833)",
            "import java.io.File;\nimport java.util.*;\n\npublic class A {}\n",
            "{\"exception\":\"java.lang.RuntimeException\",\"status\":500}",
            "public static void main(String[] args) { System.out.println(1); }",
            "while (true) { if (x) break; }",
            "while(1) sleeping",
            "printf(\"%x(%d)\", a, b)",
            "(#general) and (#random=quiet)",
            "see issue (#12) and (#13)",
            "`%{http_host}` in Apache",
            "{{ user.name }} said ${amount}",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>",
            "我们可以用 eval($x) 吗?不行,因为这样太危险了",
            "нельзя писать eval($_GET['x']) так делать опасно",
            "C'est l'heure d'aller au système (enfin)",
            "@everyone [link](https://example.org/a) (#1)",
            "regex.exec(text) returns null",
            "cursor.execute('select 1')",
        ]);
    }

    #[test]
    fn a_text_about_an_attack_is_at_most_a_tag() {
        let advisory = "All versions of this package are vulnerable to arbitrary code execution when a template \
                        from a user is rendered. An example is process.mainModule.require('child_process') in a value.";
        assert!(score(advisory) <= 2);
    }

    #[test]
    fn words_and_lines_around_an_attack_do_not_hide_it() {
        let words =
            "this is a long story about what we did last summer when all of our friends came to the lake. ";
        let lines = "a=1\nbb=2\nccc=3\n";
        for attack in [
            "<?php system($_GET['c']); ?>",
            "<?php echo shell_exec('id');",
            "<?=`id`?>",
            "';system('id');//",
            "'.system('id').'",
            "<%eval request(\"c\")%>",
            "#{T(java.lang.Runtime).getRuntime().exec('id')}",
            "%{(#_memberAccess['allowStaticMethodAccess']=true)}",
        ] {
            for value in [
                format!("my dear good friend {attack}"),
                format!("{words}{attack}"),
                format!("{attack} {words}"),
            ] {
                assert!(score(&value) >= 5, "{value}");
            }
        }
        for attack in ["require('child_process').exec('id')", "__import__('os').system('id')"] {
            for value in [
                format!("{lines}{attack}"),
                format!("{attack}//{words}"),
                format!("# {words}\n{attack}"),
                format!("/*{words}*/{attack}"),
                format!("\"{words}\";{attack}"),
            ] {
                assert!(score(&value) >= 5, "{value}");
            }
        }
    }
}
