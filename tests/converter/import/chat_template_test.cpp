// Chat templates: the roles' parts that are found, and what is refused with a reason.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "converter/import/chat_template.h"
#include "converter/text/jinja.h"
#include "tests/support/error_of.h"
#include "tests/support/shared.h"
#include "tests/support/temporary_directory.h"

namespace adder {
namespace {

constexpr char chatml[] =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' "
    "}}{% endif %}";

constexpr char zephyr[] =
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + "
    "message['content'] + eos_token "
    "}}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\\n' + message['content'] + eos_token }}\n{% "
    "elif "
    "message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n'  + message['content'] + eos_token }}\n{% endif "
    "%}\n{% if "
    "loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}";

constexpr char llama2[] =
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
    "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% "
    "endif %}{% for "
    "message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ "
    "raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% "
    "if loop.index0 "
    "== 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' "
    "+ "
    "message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] "
    "== 'user' %}{{ "
    "bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  "
    "+ "
    "content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}";

std::string warning_of(std::string_view source) {
    std::string warning;
    EXPECT_FALSE(probe_chat_template(source, "<s>", "</s>", &warning).has_value()) << source;
    EXPECT_NE(warning, "") << source;
    return warning;
}

ChatTemplate parts_of(std::string_view source) {
    std::string warning;
    const std::optional<ChatTemplate> parts = probe_chat_template(source, "<s>", "</s>", &warning);
    EXPECT_TRUE(parts.has_value()) << warning;
    EXPECT_EQ(warning, "");
    return parts.value_or(ChatTemplate{});
}

TEST(ChatTemplate, ChatMl) {
    const ChatTemplate parts = parts_of(chatml);
    EXPECT_EQ(parts.begin, "");
    EXPECT_TRUE(parts.has_system);
    EXPECT_EQ(parts.system_prefix, "<|im_start|>system\n");
    EXPECT_EQ(parts.system_suffix, "<|im_end|>\n");
    EXPECT_EQ(parts.user_prefix, "<|im_start|>user\n");
    EXPECT_EQ(parts.user_suffix, "<|im_end|>\n");
    EXPECT_EQ(parts.assistant_prefix, "<|im_start|>assistant\n");
    EXPECT_EQ(parts.assistant_suffix, "<|im_end|>\n");
}

TEST(ChatTemplate, Zephyr) {
    const ChatTemplate parts = parts_of(zephyr);
    EXPECT_EQ(parts.system_prefix, "<|system|>\n");
    EXPECT_EQ(parts.user_prefix, "<|user|>\n");
    EXPECT_EQ(parts.user_suffix, "</s>\n");
    EXPECT_EQ(parts.assistant_prefix, "<|assistant|>\n");
    EXPECT_EQ(parts.assistant_suffix, "</s>\n");
}

TEST(ChatTemplate, Llama2PutsTheSystemMessageIntoTheFirstTurn) {
    EXPECT_HAS(warning_of(llama2), "depend on their position");
}

TEST(ChatTemplate, ABosTokenMayBegin) {
    const ChatTemplate parts = parts_of(std::string("{{ bos_token }}") + chatml);
    EXPECT_EQ(parts.begin, "<s>");
    EXPECT_EQ(parts.user_prefix, "<|im_start|>user\n");
    // A text of the template's own that stays where there is a system text.
    EXPECT_EQ(parts_of(std::string("Be kind.") + chatml).begin, "Be kind.");
    EXPECT_EQ(parts_of(std::string("Be kind.") + chatml).own_system, "");
}

TEST(ChatTemplate, ASystemMessageMayBeRefusedOrIgnored) {
    const char refuses[] =
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "[{{ m.role }}]{{ m.content | trim }}[end]{% endfor %}";
    const char ignores[] =
        "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}[end]{% endfor %}";
    for (const char *source : {refuses, ignores}) {
        const ChatTemplate parts = parts_of(source);
        EXPECT_FALSE(parts.has_system);
        EXPECT_EQ(parts.user_prefix, "[user]");
        EXPECT_EQ(parts.assistant_suffix, "[end]");
    }
}

TEST(ChatTemplate, WhatDoesNotFitIsRefusedWithAReason) {
    const char *const cases[][2] = {
        {"{% for m in messages %}{{ m.content }}{% if not loop.last %}, {% endif %}{% endfor %}",
         "depend on their position"},
        {"{% for m in messages %}<{{ loop.index }}>{{ m.content }}{% endfor %}", "depend on their position"},
        {"{{ messages[-1].content }}", "leaves out or changes the text of a turn"},
        {"{% for m in messages %}{{ m.content | upper }}{% endfor %}", "leaves out or changes"},
        {"{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "repeats"},
        {"{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}?{% "
         "endif %}",
         "does not begin an answer"},
        {"{{ raise_exception('never') }}", "the template refuses: never"},
        {"{% for m in messages %}\n  {{ m | tojson }}\n{% endfor %}", "line 2, column 10: the filter tojson"},
        {"{% call x() %}{% endcall %}", "line 1, column 4: the tag call is unsupported"},
        {"{{ strftime_now('%d') }}{{ messages[0].content }}", "it puts the day's date into the conversation"},
        {"{% macro x() %}{% break %}{% endmacro %}", "break outside of a loop"},
        {"{% for a, b in [1] %}{% endfor %}", "other than as many values as names"},
        {"{{ 0.5 }}", "line 1, column 4: a number that is not whole is unsupported"},
        {"{% macro x() %}{% endmacro %}{{ x(1) }}", "the macro has fewer parameters"},
        {"{% macro x() %}{% endmacro %}{{ x(y=1) }}", "no parameter of that name"},
        {"{% for m in messages %}", "endfor is missing"},
        {"{% if x %}{% else %}", "endif is missing"},
        {"{% endif %}", "unsupported"},
        {"{{ 'abc }}", "line 1, column 4: a string has no end"},
        {"{{ a", "a tag has no end"},
        {"{# never closed", "a comment has no end"},
        {"{{ messages }}", "printing a list"},
        {"{{ nothing.here }}", ".here of something undefined"},
        {"{{ 1 @ 2 }}", "an unsupported character"},
        {"{% break %}", "break outside of a loop"},
    };
    for (const auto &[source, reason] : cases) EXPECT_HAS(warning_of(source), reason);
}

std::string rendered(std::string_view source) {
    using jinja::Value;
    const auto message = [](const char *role, const char *content) {
        return Value::of(Value::Dict{{"role", Value::of(role)}, {"content", Value::of(content)}});
    };
    try {
        return jinja::render(
            *jinja::parse(source),
            {{"messages", Value::of(Value::List{message("user", " A "), message("assistant", "B")})},
             {"flag", Value::of(true)}});
    } catch (const jinja::TemplateError &error) {
        return "error: " + error.message;
    }
}

// Expected texts are what jinja2 gives with trim_blocks and lstrip_blocks.
TEST(Jinja, RendersAsJinja) {
    const char *const cases[][2] = {
        {"a\n{% if flag %}\nb\n{% endif %}\nc\n", "a\nb\nc"},
        {"a\n  {% if flag %}\n  b\n  {%+ endif %}\n c", "a\n  b\n   c"},
        {"a {%- if flag -%} b {%- endif -%} c", "abc"},
        {"a {{- 'b' -}} c", "abc"},
        {"{{ 'x' }}\n{# note #}\ny", "x\ny"},
        {"{{ 1 + 2 * 3 - 4 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 'a' ~ 1 ~ none }}", "3 1 2 a1None"},
        {"{{ 'a' + 'b' | upper }}", "aB"},
        {"{{ not false and true }} {{ 'a' in 'cat' }} {{ 'x' not in ['x'] }} {{ 1 < 2 }}",
         "True True False True"},
        {"{{ 'yes' if flag else 'no' }}{{ 'x' if not flag }}", "yes"},
        {"{{ undefined_thing }}{{ undefined_thing is defined }}{{ messages[9] is undefined }}", "FalseTrue"},
        {"{{ undefined_thing | default('d') }} {{ messages | length }} {{ messages[0].content | trim }}",
         "d 2 A"},
        {"{{ messages[-1]['content'] }}{{ messages[1:][0]['role'] }}{{ messages[:1] | length }}",
         "Bassistant1"},
        {"{{ messages[0].content.strip() }}{{ 'a,b'.split(',')[1] }}{{ 'abc'.startswith('ab') }}", "AbTrue"},
        {"{% for m in messages %}{{ loop.index }}{{ loop.first }}{{ loop.last }} {% endfor %}",
         "1TrueFalse 2FalseTrue "},
        {"{% for m in messages if m.role == 'assistant' %}{{ loop.index0 }}{{ m.content }}{% endfor %}", "0B"},
        {"{% set x = 1 %}{% for m in messages %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "221"},
        {"{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n "
         "}}",
         "2"},
        {"{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% endfor %}", "B"},
        {"{% for m in messages %}{% break %}x{% endfor %}y", "y"},
        {"{% generation %}x{% endgeneration %}", "x"},
        {"{{ {'a': {'b': 5}}['a']['b'] }}", "5"},
        {"{{ messages[0].get('role') }}{{ messages[0].get('x', 'y') }}{{ messages[0].x is none }}",
         "useryFalse"},
        {"{{ messages is string }}{{ messages is iterable }}{{ messages[0] is mapping }}{{ 3 is odd }}",
         "FalseTrueTrueTrue"},
        {"{{ 'a\\n\\'b\\'' }}{{ \"q\" 'r' }}", "a\n'b'qr"},
        {"{% if false %}1{% elif flag %}2{% else %}3{% endif %}", "2"},
        {"{% macro m(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}",
         "<1x><12><43>"},
        {"{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "3210"},
        {"{% set g = 1 %}{% macro m() %}{{ g }}{{ x }}{% endmacro %}{% for x in [5] %}{{ m() }}{% endfor %}",
         "1"},
        {"{% for k, v in {'b': 1, 'a': 2}.items() | list if v > 1 %}{{ k }}{{ v }}{% endfor %}", "a2"},
        {"{% for (a, b) in [(1, 2), (3, 4)] %}{{ a }}{{ b }}{% endfor %}", "1234"},
        {"{% for a in [] %}x{% else %}none{% endfor %}{% for a in [1] %}x{% else %}y{% endfor %}", "nonex"},
        {"{% set t %}a{{ 1 }}{% endset %}{{ t | upper }}", "A1"},
        {"{% set a, b = (1, 2) %}{{ b }}{{ a }}", "21"},
        {"{% for m in messages[::-1] %}{{ m.role }} {% endfor %}{{ 'abcde'[1:4] }}{{ 'abcde'[::-2] }}{{ 'ab'[-1] }}",
         "assistant user bcdecab"},
        {"{{ [1, 2, 3, 4][3:0:-2] | join(',') }}{{ [1, 2][-9:9] | length }}", "4,22"},
        {"{{ messages | selectattr('role', 'equalto', 'user') | list | length }}"
         "{{ messages | rejectattr('role', 'equalto', 'user') | map(attribute='content') | join }}",
         "1B"},
        {"{{ 'a-b-c'.replace('-', '') }}{{ 'abc' | replace('b', '') }}{{ ' a  b '.split() | length }}",
         "abcac2"},
        {"{{ 7 // 2 }} {{ -7 // 2 }} {{ range(3) | join }} {{ range(5, 1, -2) | join }}", "3 -4 012 53"},
        {"{{ 'a\"b' | tojson }}{{ [1, none, true] | tojson }}", "\"a\\\"b\"[1, null, true]"},
        {"{{ '\\u00e9\\x41\\d' }}", "\u00e9A\\d"},
        {"{{ 3 is in [3] }}{{ 'a' is equalto 'a' }}{{ 'a' is not in ['a'] }}", "TrueTrueFalse"},
        {"{% set ns = namespace(l=[]) %}{% set ns.l = ns.l + [1] %}{{ ns.l | length }}", "1"},
        {"{{ strftime_now is defined }}{{ 'hello World' | capitalize }}", "FalseHello world"},
    };
    for (const auto &[source, expected] : cases) EXPECT_EQ(rendered(source), expected) << source;
}

TEST(Jinja, HostileTemplatesEnd) {
    std::string parentheses = "{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}";
    EXPECT_HAS(rendered(parentheses), "nested too deep");
    std::string sum = "{{ 1";
    std::string blocks, negations = "{{ ";
    for (int i = 0; i < 5000; ++i) {
        sum += "+1";
        blocks += "{% if 1 %}";
        negations += "not ";
    }
    EXPECT_HAS(rendered(sum + " }}"), "nested too deep");
    EXPECT_HAS(rendered(blocks), "nested too deep");
    EXPECT_HAS(rendered(negations + "1 }}"), "nested too deep");
    std::string loops, ends;
    for (int i = 0; i < 40; ++i) {
        loops += "{% for a in messages %}";
        ends += "{% endfor %}";
    }
    EXPECT_HAS(rendered(loops + ends), "takes too long");
    std::string doubling = "{% set x = 'ab' %}";
    for (int i = 0; i < 60; ++i) doubling += "{% set x = x + x %}";
    EXPECT_HAS(rendered(doubling), "takes too long");
    std::string nested = "{% set x = [1] %}";
    for (int i = 0; i < 60; ++i) nested += "{% set x = [x, x] %}";
    EXPECT_HAS(rendered(nested), "nested too deep");
    EXPECT_HAS(rendered("{% set n = namespace() %}{% set n.n = n %}"), "unsupported");
    EXPECT_HAS(rendered("{% set n = namespace() %}{% set n.n = [{'a': n}] %}"), "unsupported");
    EXPECT_HAS(rendered("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), "too deep");
    EXPECT_HAS(rendered("{% macro m(n) %}{{ m(n) ~ m(n) }}{% endmacro %}{{ m(1) }}"), "too deep");
    EXPECT_HAS(rendered("{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"),
               "takes too long");
    EXPECT_HAS(rendered("{{ range(1000000) }}"), "too long");
    std::string growing = "{% set x = 'aaaaaaaaaaaaaaaa' %}";
    for (int i = 0; i < 60; ++i) growing += "{% set x = x.replace('a', 'aaaaaaaaaaaaaaaa') %}";
    EXPECT_HAS(rendered(growing), "takes too long");
    EXPECT_HAS(rendered(std::string(70000, 'x')), "64 KiB");
}

// A thought is put in front of the last answer, and left out of earlier ones; who asks for an answer opens it.
TEST(ChatTemplate, WhatAModelThinksMayBeLeftOutOfEarlierAnswers) {
    const ChatTemplate parts =
        parts_of("{%- for m in messages %}{{ '<' + m.role + '>' }}{% if m.role == 'assistant' and loop.last %}"
                 "{{ '[think][/think]' }}{% endif %}{{ m.content + '.' }}{% endfor %}"
                 "{% if add_generation_prompt %}{{ '<assistant>[think]' }}{% endif %}");
    EXPECT_EQ(parts.assistant_prefix, "<assistant>[think]");
    EXPECT_EQ(parts.assistant_suffix, ".");
    EXPECT_EQ(parts.user_prefix, "<user>");
}

// Where the conversation has no system text, the template's own stands in its place.
TEST(ChatTemplate, ASystemTextOfItsOwn) {
    const char *const source =
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set s = messages[0].content %}{% set rest = "
        "messages[1:] %}{% else %}{% set s = 'Be kind.' %}{% set rest = messages %}{% endif %}[S]{{ s }}[/S]"
        "{% for m in rest %}<{{ m.role }}>{{ m.content }}</>{% endfor %}";
    std::string warning;
    const std::optional<ChatTemplate> parts = probe_chat_template(source, "<b>", "", &warning);
    ASSERT_TRUE(parts) << warning;
    EXPECT_EQ(parts->begin, "<b>");
    EXPECT_EQ(parts->own_system, "[S]Be kind.[/S]");
    EXPECT_TRUE(parts->has_system);
    EXPECT_EQ(parts->system_prefix, "[S]");
    EXPECT_EQ(parts->system_suffix, "[/S]");
}

TEST(ChatTemplate, FormsThatAreAskedFor) {
    EXPECT_EQ(chat_template_of_form("plain", "").user_prefix, "User: ");
    EXPECT_EQ(chat_template_of_form("chatml", "").assistant_prefix, "<|im_start|>assistant\n");
    const test::TemporaryDirectory directory;
    test::write_text(directory.file("t.jinja"),
                     "{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}");
    EXPECT_EQ(chat_template_of_form(directory.file("t.jinja"), "").assistant_prefix, "<assistant>");
    test::write_text(directory.file("t.jinja"), "{% for m in messages %}");
    EXPECT_HAS(test::error_of([&] { chat_template_of_form(directory.file("t.jinja"), ""); }),
               "t.jinja: chat template cannot be used: line 1, column 24: endfor is missing");
    EXPECT_HAS(test::error_of([&] { chat_template_of_form(directory.file("absent"), ""); }), "absent");
}

class ChatTemplateFile : public testing::Test {
  protected:
    std::optional<ChatTemplate> read(const std::string &json) {
        test::write_text(directory_.file("tokenizer_config.json"), json);
        return read_chat_template(directory_.file("tokenizer_config.json"), &warning_);
    }
    test::TemporaryDirectory directory_;
    std::string warning_;
};

TEST_F(ChatTemplateFile, TextListTokensAndAbsence) {
    const std::string simple =
        R"("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}")";
    std::optional<ChatTemplate> parts =
        read(R"({"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": "<e>", "chat_template": )" +
             simple + "}");
    ASSERT_TRUE(parts) << warning_;
    EXPECT_EQ(parts->begin, "<b>");
    EXPECT_EQ(parts->assistant_suffix, "<e>");
    EXPECT_TRUE(
        read(R"({"chat_template": [{"name": "tool", "template": "x"}, {"name": "default", "template": )" +
             simple + "}]}"));
    EXPECT_FALSE(read(R"({"chat_template": [{"name": "tool", "template": "x"}]})"));
    EXPECT_HAS(warning_, "default");
    EXPECT_FALSE(read(R"({"chat_template": 5})"));
    EXPECT_HAS(warning_, "tokenizer_config.json: chat template not used: chat_template is no text");
    EXPECT_FALSE(read("{}"));
    EXPECT_EQ(warning_, "");
    // One in a file of its own wins.
    test::write_text(directory_.file("chat_template.jinja"),
                     "{% for m in messages %}({{ m.role }}){{ m.content }};{% endfor %}");
    parts = read(R"({"chat_template": 5})");
    ASSERT_TRUE(parts) << warning_;
    EXPECT_EQ(parts->user_prefix, "(user)");
    test::write_text(directory_.file("chat_template.jinja"), "{% for");
    EXPECT_FALSE(read("{}"));
    EXPECT_HAS(warning_, "chat_template.jinja: chat template not used: line 1");
    std::remove(directory_.file("chat_template.jinja").c_str());
    EXPECT_HAS(test::error_of([&] { read("{"); }), "tokenizer_config.json");
}

TEST(ChatTemplate, OfTheModelsThatShipWithAdder) {
    for (const char *model : {"adder-13m", "adder-1m-int4"}) {
        std::string warning;
        const std::optional<ChatTemplate> parts =
            read_chat_template(test::model_directory(model) + "/tokenizer_config.json", &warning);
        ASSERT_TRUE(parts) << warning;
        EXPECT_EQ(parts->begin, "");
        EXPECT_EQ(parts->user_prefix, "<|user|>");
        EXPECT_EQ(parts->user_suffix, "<|end|>");
        EXPECT_EQ(parts->assistant_prefix, "<|assistant|>");
        EXPECT_EQ(parts->assistant_suffix, "<|end|>");
    }
}

}  // namespace
}  // namespace adder
