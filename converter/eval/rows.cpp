// Reading rows of zero-shot tasks.
// SPDX-License-Identifier: MIT
#include "converter/eval/rows.h"

#include <algorithm>
#include <charconv>

#include "converter/base/error.h"
#include "converter/text/json.h"

namespace adder {
namespace {

constexpr size_t max_choices = 1000;

// What Python's str.strip takes for a space, in ASCII.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1C' && c <= '\x1F'); }

std::string_view strip(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

uint32_t characters(std::string_view utf8) {
    const auto starts = [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; };
    return static_cast<uint32_t>(std::count_if(utf8.begin(), utf8.end(), starts));
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
    std::string result;
    for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
        result.append(text.substr(0, at)).append(to);
        text.remove_prefix(at + from.size());
    }
    return result.append(text);
}

class RowReader {
  public:
    RowReader(const Json &row, const std::string &where, std::string_view label)
        : row_(row), where_(where), label_(label) {}

    Example read() const {
        if (!row_.is_object()) bad_input("%s: the row is no JSON object", where_.c_str());
        if (has("goal")) return piqa();
        if (has("endings")) return hellaswag();
        if (has("question")) return arc();
        if (has("sentence")) return winogrande();
        if (has("choices")) return multiple_choice(text("context"), texts("choices"));
        if (has("context")) return completion(text("context"), text("target"));
        if (has("text")) return lambada();
        bad_input(
            "%s: no known row: one with context, sentence, text, ctx and endings, goal or question is needed",
            where_.c_str());
    }

  private:
    bool has(const char *key) const { return row_.find(key) != nullptr; }
    std::string what(const char *key) const { return where_ + ": " + key; }

    const Json &member(const Json &object, const char *key) const {
        const Json *value = object.find(key);
        if (!value) bad_input("%s: %s is missing", where_.c_str(), key);
        return *value;
    }
    const std::string &text(const char *key) const { return member(row_, key).string(what(key)); }
    std::vector<std::string> texts_of(const Json &list, const char *key) const {
        std::vector<std::string> result;
        for (const Json &item : list.array(what(key))) result.push_back(item.string(what(key)));
        return result;
    }
    std::vector<std::string> texts(const char *key) const { return texts_of(member(row_, key), key); }

    // A label as a number, or as a text that is one; 0 .. count-1 after `first` is taken off.
    int32_t label(const char *key, size_t count, int32_t first = 0) const {
        const Json *value = row_.find(key);
        std::string_view digits = label_;
        if (value && value->is_number())
            return static_cast<int32_t>(
                       value->integer(what(key), first, static_cast<int64_t>(count) - 1 + first)) -
                   first;
        if (value && !value->is_null()) digits = value->string(what(key));
        if (digits.empty()) bad_input("%s: there is no %s", where_.c_str(), key);
        int32_t number = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error != std::errc() || end != digits.data() + digits.size() || number < first ||
            number - first >= static_cast<int32_t>(count))
            bad_input("%s: %s is %s; a number from %d to %zu is needed", where_.c_str(), key,
                      json_quote(digits).c_str(), first, count - 1 + static_cast<size_t>(first));
        return number - first;
    }

    void check_choices(const std::vector<std::string> &choices) const {
        if (choices.size() < 2 || choices.size() > max_choices)
            bad_input("%s: %zu choices; 2 to %zu are needed", where_.c_str(), choices.size(), max_choices);
        for (size_t i = 0; i < choices.size(); ++i)
            if (strip(choices[i]).empty()) bad_input("%s: choice %zu is empty", where_.c_str(), i);
    }

    Example choose(const std::string &context, const std::vector<std::string> &choices, int32_t right) const {
        Example example;
        example.label = right;
        for (const std::string &choice : choices) {
            example.requests.push_back({context, " " + choice});
            example.lengths.push_back(characters(choice));
        }
        return example;
    }

    Example multiple_choice(const std::string &context, const std::vector<std::string> &choices) const {
        check_choices(choices);
        return choose(context, choices, label("label", choices.size()));
    }

    Example completion(const std::string &context, const std::string &target) const {
        if (strip(target).empty()) bad_input("%s: the text to complete with is empty", where_.c_str());
        Example example;
        example.requests.push_back({context, target});
        example.lengths.push_back(characters(target));
        return example;
    }

    // The last word, with the space before it, has to be predicted.
    Example lambada() const {
        const std::string &whole = text("text");
        const size_t space = whole.rfind(' ');
        if (space == std::string::npos) bad_input("%s: the text has one word only", where_.c_str());
        return completion(whole.substr(0, space), whole.substr(space));
    }

    Example winogrande() const {
        std::vector<std::string> choices;
        int32_t right;
        if (has("choices")) {
            choices = texts("choices");
            check_choices(choices);
            right = label("label", choices.size());
        } else {
            choices = {text("option1"), text("option2")};
            check_choices(choices);
            right = label("answer", 2, 1);
        }
        const std::string &sentence = text("sentence");
        const size_t gap = sentence.find('_');
        if (gap == std::string::npos) bad_input("%s: the sentence has no \"_\"", where_.c_str());
        const std::string rest(strip(std::string_view(sentence).substr(gap + 1)));
        if (rest.empty()) bad_input("%s: nothing stands behind the sentence's \"_\"", where_.c_str());
        Example example;
        example.label = right;
        for (const std::string &choice : choices) {
            example.requests.push_back({sentence.substr(0, gap) + choice, " " + rest});
            example.lengths.push_back(characters(choice));
        }
        return example;
    }

    Example hellaswag() const {
        std::string context = has("activity_label") ? text("activity_label") + ": " : "";
        context += has("ctx") ? text("ctx") : text("ctx_a") + " " + text("ctx_b");
        std::vector<std::string> endings = texts("endings");
        for (std::string &ending : endings) ending = clean_hellaswag(ending);
        return multiple_choice(clean_hellaswag(context), endings);
    }

    Example piqa() const {
        return multiple_choice("Question: " + text("goal") + "\nAnswer:", {text("sol1"), text("sol2")});
    }

    // The answer's letter or digit is looked up among the choices' names.
    Example arc() const {
        const Json &question = member(row_, "question");
        const Json &stem = question.is_object() ? member(question, "stem") : question;
        const Json &list = question.is_object() ? member(question, "choices") : member(row_, "choices");
        std::vector<std::string> choices, names;
        if (list.is_object()) {
            choices = texts_of(member(list, "text"), "choices.text");
            names = texts_of(member(list, "label"), "choices.label");
            if (names.size() != choices.size())
                bad_input("%s: %zu choices have %zu labels", where_.c_str(), choices.size(), names.size());
        } else {
            for (const Json &choice : list.array(what("choices"))) {
                choices.push_back(member(choice, "text").string(what("choices.text")));
                names.push_back(member(choice, "label").string(what("choices.label")));
            }
        }
        check_choices(choices);
        const std::string &key = text("answerKey");
        const auto found = std::find(names.begin(), names.end(), key);
        if (found == names.end())
            bad_input("%s: answerKey %s is no choice's label", where_.c_str(), json_quote(key).c_str());
        return choose("Question: " + stem.string(what("question")) + "\nAnswer:", choices,
                      static_cast<int32_t>(found - names.begin()));
    }

    const Json &row_;
    const std::string &where_;
    const std::string_view label_;
};

}  // namespace

std::string clean_hellaswag(std::string_view text) {
    const std::string titled = replace_all(strip(text), " [title]", ". ");
    // Removes \[.*?\]: from a bracket to the next closing one of the same line.
    std::string plain;
    for (size_t at = 0; at < titled.size();) {
        const size_t end = titled[at] == '[' ? titled.find_first_of("]\n", at) : std::string::npos;
        if (end != std::string::npos && titled[end] == ']') {
            at = end + 1;
        } else {
            plain += titled[at++];
        }
    }
    return replace_all(plain, "  ", " ");
}

Example read_row(std::string_view line, const std::string &where, std::string_view label) {
    Json row;
    try {
        row = Json::parse(line, "");
    } catch (const Error &error) {
        // ":1:COLUMN: ..." becomes "FILE:LINE:COLUMN: ...".
        const std::string message = error.what();
        bad_input("%s%s", where.c_str(),
                  message.rfind(":1:", 0) == 0 ? message.c_str() + 2 : (": " + message).c_str());
    }
    return RowReader(row, where, label).read();
}

}  // namespace adder
