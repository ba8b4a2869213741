// SentencePiece's tokenizers: tokenizer.model and tokenizer.json of the same pieces give the same ids, what is not supported is
// named, and files that lie are.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "converter/blob/file.h"
#include "converter/import/checkpoint_paths.h"
#include "converter/import/protobuf.h"
#include "converter/import/sentencepiece.h"
#include "converter/import/tokens.h"
#include "converter/text/json.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/runtime/sentencepiece_fixture.h"
#include "tests/runtime/tokenizer_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_directory.h"

namespace adder::test {
namespace {

std::string error_of_model(const std::string &bytes, uint32_t vocab_size = 5000) {
    return error_of([&] { import_sentencepiece_model(bytes, "t.model", vocab_size); });
}

std::string with_piece(const std::string &text, float score = -50, uint32_t type = piece_normal) {
    ModelFile file = toy_file(true);
    file.piece(text, score, type);
    return file.bytes();
}

std::string with_trainer(const std::string &field) {
    ModelFile file = toy_file(true);
    file.trainer += field;
    return file.bytes();
}

std::string with_normalizer(const std::string &field) {
    ModelFile file = toy_file(true);
    file.normalizer += field;
    return file.bytes();
}

// A tokenizer.json of Gemma's form.
struct PieceJson {
    std::string normalizer = R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})";
    std::string pre_tokenizer = "null";
    std::string post_processor =
        R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},)"
        R"({"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}})";
    std::string decoder =
        R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},)"
        R"({"type":"ByteFallback"},{"type":"Fuse"}]})";
    std::string options = R"("unk_token":"<unk>","fuse_unk":true,"byte_fallback":true)";
    std::vector<std::string> pieces = {"<unk>", "<s>"};
    std::string merges, added = R"({"id":0,"content":"<unk>","special":true,"normalized":false},)"
                                R"({"id":1,"content":"<s>","special":true,"normalized":false})";

    PieceJson() {
        static const char digits[] = "0123456789ABCDEF";
        for (uint32_t byte = 0; byte < 256; ++byte)
            pieces.push_back(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">");
        for (const char *text : {SPACE, "a", "b", "t", "h", "e", ".", "\xC3\xA9"}) pieces.emplace_back(text);
        for (const auto &[left, right] : std::vector<std::pair<std::string, std::string>>{
                 {"h", "e"}, {SPACE, "t"}, {SPACE "t", "he"}, {SPACE, SPACE}, {"a", "a"}, {"b", "\xC3\xA9"}})
            merge(left, right);
    }
    void merge(const std::string &left, const std::string &right) {
        pieces.push_back(left + right);
        merges += (merges.empty() ? "" : ",") + std::string("[") + quote(left) + "," + quote(right) + "]";
    }
    void add(const std::string &text, const std::string &more) {
        added += ",{\"id\":" + std::to_string(pieces.size()) + ",\"content\":" + quote(text) + more + "}";
        pieces.push_back(text);
    }
    std::string json() const {
        std::string vocab;
        for (size_t id = 0; id < pieces.size(); ++id)
            vocab += (id ? "," : "") + quote(pieces[id]) + ":" + std::to_string(id);
        return "{\"added_tokens\":[" + added + "],\"normalizer\":" + normalizer +
               ",\"pre_tokenizer\":" + pre_tokenizer + ",\"post_processor\":" + post_processor +
               ",\"decoder\":" + decoder + ",\"model\":{\"type\":\"BPE\"," + options + ",\"vocab\":{" +
               vocab + "},\"merges\":[" + merges + "]}}";
    }
};

template <typename Change>
std::string json_with(Change change) {
    PieceJson file;
    change(file);
    return file.json();
}

std::string json_error(const std::string &json) {
    return error_of([&] { import_tokenizer(Json::parse(json, "t.json"), "t.json", 5000); });
}

using Strings = std::vector<std::string>;

}  // namespace

TEST(SentencePieceModel, WhatIsNotSupportedIsNamed) {
    EXPECT_HAS(error_of_model(with_trainer(wire_field(3, uint64_t{1}))),
               "t.model: trainer_spec.model_type is UNIGRAM; only BPE is supported");
    ModelFile plain = toy_file(true);
    plain.trainer = wire_field(35, uint64_t{1});  // unigram is what a file means that does not say
    EXPECT_HAS(error_of_model(plain.bytes()), "model_type is UNIGRAM");
    EXPECT_HAS(error_of_model(with_trainer(wire_field(3, uint64_t{4}))), "model_type is CHAR");
    EXPECT_HAS(error_of_model(with_trainer(wire_field(3, uint64_t{77}))), "model_type is 77");
    EXPECT_HAS(
        error_of_model(with_normalizer(wire_field(1, "nmt_nfkc") + wire_field(2, "abcd"))),
        "normalization by \"nmt_nfkc\" changes characters, which is not supported; only \"identity\" is");
    EXPECT_HAS(error_of_model(with_normalizer(wire_field(5, uint64_t{0}))), "escape_whitespaces false");
    EXPECT_HAS(error_of_model(with_trainer(wire_field(24, uint64_t{1}))), "treat_whitespace_as_suffix");
    EXPECT_HAS(error_of_model(with_trainer(wire_field(53, "|"))), "pretokenization_delimiter");
    ModelFile denormalizer = toy_file(true);
    denormalizer.rest = wire_field(5, wire_field(2, "abcd"));
    EXPECT_HAS(error_of_model(denormalizer.bytes()), "changes characters");
    EXPECT_HAS(error_of_model(with_piece("aab", -50, piece_unused)), "piece 323, \"aab\", is of type UNUSED");
    EXPECT_HAS(error_of_model(with_piece("aab", -50, 7)), "is of type 7, which is not known");
    EXPECT_HAS(error_of_model(with_piece("a\xD0\x96")), "holds U+0416, which is no piece itself");
    EXPECT_HAS(error_of_model(with_piece("a b")), "has a space, where U+2581 is needed");
}

TEST(SentencePieceModel, LiesAreNamed) {
    EXPECT_HAS(error_of_model(""), "t.model: has no pieces: no model of SentencePiece, or cut");
    EXPECT_HAS(error_of_model("{\"model\":{}}"), "t.model: ");
    EXPECT_HAS(error_of_model(with_piece("")), "has no text");
    EXPECT_HAS(error_of_model(with_piece("a\xFF")), "is no UTF-8");
    EXPECT_HAS(error_of_model(with_piece("ing")), "is piece 274 as well");
    EXPECT_HAS(error_of_model(with_piece("aab", std::nanf(""))), "has a score that is no number");
    EXPECT_HAS(error_of_model(with_piece("<other>", 0, piece_unknown)), "is unknown, as piece 0 is");
    EXPECT_HAS(error_of_model(with_piece("<0x4>", 0, piece_byte)), "is a byte, and not written as \"<0x0A>\"");
    EXPECT_HAS(error_of_model(with_piece("<0x4g>", 0, piece_byte)), "is a byte, and not written");
    EXPECT_HAS(error_of_model(with_piece(std::string(256, 'a'), 0, piece_user)),
               "has 256 bytes, the limit is 255");
    EXPECT_HAS(error_of_model(with_piece(std::string(5000, 'a'))),
               "is too long, or one of too many long ones");
    EXPECT_HAS(error_of_model(toy_file(true).bytes(), 300),
               "has more pieces than the model's vocabulary of 300");
    EXPECT_HAS(error_of_model(with_trainer(wire_field(35, uint64_t{0}))),
               "there is a piece of the byte 0x00 without trainer_spec.byte_fallback");
    ModelFile bytes = toy_file(false);
    bytes.trainer += wire_field(35, uint64_t{1});
    EXPECT_HAS(error_of_model(bytes.bytes()), "there is no piece of the byte 0x00");
    ModelFile empty(false);
    empty.pieces = wire_field(1, wire_field(1, "a"));
    EXPECT_HAS(error_of_model(empty.bytes()), "has no piece of type UNKNOWN");
}

TEST(SentencePieceModel, TheWireIsChecked) {
    const std::string good = toy_file(true).bytes();
    for (size_t size = 1; size < good.size(); size += size < 400 ? 1 : 37)
        EXPECT_HAS(error_of_model(good.substr(0, size)), "t.model: ");
    EXPECT_HAS(error_of_model(good + '\x0A'), format("ends within a number, at byte %zu", good.size() + 1));
    EXPECT_HAS(error_of_model(good + wire_number(10) + wire_number(uint64_t{1} << 63)),
               "does not fit: 0 bytes are left");
    EXPECT_HAS(error_of_model(good + std::string("\x08") + std::string(10, '\xFF')),
               "a number has more than 64 bits");
    EXPECT_HAS(error_of_model(good + '\x03'), "a field's number is not in");
    EXPECT_HAS(error_of_model(good + std::string("\x00\x00", 2)), "a field's number is not in");
    EXPECT_HAS(error_of_model(good + '\x0B'), "type on the wire that is not supported");  // a group
    EXPECT_HAS(error_of_model(good + wire_field(1, uint64_t{5})),
               "pieces[323] is of type 0 on the wire, and 2 is needed");
    EXPECT_HAS(error_of_model(good + wire_field(1, wire_field(2, uint64_t{5}))),
               "t.model: pieces[323]: score is of type 0 on the wire, and 5 is needed");
    // What is not known, and what says nothing about ids, is skipped.
    EXPECT_EQ(import_sentencepiece_model(good + wire_field(4, "test") + wire_field(200, uint64_t{7}) +
                                             wire_float(201, 1),
                                         "t.model", 5000),
              import_sentencepiece_model(good, "t.model", 5000));
}

TEST(SentencePieceJson, GemmasForm) {
    const Loaded gemma(PieceJson().json());
    ASSERT_EQ(gemma.status, TokenizeStatus::ok);
    EXPECT_EQ(gemma.words("the the a"), (Strings{"t", "he", " the", " ", "a"}));
    EXPECT_EQ(gemma.words("  the"), (Strings{" ", " the"}));  // the pair of the best rank
    EXPECT_EQ(gemma.encode("\xC3\xA9q").ids, (std::vector<int32_t>{265, 2 + 'q'}));
    EXPECT_EQ(gemma.text_of(2 + 'q'), "q");
    EXPECT_EQ(gemma.encode("a", tokenize_begin).ids, (std::vector<int32_t>{1, 259}));
    EXPECT_EQ(gemma.encode("<s>a", tokenize_special).ids, (std::vector<int32_t>{1, 259}));
    const std::string split = json_with([](PieceJson &file) {
        file.pre_tokenizer =
            R"({"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false})";
    });
    EXPECT_EQ(Loaded(split).section, gemma.section);
}

TEST(SentencePieceJson, WhereASpaceIsPutInFront) {
    const char *const replace = R"({"type":"Replace","pattern":{"String":" "},"content":"▁"}]})";
    const auto metaspace = [](const char *scheme) {
        return json_with([&](PieceJson &file) {
            file.normalizer = "null";
            file.pre_tokenizer =
                std::string(R"({"type":"Metaspace","replacement":"▁","split":false,)") + scheme + "}";
        });
    };
    const Loaded prepend(json_with([&](PieceJson &file) {
        file.normalizer =
            std::string(R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},)") + replace;
    }));
    const Loaded always(metaspace(R"("prepend_scheme":"always")")),
        first(metaspace(R"("prepend_scheme":"first")"));
    const Loaded never(metaspace(R"("prepend_scheme":"never")")), old(metaspace(R"("add_prefix_space":true)"));
    EXPECT_EQ(old.section, always.section);
    const auto special = [](const Loaded &loaded, const std::string &text) {
        return loaded.words(text, tokenize_special);
    };
    EXPECT_EQ(special(prepend, "the<s>the"), (Strings{" the", "<s>", " the"}));
    EXPECT_EQ(special(prepend, " the"), (Strings{" ", " the"}));
    EXPECT_EQ(special(always, "the<s>the"), (Strings{" the", "<s>", " the"}));
    EXPECT_EQ(special(always, " the"), (Strings{" the"}));
    EXPECT_EQ(special(first, "the<s>the"), (Strings{" the", "<s>", "t", "he"}));
    EXPECT_EQ(special(first, "<s>the"), (Strings{"<s>", "t", "he"}));
    EXPECT_EQ(special(never, "the"), (Strings{"t", "he"}));
    EXPECT_EQ(special(prepend, ""), Strings{});
}

TEST(SentencePieceJson, AddedTokensWithSpaces) {
    // As Gemma has its runs of spaces: looked for in the text as it is, where U+2581 is not a space.
    PieceJson file;
    file.add(SPACE SPACE SPACE, R"(,"special":false,"normalized":false)");
    file.add("<b>", R"(,"special":false,"normalized":true)");
    const Loaded gemma(file.json());
    const auto id = static_cast<int32_t>(file.pieces.size()) - 2;
    EXPECT_EQ(gemma.encode("a" SPACE SPACE SPACE "a").ids, (std::vector<int32_t>{259, id, 259}));
    EXPECT_EQ(gemma.text_of(id), "   ");
    EXPECT_EQ(gemma.words("a   a"), (Strings{"a", "  ", " ", "a"}));
    EXPECT_EQ(gemma.words("a<b>a"), (Strings{"a", "<b>", "a"}));
    // A normalizer that prepends a space does so to what is looked for.
    file.normalizer = R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},)"
                      R"({"type":"Replace","pattern":{"String":" "},"content":"▁"}]})";
    const Loaded prepend(file.json());
    EXPECT_EQ(prepend.words("<b>a <b>a<b>"), (Strings{"<b>", "a", "<b>", "a", "<", "b", ">"}));
}

TEST(SentencePieceJson, WhatIsNotSupportedIsNamed) {
    const auto error = [](auto change) { return json_error(json_with(change)); };
    EXPECT_HAS(error([](PieceJson &f) { f.normalizer = R"({"type":"NFKC"})"; }),
               "t.json: normalizer: normalizer \"NFKC\"");
    EXPECT_HAS(error([](PieceJson &f) { f.normalizer = R"({"type":"Prepend","prepend":"_"})"; }),
               "puts \"_\" in front");
    EXPECT_HAS(error([](PieceJson &f) {
                   f.normalizer = R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"})";
               }),
               "only \" \" is supported");
    EXPECT_HAS(error([](PieceJson &f) { f.normalizer = "null"; }),
               "neither it nor the normalizer replaces spaces");
    EXPECT_HAS(error([](PieceJson &f) { f.pre_tokenizer = R"({"type":"Whitespace"})"; }),
               "pre-tokenizer \"Whitespace\"");
    EXPECT_HAS(error([](PieceJson &f) {
                   f.normalizer = "null";
                   f.pre_tokenizer = R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first"})";
               }),
               "split true is not supported");
    EXPECT_HAS(error([](PieceJson &f) {
                   f.normalizer = "null";
                   f.pre_tokenizer =
                       R"({"type":"Metaspace","replacement":"▁","split":false,"prepend_scheme":"odd"})";
               }),
               "prepend_scheme \"odd\" is not known");
    EXPECT_HAS(error([](PieceJson &f) { f.decoder = R"({"type":"Metaspace"})"; }), "decoder \"Metaspace\"");
    EXPECT_HAS(error([](PieceJson &f) { f.decoder = "null"; }), "Replace and ByteFallback are needed");
    EXPECT_HAS(error([](PieceJson &f) {
                   f.decoder.insert(f.decoder.size() - 2,
                                    R"(,{"type":"Strip","content":" ","start":2,"stop":0})");
               }),
               "only one \" \" at the start is supported");
    EXPECT_HAS(error([](PieceJson &f) { f.options += R"(,"ignore_merges":true)"; }), "model.ignore_merges");
    EXPECT_HAS(error([](PieceJson &f) { f.options += R"(,"dropout":0.5)"; }), "model.dropout");
    EXPECT_HAS(error([](PieceJson &f) { f.options = R"("unk_token":"<none>","byte_fallback":true)"; }),
               "model.unk_token: names \"<none>\", which is not in model.vocab");
    EXPECT_HAS(error([](PieceJson &f) { f.merge("<0x41>", "a"); }), "\"<0x41>\" is no text to merge");
    EXPECT_HAS(error([](PieceJson &f) { f.merge("a", "<unk>"); }), "\"<unk>\" is no text to merge");
    EXPECT_HAS(error([](PieceJson &f) {
                   f.post_processor = R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},)"
                                      R"({"SpecialToken":{"id":"<s>"}}],"special_tokens":{}})";
               }),
               "must be the text, once, and at most one token in front of it");
    EXPECT_HAS(error([](PieceJson &f) {
                   f.post_processor =
                       R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},)"
                       R"({"Sequence":{"id":"A"}}],"special_tokens":{}})";
               }),
               "special_tokens.\"<s>\": missing");
    EXPECT_HAS(error([](PieceJson &f) { f.add("<z>", R"(,"normalized":true,"rstrip":true)"); }),
               "lstrip or rstrip");
    EXPECT_HAS(error([](PieceJson &f) { f.pieces.emplace_back(""); }), "the token has no text");
}

// Over the whole text, without words: the leftmost pair of the lowest rank, again and again.
TEST(SentencePieceJson, AgreesWithAPlainSearch) {
    std::mt19937 random(5);
    for (int round = 0; round < 20; ++round) {
        PieceJson json;
        json.pieces.resize(258);
        json.merges.clear();
        std::vector<std::string> parts = {SPACE, "a", "b", "\xC3\xA9"};
        std::map<std::pair<std::string, std::string>, size_t> ranks;
        std::set<std::string> known(parts.begin(), parts.end());
        json.pieces.insert(json.pieces.end(), parts.begin(), parts.end());
        for (size_t i = 0; i < 80; ++i) {
            const std::string left = parts[random() % parts.size()], right = parts[random() % parts.size()];
            if (left.size() + right.size() > 20 || !ranks.emplace(std::pair(left, right), ranks.size()).second)
                continue;
            json.merges +=
                (json.merges.empty() ? "" : ",") + std::string("[") + quote(left) + "," + quote(right) + "]";
            if (!known.insert(left + right).second) continue;
            parts.push_back(left + right);
            json.pieces.push_back(left + right);
        }
        const Loaded loaded(json.json());
        for (int i = 0; i < 60; ++i) {
            std::string text;
            std::vector<std::string> symbols;
            for (size_t left = random() % 200; left > 0; --left) {
                const char *const letters[] = {" ", "a", "b", "\xC3\xA9", "q"};
                const std::string letter = letters[random() % 5];
                text += letter;
                symbols.push_back(letter == " " ? SPACE : letter);
            }
            for (;;) {
                size_t best = symbols.size(), rank = SIZE_MAX;
                for (size_t k = 0; k + 1 < symbols.size(); ++k) {
                    const auto found = ranks.find({symbols[k], symbols[k + 1]});
                    if (found == ranks.end() || found->second >= rank) continue;
                    best = k;
                    rank = found->second;
                }
                if (best == symbols.size()) break;
                symbols[best] += symbols[best + 1];
                symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
            }
            for (std::string &symbol : symbols) symbol = piece_text(symbol);
            ASSERT_EQ(loaded.words(text), symbols) << text;
        }
    }
}

TEST(SentencePieceModel, AFolderWithoutTokenizerJson) {
    TemporaryDirectory directory;
    write_text(directory.file("tokenizer.model"), toy_file(true).bytes());
    CheckpointPaths paths;
    choose_tokenizer(&paths, directory.path());
    EXPECT_EQ(paths.tokenizer, directory.file("tokenizer.model"));
    const CheckpointTokenizer tokenizer(paths.tokenizer, 400);
    EXPECT_EQ(tokenize_text(tokenizer.tokenizer(), "the", true, "text"), (Tokens{264}));
    write_text(directory.file("tokenizer.json"), PieceJson().json());
    choose_tokenizer(&paths, directory.path());
    EXPECT_EQ(paths.tokenizer, directory.file("tokenizer.json"));
}

// A folder with such a file beside its weights, as `adder convert` and `adder run` take it.
TEST(SentencePieceModel, ATextBeginsWithBosAndASavedStateGoesOn) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.vocab_size = 330;
    spec.files["tokenizer.model"] = toy_file(true).spaces(true, false).bytes();
    write_checkpoint(directory.path(), spec);
    const std::string blob = directory.file("m.adder"), state = directory.file("state");
    const Outcome made = adder_command({"convert", directory.path(), "-o", blob, "-q"});
    ASSERT_EQ(made.code, 0) << made.err;
    const auto prompt = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"run", blob, "-p", "the end", "-n", "1", "--json", "-q"});
        return ids(json_of(adder_command(options)), "prompt_ids");
    };
    const std::vector<int64_t> text = {264, 297, 302, 268}, begun = {1, 264, 297, 302, 268};
    EXPECT_EQ(prompt({"--state-save", state}), begun);
    EXPECT_EQ(prompt({"--state-load", state}), text);
}

// What tokens give, in a stream: characters of several tokens, and the space that the tokenizer put in front.
TEST(SentencePieceModel, TokensGiveTheirText) {
    TemporaryDirectory directory;
    CheckpointSpec spec;
    spec.config.vocab_size = 330;
    const auto blob_with = [&](bool prefix) {
        spec.files["tokenizer.model"] = toy_file(true).spaces(prefix, false).bytes();
        write_checkpoint(directory.path(), spec);
        const std::string path = directory.file(prefix ? "prefix.adder" : "none.adder");
        EXPECT_EQ(adder_command({"convert", directory.path(), "-o", path, "-q"}).code, 0);
        return path;
    };
    const BlobFile prefix(blob_with(true)), none(blob_with(false));
    const auto text = [](const BlobFile &blob, const std::vector<int32_t> &tokens, uint32_t count) {
        adder_detokenizer detokenizer = {{}, count};
        std::vector<char> buffer(adder_detokenize_capacity(blob.model()));
        std::string all;
        for (const int32_t token : tokens)
            all += std::string(buffer.data(), adder_detokenize(blob.model(), &detokenizer, token,
                                                               buffer.data(), buffer.size())) +
                   "|";
        return all;
    };
    const auto byte = [](int32_t value) { return 3 + value; };
    const int32_t the = 264, space = 297;
    EXPECT_EQ(text(prefix, {1, the, the}, 0), "|the| the|");  // bos gives nothing, and is not the beginning
    EXPECT_EQ(text(prefix, {space, space, the}, 0), "| | the|");
    EXPECT_EQ(text(prefix, {byte(' '), the}, 0), "| the|");
    EXPECT_EQ(text(prefix, {byte(0xE4), byte(0xBD), byte(0xA0), the}, 0), "||\xE4\xBD\xA0| the|");
    EXPECT_EQ(text(prefix, {byte(0xE4), 2, the, -1}, 0), "||\xEF\xBF\xBD the||");
    EXPECT_EQ(text(prefix, {the}, ADDER_DETOKENIZE_CONTINUE), " the|");
    EXPECT_EQ(text(none, {the, byte(0xE4), byte(0xBD), -1}, 0), " the|||\xEF\xBF\xBD|");
}

}  // namespace adder::test
