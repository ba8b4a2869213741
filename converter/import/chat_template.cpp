// Finds a chat template's prefixes and suffixes by rendering conversations of known texts.
// SPDX-License-Identifier: MIT
#include "converter/import/chat_template.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/import/gguf.h"
#include "converter/import/gguf_tokenizer.h"
#include "converter/import/world_vocabulary.h"
#include "converter/text/jinja.h"
#include "converter/text/json.h"

namespace adder {

namespace {

// Texts that no template has of its own, and that trimming leaves alone.
struct Turn {
    const char *role;
    const char *text;
};
constexpr Turn system_turn = {"system", "xq5Systemq5x"};
constexpr Turn user_1 = {"user", "xq5Firstq5x"};
constexpr Turn answer_1 = {"assistant", "xq5Secondq5x"};
constexpr Turn user_2 = {"user", "xq5Thirdq5x"};
constexpr Turn answer_2 = {"assistant", "xq5Fourthq5x"};

constexpr char position_dependent[] = "its turns depend on their position";

// Why a template does not fit.
struct Misfit {
    std::string reason;
};

bool starts_with(const std::string &text, const std::string &start) {
    return text.compare(0, start.size(), start) == 0;
}

bool ends_with(const std::string &text, const std::string &end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

class Probe {
  public:
    Probe(std::string_view source, const std::string &bos_token, const std::string &eos_token)
        : root_(jinja::parse(source)), bos_token_(bos_token), eos_token_(eos_token) {}

    ChatTemplate run() {
        // The parts come from where they can be told apart: the end of a conversation is a suffix alone.
        const std::vector<std::string> one = pieces({user_1});
        const std::vector<std::string> two = pieces({user_1, answer_1});
        const std::vector<std::string> three = pieces({user_1, answer_1, user_2});
        parts_.user_suffix = one.back();
        parts_.assistant_suffix = two.back();
        history_prefix_ = without_start(three[1], parts_.user_suffix);
        last_prefix_ = without_start(two[1], parts_.user_suffix);
        parts_.user_prefix = without_start(three[2], parts_.assistant_suffix);
        if (!ends_with(one[0], parts_.user_prefix)) throw Misfit{position_dependent};
        const std::string before = one[0].substr(0, one[0].size() - parts_.user_prefix.size());
        parts_.begin = starts_with(before, bos_token_) ? bos_token_ : std::string();
        parts_.own_system = before.substr(parts_.begin.size());
        probe_system();
        probe_answer();
        for (const std::vector<Turn> &turns : std::vector<std::vector<Turn>>{
                 {user_1},
                 {user_1, answer_1},
                 {user_1, answer_1, user_2},
                 {user_1, answer_1, user_2, answer_2},
                 {user_2, answer_2, user_1, answer_1, user_2, answer_2, user_1},
             }) {
            check(turns);
            if (!parts_.has_system) continue;
            std::vector<Turn> with_system = turns;
            with_system.insert(with_system.begin(), system_turn);
            check(with_system);
        }
        return parts_;
    }

  private:
    std::string render(const std::vector<Turn> &turns, bool add_generation_prompt) const {
        using jinja::Value;
        Value::List messages;
        for (const Turn &turn : turns)
            messages.push_back(Value::of(Value::Dict{{"role", Value::of(std::string(turn.role))},
                                                     {"content", Value::of(std::string(turn.text))}}));
        return jinja::render(*root_, {{"messages", Value::of(std::move(messages))},
                                      {"add_generation_prompt", Value::of(add_generation_prompt)},
                                      {"bos_token", Value::of(bos_token_)},
                                      {"eos_token", Value::of(eos_token_)}});
    }

    // What stands before, between and after the turns' texts.
    std::vector<std::string> pieces(const std::vector<Turn> &turns) const {
        const std::string text = render(turns, false);
        std::vector<std::string> found;
        size_t at = 0;
        for (const Turn &turn : turns) {
            const size_t next = text.find(turn.text, at);
            if (next == std::string::npos)
                throw Misfit{format("it leaves out or changes the text of a turn of the %s", turn.role)};
            found.push_back(text.substr(at, next - at));
            at = next + std::string(turn.text).size();
        }
        found.push_back(text.substr(at));
        for (const std::string &piece : found) {
            if (piece.find(jinja::date_mark) != std::string::npos)
                throw Misfit{
                    "it puts the day's date into the conversation (strftime_now), and a blob has no clock"};
            if (piece.find("xq5") != std::string::npos) throw Misfit{"it repeats the texts of turns"};
        }
        return found;
    }

    static std::string without_start(const std::string &text, const std::string &start) {
        if (!starts_with(text, start)) throw Misfit{position_dependent};
        return text.substr(start.size());
    }

    void probe_system() {
        parts_.has_system = false;
        std::string text;
        try {
            text = render({system_turn, user_1}, false);
        } catch (const jinja::TemplateError &error) {
            if (error.raised) return;  // the template refuses system messages
            throw;
        }
        if (text == render({user_1}, false)) return;  // it ignores them
        // system_prefix, text, system_suffix, user_prefix, text, user_suffix, answer: where the suffix ends, the user's
        // prefix says.
        const std::vector<std::string> split = pieces({system_turn, user_1});
        // A text of its own that stays in front of the system's is a part of the begin.
        if (starts_with(split[0], parts_.begin + parts_.own_system)) {
            parts_.begin += parts_.own_system;
            parts_.own_system.clear();
        }
        if (!starts_with(split[0], parts_.begin) || !ends_with(split[1], parts_.user_prefix))
            throw Misfit{std::string(position_dependent) +
                         ": a system message is put inside of the user's turn"};
        parts_.has_system = true;
        parts_.system_prefix = split[0].substr(parts_.begin.size());
        parts_.system_suffix = split[1].substr(0, split[1].size() - parts_.user_prefix.size());
    }

    // What begins an answer is what asks for one. In a conversation that goes on answers may begin with less, or with more: what
    // the model has thought is left out of earlier ones, or an empty thought is put in front.
    void probe_answer() {
        const std::string before = render({user_1}, false), asked = render({user_1}, true);
        const std::string prompt = starts_with(asked, before) ? asked.substr(before.size()) : std::string();
        // Templates that know no add_generation_prompt have nothing, and white space may be missing at its end.
        const bool shorter = starts_with(history_prefix_, prompt);
        const bool white =
            shorter && history_prefix_.find_first_not_of(" \n", prompt.size()) == std::string::npos;
        parts_.assistant_prefix = asked == before || white ? history_prefix_ : prompt;
        role_ = common_start(common_start(parts_.assistant_prefix, history_prefix_), last_prefix_);
        varies_ = parts_.assistant_prefix != history_prefix_ || last_prefix_ != history_prefix_;
        if (varies_ && role_.empty())
            throw Misfit{"add_generation_prompt does not begin an answer as the assistant's turns begin"};
    }

    static std::string common_start(const std::string &a, const std::string &b) {
        return {a.begin(), std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first};
    }

    const std::string &prefix_of(const Turn &turn) const {
        const std::string role = turn.role;
        return role == "system" ? parts_.system_prefix : role == "user" ? parts_.user_prefix : role_;
    }
    const std::string &suffix_of(const Turn &turn) const {
        const std::string role = turn.role;
        return role == "system" ? parts_.system_suffix
               : role == "user" ? parts_.user_suffix
                                : parts_.assistant_suffix;
    }

    // The parts put together have to be what the template renders; of an assistant's turn how it begins.
    void check(const std::vector<Turn> &turns) const {
        const std::vector<std::string> found = pieces(turns);
        std::string before = parts_.begin + (std::string(turns[0].role) == "system" ? "" : parts_.own_system);
        for (size_t i = 0; i < turns.size(); ++i) {
            before += prefix_of(turns[i]);
            const bool any_start = varies_ && std::string(turns[i].role) == "assistant";
            if (any_start ? !starts_with(found[i], before) : found[i] != before)
                throw Misfit{position_dependent};
            before = suffix_of(turns[i]);
        }
        if (found.back() != before) throw Misfit{position_dependent};
        if (std::string(turns.back().role) != "user") return;
        const std::string given = render(turns, false), asked = render(turns, true);
        if (asked == given) return;
        if (!starts_with(asked, given) || !starts_with(parts_.assistant_prefix, asked.substr(given.size())))
            throw Misfit{position_dependent};
    }

    const jinja::NodePtr root_;
    const std::string bos_token_, eos_token_;
    ChatTemplate parts_{};
    std::string history_prefix_;  // of the assistant's turns in a conversation that goes on
    std::string last_prefix_;     // of the last one
    std::string role_;            // what begins them all
    bool varies_ = false;         // they do not all begin alike
};

// As RWKV's World models were trained to take a conversation (BlinkDL/RWKV-LM, "G1-series trained templates"); their folders
// have no template. An answer brings the blank along that it begins with.
constexpr char plain_chat_template[] =
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'system' %}{{ 'System: ' + message['content'] + '\n\n' }}"
    "{% else %}{{ 'Assistant:' + message['content'] + '\n\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

// OpenAI's Chat Markup Language, as models of many makers were trained on it.
constexpr char chatml_template[] =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

// A token in tokenizer_config.json: its text, or an object with "content".
std::string token_text(const Json &config, const char *key) {
    const Json *token = config.find(key);
    if (token != nullptr && token->is_object()) token = token->find("content");
    return token != nullptr && token->is_string() ? token->string(key) : std::string();
}

// The template's source, or null; *warning says what is wrong with a value of another form.
const std::string *template_source(const Json &config, std::string *warning) {
    const Json *value = config.find("chat_template");
    if (value == nullptr || value->is_null()) return nullptr;
    if (value->is_array()) {
        const std::vector<Json> &list = value->array("chat_template");
        value = nullptr;
        for (const Json &item : list) {
            const Json *const name = item.find("name");
            if (name != nullptr && name->is_string() && name->string("name") == "default")
                value = item.find("template");
        }
        if (value == nullptr) {
            *warning = "chat_template lists no template of the name \"default\"";
            return nullptr;
        }
    }
    if (value->is_string()) return &value->string("chat_template");
    *warning = "chat_template is no text";
    return nullptr;
}

}  // namespace

std::optional<ChatTemplate> probe_chat_template(std::string_view source, const std::string &bos_token,
                                                const std::string &eos_token, std::string *warning) {
    try {
        return Probe(source, bos_token, eos_token).run();
    } catch (const jinja::TemplateError &error) {
        *warning = error.message;
    } catch (const Misfit &misfit) {
        *warning = misfit.reason;
    }
    return std::nullopt;
}

ChatTemplate chat_template_of_form(const std::string &form, const std::string &tokenizer_config_path) {
    std::string bos_token, eos_token, warning;
    if (!tokenizer_config_path.empty()) {
        const MappedFile file(tokenizer_config_path);
        const Json config = Json::parse(file.text(), tokenizer_config_path);
        bos_token = token_text(config, "bos_token");
        eos_token = token_text(config, "eos_token");
    }
    std::string source = form == "plain" ? plain_chat_template : form == "chatml" ? chatml_template : "";
    if (source.empty()) source = MappedFile(form).text();
    const std::optional<ChatTemplate> found = probe_chat_template(source, bos_token, eos_token, &warning);
    if (!found) bad_input("%s: chat template cannot be used: %s", form.c_str(), warning.c_str());
    return *found;
}

std::optional<ChatTemplate> read_chat_template(const std::string &tokenizer_config_path, std::string *warning) {
    warning->clear();
    const MappedFile file(tokenizer_config_path);
    const Json config = Json::parse(file.text(), tokenizer_config_path);
    const std::filesystem::path beside =
        std::filesystem::path(tokenizer_config_path).replace_filename("chat_template.jinja");
    std::optional<MappedFile> alone;
    std::string_view text;
    if (std::filesystem::exists(beside)) {
        text = alone.emplace(beside.string()).text();
    } else if (const std::string *const source = template_source(config, warning)) {
        text = *source;
    }
    std::optional<ChatTemplate> found;
    if (!text.empty())
        found = probe_chat_template(text, token_text(config, "bos_token"), token_text(config, "eos_token"),
                                    warning);
    if (!warning->empty())
        *warning = (alone ? beside.string() : tokenizer_config_path) + ": chat template not used: " + *warning;
    return found;
}

std::optional<ChatTemplate> find_chat_template(const std::string &tokenizer_config_path,
                                               const std::string &tokenizer_path, std::string *warning) {
    std::optional<ChatTemplate> found;
    warning->clear();
    if (!tokenizer_config_path.empty()) found = read_chat_template(tokenizer_config_path, warning);
    if (found || !warning->empty() || tokenizer_path.empty()) return found;
    const MappedFile file(tokenizer_path);
    if (is_gguf(file.text())) {
        const GgufChatTemplate chat =
            gguf_chat_template(parse_gguf(file.data(), file.size(), tokenizer_path).metadata);
        if (chat.is_world) return probe_chat_template(plain_chat_template, "", "", warning);
        if (chat.source.empty()) return found;
        found = probe_chat_template(chat.source, chat.bos_token, chat.eos_token, warning);
        if (!warning->empty()) *warning = tokenizer_path + ": chat template not used: " + *warning;
    } else if (is_world_vocabulary(file.text())) {
        found = probe_chat_template(plain_chat_template, "", "", warning);
    }
    return found;
}

}  // namespace adder
