//! Probes of engines, ways out of them, and what looks like a template and is none.

use super::Ssti;
use crate::detect::{
    Detector,
    tests::{is_linear, score_of},
};

fn score(text: &str) -> u32 {
    score_of(&Ssti, text)
}

#[test]
fn finds_probes_of_all_engines() {
    for text in [
        "{{9*9}}",
        "{{ 9*'9' }}",
        "${{9*9}}",
        "#{9*9}",
        "*{9*9}",
        "@(9*9)",
        "[[9*9]]",
        "[[${9*9}]]",
        "<%= 9*9 %>",
        "{9*9}",
        "{{=9*9}}",
        "x{*y*}z",
        "${\"a\".toUpperCase()}",
        "{{'a'.constructor}}",
        "{{self}}",
        "{{ config }}",
        "{{request.application.__globals__}}",
        "{% debug %}",
        "{% if 1 %}a{% endif %}",
        "<% if true %>a<% end %>",
        "{$smarty.template}",
        "{{printf \"%d\" 9}}",
        "${{<%[%'\"}}%\\.",
    ] {
        assert!(score(text) >= 5, "{text}");
    }
}

#[test]
fn finds_ways_out() {
    for text in [
        "{{ x.__init__.__globals__['os'].popen('id').read() }}",
        "{{['id']|map('system')|join}}",
        "{{_self.env.registerUndefinedFilterCallback('exec')}}",
        "{{request|attr('class')}}",
        "${T(java.lang.System).getenv()}",
        "%{(#_memberAccess['a']=true)}",
        "#set($e='')$e.getClass().forName('java.lang.Runtime')",
        "<%= File.open('/etc/hosts').read %>",
        "<% import os %><%= os.popen('id').read() %>",
        "{{range.constructor('return 1')()}}",
        "#{global.process.mainModule.require('child_process').execSync('id')}",
        "@System.Diagnostics.Process.Start(\"x\")",
        "{system('id')}",
        "__${T(java.lang.Runtime).getRuntime().exec('id')}__::.x",
    ] {
        assert!(score(text) >= 5, "{text}");
    }
}

#[test]
fn placeholders_and_code_pass() {
    for text in [
        "Dear {{ customer.name }}, your order {{order_id}} of {{ date | date:'short' }} left.",
        "{{#if active}}yes{{else}}no{{/if}} {{> partial}} {{{raw}}}",
        "{{ 'HOME.TITLE' | translate }}",
        "{% if user.is_authenticated %}hi{% endif %}{% extends 'base.html' %}",
        "`${a} ${b.c} ${f(x)} ${i + 1} ${items.map(i => i.name).join(', ')}`",
        "const s = `${process.env.HOME}/x`; log(`${req.url} ${JSON.stringify(self.config)}`)",
        "puts \"#{name} is #{age + 1}\"",
        "for x in \"${array[@]}\"; do echo ${x%.*} ${#x} ${y:-0}; done",
        "printf(\"%{public}s\")",
        "<%# comment %><%= user.name %><% end %>",
        "style={{ margin: 2, flex: 1 }}",
        "a = {'x': {'y': 1}}",
        "\\mathbb{R}^{n-1} \\sum_{i=1}^{n} {{x}}",
        "[[wiki link]] and [[1]](#ref)",
        "{\"a\":{\"b\":[[1,2],[3,4]]}}",
        "@ann (10-12) mail ann@(example)",
        "#1 {#each items as item}{/each}",
        "{{2024-11-22}}",
    ] {
        assert!(score(text) < 5, "{text} {}", score(text));
    }
}

#[test]
fn takes_linear_time_whatever_is_repeated() {
    for part in Ssti
        .literals()
        .iter()
        .copied()
        .chain(["@php ", "{=", "{{[%", "@", "@{", "{{(", "${'", "{{x", "#set($", "{%for ", "<%="])
    {
        assert!(is_linear(&Ssti, part), "{part:?}");
    }
}
