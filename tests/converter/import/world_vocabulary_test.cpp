// Vocabulary files of RWKV's World models: what Python's literals say, files that lie, and the blob that comes of one.
// SPDX-License-Identifier: MIT
#include "converter/import/world_vocabulary.h"

#include <filesystem>

#include "converter/base/error.h"
#include "converter/blob/file.h"
#include "converter/import/chat_template.h"
#include "converter/import/tokens.h"
#include "tests/converter/app/toy_commands.h"
#include "tests/support/error_of.h"

namespace adder::test {
namespace {

std::string hex_literal(unsigned byte) { return format("b'\\x%02x'", byte); }

// The lines of ids 1 to 256, all bytes.
std::string byte_lines() {
    std::string text;
    for (unsigned byte = 0; byte < 256; ++byte)
        text += format("%u %s 1\n", byte + 1, hex_literal(byte).c_str());
    return text;
}

struct World {
    std::vector<uint8_t> section;
    Tokenizer tokenizer{};
    explicit World(const std::string &text) : section(import_world_vocabulary(text, "v.txt", 1000)) {
        EXPECT_EQ(tokenizer_open(&tokenizer, section.data(), section.size()), TokenizeStatus::ok);
    }
    std::string text_of(int32_t id) const {
        const uint8_t *bytes = nullptr;
        uint32_t size = 0;
        EXPECT_TRUE(token_bytes(&tokenizer, id, &bytes, &size, nullptr));
        return {reinterpret_cast<const char *>(bytes), size};
    }
};

// What the literal of one more line stands for.
std::string literal(const std::string &text, size_t size) {
    return World(byte_lines() + "257 " + text + format(" %zu\n", size)).text_of(257);
}

std::string error_of_text(const std::string &text, uint32_t vocab_size = 1000) {
    return error_of([&] { import_world_vocabulary(text, "v.txt", vocab_size); });
}

// Of one more line.
std::string line_error(const std::string &line) { return error_of_text(byte_lines() + line + "\n"); }

std::string literal_error(const std::string &text) { return line_error("257 " + text + " 2"); }

}  // namespace

TEST(WorldVocabulary, ReadsPythonsLiterals) {
    EXPECT_EQ(literal("'ab'", 2), "ab");
    EXPECT_EQ(literal("\"it's\"", 4), "it's");
    EXPECT_EQ(literal("'say \"'", 5), "say \"");
    EXPECT_EQ(literal(R"('\'\"')", 2), "'\"");
    EXPECT_EQ(literal(R"("\"\'")", 2), "\"'");
    EXPECT_EQ(literal("'  '", 2), "  ");
    EXPECT_EQ(literal(R"('\\\n\t\r\a\b\f\v')", 8), "\\\n\t\r\a\b\f\v");
    EXPECT_EQ(literal(R"('\x41\xe9')", 3), "A\xC3\xA9");  // of str: a character
    EXPECT_EQ(literal(R"(b'\x41\xe9')", 2), "A\xE9");     // of bytes: a byte
    EXPECT_EQ(literal(R"('\u00e9\u20AC\U0001F600')", 9), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    EXPECT_EQ(literal(R"('\0\101\3777')", 5), std::string("\0A\xC3\xBF"
                                                          "7",
                                                          5));
    EXPECT_EQ(literal(R"(b'\0\377')", 2), std::string("\0\xFF", 2));
    EXPECT_EQ(literal(R"(b"it's\"")", 5), "it's\"");
    EXPECT_EQ(literal("'\xE4\xBD\xA0\xE5\xA5\xBD'", 6), "\xE4\xBD\xA0\xE5\xA5\xBD");
    EXPECT_EQ(literal("'\xC2\x85\xE2\x80\xA8'", 5),
              "\xC2\x85\xE2\x80\xA8");  // what Python counts as ends of lines
}

TEST(WorldVocabulary, TheEndOfADocumentHasIdZero) {
    const World world(byte_lines() + "257 'User' 4\n258 '\\n\\n' 2");  // the last line need not end
    EXPECT_EQ(world.tokenizer.tokens, 259u);
    EXPECT_EQ(world.tokenizer.merges, 258u);
    EXPECT_EQ(world.text_of(0), world_end_of_document);
    const auto encode = [&](const std::string &text, bool special) {
        return tokenize_text(world.tokenizer, text, special, "text");
    };
    EXPECT_EQ(encode("User\n\nU", true), (Tokens{257, 258, 'U' + 1}));
    EXPECT_EQ(encode(std::string(world_end_of_document) + "User", true), (Tokens{0, 257}));
    EXPECT_EQ(encode(world_end_of_document, false).size(), std::string(world_end_of_document).size());
    // Windows' ends of lines, and the same bytes for the same tokens in another order.
    std::string other = "258 '\\n\\n' 2\r\n257 'User' 4\r\n";
    for (const char c : byte_lines()) other += c == '\n' ? "\r\n" : std::string(1, c);
    EXPECT_EQ(World(other).section, world.section);
}

TEST(WorldVocabulary, LiesAreNamed) {
    EXPECT_HAS(error_of_text(""), "v.txt has no token of the byte 0x00 alone: no World vocabulary, or cut");
    EXPECT_HAS(line_error("257 'ab' 3"), "v.txt:257: \"'ab'\" has 2 bytes, and the line says 3");
    EXPECT_HAS(line_error("257 '\xC3\xA9' 1"), "has 2 bytes, and the line says 1");
    EXPECT_HAS(line_error("257 '' 0"), "has 0 bytes; 1 to 255 are supported");
    EXPECT_HAS(line_error("257 '" + std::string(256, 'x') + "' 256"), "has 256 bytes; 1 to 255");
    EXPECT_HAS(line_error("256 'ab' 2"), "v.txt:257: id 256 stands twice");
    EXPECT_HAS(line_error("257 'a' 1"), "\"'a'\" is the text of ids 98 and 257");
    EXPECT_HAS(line_error("0 'ab' 2"), "id 0 ends a document");
    EXPECT_HAS(line_error("259 'ab' 2"),
               "v.txt has no token with id 257, and one with id 259: a line is missing");
    EXPECT_HAS(line_error("1000 'ab' 2"), "id 1000 is outside of the model's vocabulary of 1000");
    EXPECT_HAS(line_error("99999999999 'ab' 2"), "the id is \"99999999999\"; a number is needed");
    EXPECT_HAS(line_error("-1 'ab' 2"), "the id is \"-1\"");
    EXPECT_HAS(line_error("257 'ab' x"), "the length is \"x\"");
    EXPECT_HAS(line_error("257 'ab' "), "the length is \"\"");
    EXPECT_HAS(line_error("257 'ab'"),
               "is no line of a World vocabulary: an id, a Python literal and its length");
    EXPECT_HAS(line_error(""), "is no line of a World vocabulary");
    const std::string all = byte_lines();
    EXPECT_HAS(error_of_text(all, 256), "id 256 is outside of the model's vocabulary of 256");
    std::string gone = all;
    gone.erase(gone.find("66 b'"), gone.find("67 b'") - gone.find("66 b'"));
    EXPECT_HAS(error_of_text(gone), "has no token with id 66");
    gone = all;
    gone.replace(gone.find("66 b'\\x41' 1"), 12, "66 'AB' 2");
    EXPECT_HAS(error_of_text(gone), "has no token of the byte 0x41 alone");
}

TEST(WorldVocabulary, BadLiteralsAreNamed) {
    for (const char *text :
         {"ab", "'ab", "ab'", "'ab\"", "'", "b'", "b", "u'ab'", "r'ab'", "B'ab'", "f'ab'", "'''ab'"})
        EXPECT_HAS(literal_error(text), "is no literal of str or bytes");
    EXPECT_HAS(literal_error("'a'b'"), "it ends before its last quote");
    EXPECT_HAS(literal_error("''ab''"), "it ends before its last quote");
    EXPECT_HAS(literal_error(R"('ab\')"), "it ends with a backslash");
    for (const char *text : {R"('\q')", R"('\N{DASH}')", R"(b'\u0041')", R"('\ ')", R"('\8')"})
        EXPECT_HAS(literal_error(text), "is not supported");
    for (const char *text : {R"('\x4')", R"('\x')", R"('\u004')", R"('\U0000004')"})
        EXPECT_HAS(literal_error(text), "an escape is cut");
    for (const char *text : {R"('\x4g')", R"('\u00 1')", R"('\x-1')"})
        EXPECT_HAS(literal_error(text), "an escape has a digit that is none");
    for (const char *text : {R"('\ud800')", R"('\uDFFF')", R"('\U00110000')", R"('\UFFFFFFFF')"})
        EXPECT_HAS(literal_error(text), "an escape is no Unicode character");
    EXPECT_HAS(literal_error(R"(b'\400')"), "an escape is larger than a byte");
    EXPECT_HAS(literal_error("b'\xC3\xA9'"), "it is of bytes and not ASCII");
    EXPECT_HAS(literal_error("'\xC3'"), "it is no UTF-8");
    EXPECT_HAS(literal_error("'\xED\xA0\x80'"), "it is no UTF-8");
}

TEST(WorldVocabulary, EveryTruncationIsAnErrorOrAShorterVocabulary) {
    const std::string text = byte_lines() + "257 'ab' 2\n258 '\\u00e9' 2\n";
    for (size_t size = 0; size < text.size(); ++size) {
        try {
            import_world_vocabulary(text.substr(0, size), "v.txt", 1000);
            EXPECT_GE(size, byte_lines().size() - 1);
        } catch (const Error &error) {
            EXPECT_HAS(std::string(error.what()), "v.txt");
        }
    }
}

// As docs/format.md has it in hex.
TEST(WorldVocabulary, WritesTheDocumentedBytes) {
    const World world(byte_lines() + "257 'ab' 2\n");
    std::string dump;
    for (const uint8_t byte : world.section) dump += format("%02x", byte);
    const auto entry = [](unsigned value) { return format("%02x%02x", value & 0xFF, value >> 8); };
    const auto start = [](unsigned id) {
        return id == 0 ? 0 : id == 258 ? 288 : 29 + id;
    };  // a name of 30 bytes, then bytes
    std::string starts, first, order, text;
    const std::string zeros(64, '0');
    for (unsigned block = 0; block < 5; ++block) starts += entry(start(64 * block)) + "0000";
    for (unsigned id = 0; id <= 258; ++id) starts += entry(start(id) - start(id / 64 * 64));
    for (unsigned byte = 0; byte <= 256; ++byte) first += entry(byte <= 'a' ? byte : byte + 1);
    for (unsigned byte = 0; byte < 256; ++byte) order += entry(byte + 1) + (byte == 'a' ? entry(257) : "");
    for (const char c : std::string(world_end_of_document)) text += format("%02x", static_cast<unsigned>(c));
    for (unsigned byte = 0; byte < 256; ++byte) text += format("%02x", byte);
    EXPECT_EQ(dump, "02000000000000000201000001010000200100000100000000000000ac070000" +  // header
                        starts + "0000" +                                             // block_start, start
                        first + "0000" + order + "0000" +                             // first_match, order
                        "0000000000000010" + zeros.substr(16) + "0000000001000000" +  // added, raw
                        zeros +                                                       // added, normalized
                        text + "6162");
}

// A folder with such a file beside its weights.
class WorldCommands : public testing::Test {
  protected:
    void SetUp() override {
        CheckpointSpec spec;
        spec.config.vocab_size = 300;
        spec.files["rwkv_vocab_v20230424.txt"] =
            byte_lines() + "257 'User' 4\n258 '\\n\\n' 2\n259 ' the' 4\n260 'Assistant' 9\n";
        write_checkpoint(directory_.path(), spec);
        blob_ = directory_.file("m.adder");
    }
    TemporaryDirectory directory_;
    std::string blob_;
};

TEST_F(WorldCommands, TheVocabularyBesideTheWeightsIsTheTokenizer) {
    const Outcome outcome = adder_command({"convert", directory_.path(), "-o", blob_, "-q"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const Json blob = json_of(adder_command({"inspect", blob_, "--json"}));
    const Json &tokenizer = *blob.find("tokenizer");
    EXPECT_EQ(text(tokenizer, "kind"), "longest_match");
    EXPECT_EQ(integer(tokenizer, "tokens"), 261);
    EXPECT_EQ(integer(tokenizer, "special_tokens"), 1);
    EXPECT_EQ(integer(tokenizer, "merges"), 0);
    EXPECT_HAS(adder_command({"inspect", blob_}).out,
               "261 tokens, 1 of them special, the longest at each place");
    const Json run = json_of(adder_command({"run", blob_, "-p", "User: the\n\n", "-n", "1", "--json"}));
    EXPECT_EQ(integer(run, "prompt_tokens"), 4);
    const Json folder = json_of(adder_command({"inspect", directory_.path(), "--json"}));
    EXPECT_TRUE(folder.find("tokenizer")->boolean(""));
    EXPECT_TRUE(folder.find("chat_template")->boolean(""));
    // The calibration file knows it by its CRC.
    EXPECT_EQ(adder_command({"calibrate", directory_.path(), "-o", directory_.file("c.json")}).code, 0);
    EXPECT_EQ(adder_command({"convert", directory_.path(), "-o", blob_, "--calibration",
                             directory_.file("c.json"), "-q"})
                  .code,
              0);
}

TEST_F(WorldCommands, AFolderWithoutATemplateGetsThatOfWorldModels) {
    ASSERT_EQ(adder_command({"convert", directory_.path(), "-o", blob_, "-q"}).code, 0);
    const BlobFile blob(blob_);
    EXPECT_EQ(blob.text(ADDER_TEXT_CHAT_BEGIN), "");
    EXPECT_EQ(blob.text(ADDER_TEXT_SYSTEM_PREFIX), "System: ");
    EXPECT_EQ(blob.text(ADDER_TEXT_SYSTEM_SUFFIX), "\n\n");
    EXPECT_EQ(blob.text(ADDER_TEXT_USER_PREFIX), "User: ");
    EXPECT_EQ(blob.text(ADDER_TEXT_USER_SUFFIX), "\n\n");
    EXPECT_EQ(blob.text(ADDER_TEXT_ASSISTANT_PREFIX), "Assistant:");
    EXPECT_EQ(blob.text(ADDER_TEXT_ASSISTANT_SUFFIX), "\n\n");
    // One that has a template keeps it; one that cannot be used is said, and not replaced.
    write_text(
        directory_.file("tokenizer_config.json"),
        R"({"chat_template": "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }};{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"})");
    ASSERT_EQ(adder_command({"convert", directory_.path(), "-o", blob_, "-q"}).code, 0);
    EXPECT_EQ(BlobFile(blob_).text(ADDER_TEXT_USER_PREFIX), "<user>");
    write_text(directory_.file("tokenizer_config.json"), R"({"chat_template": "{% nonsense %}"})");
    const Outcome outcome = adder_command({"convert", directory_.path(), "-o", blob_, "-q"});
    EXPECT_HAS(outcome.err, "chat template not used");
    EXPECT_EQ(BlobFile(blob_).text(ADDER_TEXT_USER_PREFIX), "");
}

TEST_F(WorldCommands, TheTokenizerIsGivenByItsFileOrFolder) {
    const std::string vocabulary = directory_.file("rwkv_vocab_v20230424.txt"),
                      other = directory_.file("other");
    std::filesystem::create_directory(other);
    std::filesystem::rename(vocabulary, other + "/rwkv_vocab_v20230424.txt");
    EXPECT_HAS(adder_command({"convert", directory_.path(), "-o", blob_, "-q"}).err, "has no tokenizer");
    for (const std::string &path : {other, other + "/rwkv_vocab_v20230424.txt"}) {
        const Outcome outcome =
            adder_command({"convert", directory_.path(), "--tokenizer", path, "-o", blob_, "-q"});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(BlobFile(blob_).info().has_tokenizer, 1);
    }
    // tokenizer.json wins where both lie there; what is neither is refused.
    write_text(other + "/tokenizer.json", "{}");
    EXPECT_HAS(adder_command({"convert", directory_.path(), "--tokenizer", other, "-o", blob_, "-q"}).err,
               "tokenizer.json");
    write_text(other + "/binary", "\x0A\x0E\x0A");
    EXPECT_EQ(
        adder_command({"convert", directory_.path(), "--tokenizer", other + "/binary", "-o", blob_, "-q"}).code,
        3);
}

}  // namespace adder::test
