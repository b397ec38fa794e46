//! Java, and the expression languages of its frameworks: OGNL (Struts), SpEL (Spring), EL.

use crate::detect::{
    Strength::{Certain, Medium, Strong, Tag},
    mark::{
        Mark, Site, anywhere, is_aimed, is_aimed_word, is_whole, is_word, mark, stands_alone, starts_word,
    },
};

pub(super) static MARKS: &[Mark] = &[
    mark("getruntime()", "Java's runtime", Strong, anywhere),
    mark("getruntime().exec(", "Java runs a command", Medium, anywhere),
    mark("java.lang.runtime", "Java's runtime", Strong, stands_alone),
    mark("java.lang.processbuilder", "Java's processes", Strong, stands_alone),
    mark("java.runtime", "Java's runtime", Strong, stands_alone),
    mark("java.processbuilder", "Java's processes", Strong, stands_alone),
    mark("new processbuilder(", "Java's processes", Strong, is_aimed),
    mark("new java.", "Java object in an expression", Strong, is_aimed),
    mark("processbuilder.", "Java's processes", Medium, is_aimed_word),
    mark("javax.script.scriptenginemanager", "Java's scripts", Strong, stands_alone),
    mark("new scriptenginemanager(", "Java's scripts", Strong, is_aimed),
    mark("getenginebyname(", "Java's scripts", Medium, anywhere),
    mark("java.lang.classloader", "Java's class loader", Strong, is_whole),
    mark("java.lang.reflect.", "Java's reflection", Medium, is_aimed),
    mark("java.net.urlclassloader", "Java's class loader", Strong, is_no_sentence),
    mark("java.lang.class", "Java's reflection", Medium, is_whole),
    mark("java.lang.system", "Java's system", Medium, is_whole),
    mark("javax.naming.initialcontext", "Java's directory", Strong, is_no_sentence),
    mark("t(java.", "Java class in SpEL", Certain, is_spel_class),
    mark("t (java.", "Java class in SpEL", Certain, is_spel_class),
    mark("t(java\u{0}", "Java class in SpEL", Certain, is_spel_class),
    mark("t(org.springframework", "Java class in SpEL", Certain, is_spel_class),
    mark("t(com.", "Java class in SpEL", Strong, is_spel_class),
    mark("#_memberaccess", "OGNL's member access", Certain, anywhere),
    mark("43_memberaccess", "OGNL's member access", Certain, anywhere),
    mark("u0023_memberaccess", "OGNL's member access", Certain, anywhere),
    mark("default_member_access", "OGNL's member access", Certain, anywhere),
    mark("@ognl.", "OGNL's context", Certain, anywhere),
    mark("ognl.ognlcontext", "OGNL's context", Strong, anywhere),
    mark("@java.", "static Java method in OGNL", Certain, is_static_call),
    mark("@org.apache.", "static Java method in OGNL", Certain, is_static_call),
    mark("@javax.", "static Java method in OGNL", Certain, is_static_call),
    mark("allowstaticmethodaccess", "Struts setting", Certain, stands_alone),
    mark("allowstaticfieldaccess", "Struts setting", Certain, stands_alone),
    mark("denymethodexecution", "Struts setting", Certain, stands_alone),
    mark("excludedpackagenames", "Struts setting", Strong, anywhere),
    mark("com.opensymphony.xwork2", "Struts class", Strong, anywhere),
    mark("org.apache.struts2.", "Struts class", Strong, is_no_sentence),
    mark("servletactioncontext", "Struts class", Strong, is_no_sentence),
    mark("%{#", "OGNL expression", Certain, anywhere),
    mark("%{(#", "OGNL expression", Certain, anywhere),
    mark("${(#", "OGNL expression", Certain, anywhere),
    mark("${#", "OGNL expression", Strong, assigns),
    mark("(#", "OGNL variable", Strong, assigns),
    mark("#context[", "OGNL's context", Strong, anywhere),
    mark("#context.", "OGNL's context", Strong, assigns_or_calls),
    mark("#request[", "OGNL's context", Strong, anywhere),
    mark("#application[", "OGNL's context", Strong, anywhere),
    mark("#parameters.", "OGNL's context", Strong, assigns_or_calls),
    mark("redirect:${", "Struts redirect", Certain, anywhere),
    mark("redirect:%{", "Struts redirect", Certain, anywhere),
    mark("redirectaction:", "Struts redirect", Strong, leads_to_an_expression),
    mark("class.classloader", "Java's class loader", Certain, starts_word),
    mark("class.module.classloader", "Java's class loader", Certain, starts_word),
    mark("class['classloader", "Java's class loader", Certain, starts_word),
    mark("class[\"classloader", "Java's class loader", Certain, starts_word),
    mark("classloader.resources", "Java's class loader", Certain, anywhere),
    mark("class['module", "Java's class loader", Certain, starts_word),
    mark("freemarker.template.utility.", "Freemarker's utilities", Certain, anywhere),
    mark("getclass().forname(", "Java's reflection", Certain, anywhere),
    mark(".class.forname(", "Java's reflection", Certain, anywhere),
    mark("class.forname(", "Java's reflection", Strong, is_aimed_word),
    mark("getclass().getclassloader(", "Java's reflection", Strong, anywhere),
    mark(".getclass().", "Java's reflection", Strong, is_literal_object),
    mark("filesystemxmlapplicationcontext", "Spring context from elsewhere", Strong, takes_a_url),
    mark("classpathxmlapplicationcontext", "Spring context from elsewhere", Strong, takes_a_url),
    mark("%{c1}i", "pattern that writes Java", Certain, anywhere),
    mark("%{c2}i", "pattern that writes Java", Certain, anywhere),
    mark("%{prefix}i", "pattern that writes Java", Certain, anywhere),
    mark("exec(request.getparameter(", "Java runs a parameter", Certain, anywhere),
    mark("request.getparameter(", "Java reads a parameter", Tag, anywhere),
    mark("<%@page", "JSP page", Strong, anywhere),
    mark("<%@ page", "JSP page", Strong, anywhere),
    mark("<jsp:", "JSP element", Strong, anywhere),
    mark("<%runtime", "JSP code", Certain, anywhere),
    mark("<% runtime", "JSP code", Certain, anywhere),
    mark("\".execute()", "Groovy runs a command", Strong, anywhere),
    mark("'.execute()", "Groovy runs a command", Strong, anywhere),
    mark("@groovy.transform.asttest", "Groovy runs code", Certain, anywhere),
    mark("@grab(", "Groovy loads a library", Strong, is_aimed),
    mark("@groovy.grab", "Groovy loads a library", Certain, anywhere),
    mark("invokertransformer", "gadget class", Strong, anywhere),
    mark("instantiatetransformer", "gadget class", Strong, anywhere),
    mark("clonetransformer", "gadget class", Strong, anywhere),
    mark("chainedtransformer", "gadget class", Strong, anywhere),
    mark("instantiatefactory", "gadget class", Strong, anywhere),
    mark("prototypeclonefactory", "gadget class", Strong, anywhere),
    mark("prototypeserializationfactory", "gadget class", Strong, anywhere),
    mark("whileclosure", "gadget class", Strong, anywhere),
    mark("forclosure", "gadget class", Strong, is_class_name),
    mark("org.apache.commons.collections.functors", "gadget class", Strong, anywhere),
    mark("com.sun.org.apache.xalan.internal", "gadget class", Strong, anywhere),
    mark("jdk.jshell.jshell", "Java runs code", Strong, is_no_sentence),
    mark("$$bcel$$", "Java class in text", Certain, anywhere),
];

/// A class in SpEL: `T(java.lang.Runtime)`, the `T` in capitals and a word of its own.
fn is_spel_class(site: &Site<'_>) -> bool {
    site.text().first() == Some(&b'T') && starts_word(site)
}

/// `@java.lang.Runtime@getRuntime()`: the class is followed by `@`.
fn is_static_call(site: &Site<'_>) -> bool {
    let name = site.after().iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
    site.after().get(name) == Some(&b'@')
}

/// `(#name=`, `(#name['...`: a variable is set or used.
fn assigns(site: &Site<'_>) -> bool {
    let after = site.after();
    let name = after.iter().take_while(|byte| is_word(**byte)).count();
    let is_named = after.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let is_used = match after.get(name..) {
        Some([b'=', b'n', b'e', b'w', ..]) => true,
        Some([b'=', next, ..]) => matches!(next, b'@' | b'#' | b'(' | b'\'' | b'"' | b'\\'),
        Some([b'?' | b'[', next, ..]) => matches!(next, b'(' | b'\'' | b'"'),
        _ => false,
    };
    is_named && is_used
}

fn assigns_or_calls(site: &Site<'_>) -> bool {
    let after = site.after();
    let name = after.iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
    name > 0 && matches!(after.get(name), Some(b'(' | b'='))
}

fn leads_to_an_expression(site: &Site<'_>) -> bool {
    matches!(site.after(), [b'$' | b'%', b'{', ..])
}

/// `''.getClass().`, `"".getClass().`, `().getClass().`.
fn is_literal_object(site: &Site<'_>) -> bool {
    matches!(site.before().last(), Some(b'\'' | b'"' | b')' | b']')) && is_aimed(site)
}

fn takes_a_url(site: &Site<'_>) -> bool {
    [&b"http"[..], b"ftp", b"\\\\", b"file:"]
        .iter()
        .any(|scheme| memchr::memmem::find(site.after(), scheme).is_some())
}

/// The literal is no part of an import or of a line of a stack trace.
fn is_no_sentence(site: &Site<'_>) -> bool {
    !site.before().trim_ascii_end().ends_with(b"import") && !site.before().trim_ascii_end().ends_with(b"at")
}

/// Behind a dot, as the last part of a class's name, or written like one.
fn is_class_name(site: &Site<'_>) -> bool {
    site.before().last() == Some(&b'.') || site.text() == b"ForClosure"
}
