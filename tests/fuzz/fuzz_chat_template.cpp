// Fuzz target: chat templates, which come with checkpoints from anywhere.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "converter/import/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string warning;
    const std::string_view source(reinterpret_cast<const char *>(data), size);
    const std::optional<adder::ChatTemplate> parts =
        adder::probe_chat_template(source, "<s>", "</s>", &warning);
    if (parts.has_value() != warning.empty()) std::abort();
    return 0;
}

extern "C" void adder_fuzz_seeds(void (*add)(const uint8_t *, size_t)) {
    for (const char *text : {
             "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if "
             "add_generation_prompt "
             "%}<|assistant|>{% endif %}",
             "{%- set ns = namespace(n=0) -%}{% for m in messages[1:] if m['role'] != 'x' %}{% set ns.n = "
             "ns.n + 1 %}{{ "
             "'a' ~ (m.content | trim | upper) ~ loop.index0 % 2 }}{% else %}{% endfor %}",
             "{% if not messages is defined or 'a' in ['b', {'c': -1}] and 1 <= 2 %}{{ raise_exception('no') "
             "}}{% elif x "
             "is not none %}{# c #}{% else %}{{ messages[-1].get('role', 'y').strip().split('e')[0] }}{% "
             "endif %}",
             "{{ 'x' if true else [] }}{% for a in messages %}{% for b in messages %}{% break %}{% endfor "
             "%}{% continue "
             "%}{% endfor %}{{ bos_token + eos_token }}",
             "{% macro m(a, b='x') %}{% set t %}{{ a }}{% endset %}{{ t | replace('x', b) }}{% endmacro %}{% for k, v in "
             "messages[0].items() %}{{ m(k, b=v) }}{% endfor %}{% for m in messages[::-1] %}{{ m.role[1:] }}{% else %}{{ "
             "strftime_now('%d') }}{% endfor %}",
             "{% set a, b = (range(3), dict(c=1)) %}{{ a | join(',') }}{{ 7 // 2 }}{{ messages | selectattr('role', "
             "'equalto', 'user') | map(attribute='content') | list | tojson }}{{ '\\u00e9' is in ['x'] }}",
         })
        add(reinterpret_cast<const uint8_t *>(text), std::strlen(text));
}

extern "C" const char *const adder_fuzz_words[] = {
    "{{",    "}}",     "{%",       "%}",       "{%-",         "-%}",      "{#",         "#}",
    " for ", " in ",   " if ",     " elif",    " else ",      " endif",   " endfor ",   " set ",
    " not ", " and ",  " or ",     " is ",     "defined",     "messages", ".role",      ".content",
    "[0]",   "[1:]",   "loop.",    "|trim",    " ~ ",         " == ",     "'",          "\\n",
    "(",     ")",      "[x,x]",    "x = x+x",  "namespace()", " macro ",  " endmacro ", " endset ",
    "m(1)",  "[::-1]", ".items()", "range(9)", "//",          "k, v",     "|join",      ".replace('a', 'aa')",
    nullptr};
