// Writes tiny blobs, and exports them as a program carries them: make_blob DIR
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>

#include "converter/app/cli.h"
#include "converter/base/error.h"
#include "converter/base/file.h"
#include "converter/constrain/automaton.h"
#include "converter/constrain/regex.h"
#include "converter/plan/names.h"
#include "runtime/tokenizer.h"
#include "tests/support/blob_builder.h"
#include "tests/support/families.h"

using namespace adder;

static int export_blob(const std::string &directory, const std::string &name, const test::AlignedBytes &blob) {
    const std::string path = directory + "/" + name + ".adder";
    AtomicFile file(path);
    file.write(blob.data(), blob.size());
    file.commit();
    std::string words[] = {"adder", "export-c", path, "-o", directory, "--chunk", "5", "--logit-rows", "2"};
    std::vector<char *> pointers;
    for (std::string &word : words) pointers.push_back(word.data());
    return cli_main(all_commands(), static_cast<int>(pointers.size()), pointers.data());
}

static std::string capitals(std::string name) {
    for (char &c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    test::BlobSpec spec;
    spec.checkpoint.config.vocab_size = 260;
    spec.tokenizer = true;
    // A name that C takes apart where it is not escaped: a trigraph, quotes, a digit behind an escape, an end of comment.
    spec.texts = {{ADDER_TEXT_NAME, "tiny? ?\?/ \"\\ \x01"
                                    "7 */ \xC3\xA9"}};
    test::AlignedBytes blob = test::build_blob(spec);
    int failed = export_blob(arguments[1], "tiny", blob);

    // The same with a tokenizer that asks for NFC; and more of what a build may leave out.
    for (uint32_t i = 0; i < test::header_of(blob).section_count; ++i) {
        const BlobSection &section = test::sections_of(blob)[i];
        if (section.kind == section_tokenizer)
            reinterpret_cast<TokenizerHeader *>(blob.data() + section.offset)->flags |= tokenizer_nfc;
    }
    test::fix_checksums(blob);
    failed |= export_blob(arguments[1], "tiny_nfc", blob);
    spec.longest = true;
    failed |= export_blob(arguments[1], "tiny_world", test::build_blob(spec));
    spec.longest = false;
    spec.characters = true;
    failed |= export_blob(arguments[1], "tiny_pieces", test::build_blob(spec));
    spec.characters = false;
    spec.split = true;
    failed |= export_blob(arguments[1], "tiny_split", test::build_blob(spec));
    spec.split = false;
    spec.recipe.set_weights(Dtype::int4);
    failed |= export_blob(arguments[1], "tiny_int4", test::build_blob(spec));
    // The same of weights that are codes times a scale already, which is kept as a binary16.
    test::BlobSpec halves = spec;
    halves.recipe = recipe_named("naive");  // nothing is folded into them
    halves.recipe.set_weights(Dtype::int4);
    halves.recipe.keep_codes();
    halves.checkpoint.edit = [](const std::string &, std::vector<float> &values) {
        for (float &value : values) value = std::min(7.0f, std::max(-8.0f, std::nearbyint(value * 64))) / 64;
    };
    failed |= export_blob(arguments[1], "tiny_halves", test::build_blob(halves));
    spec.recipe.set_weights(Dtype::f32);
    spec.recipe.set_inputs(false);
    failed |= export_blob(arguments[1], "tiny_float", test::build_blob(spec));

    // And a model of each family that is a part, with the widest choice of states that it has.
    std::string includes, list = "#define TINY_FAMILIES(FAMILY)";
    const BlockId parts[] = {
#define ADDER_FAMILY(name) BlockId::name,
#include "runtime/blocks/kinds.inc"
    };
    for (const BlockId kind : parts) {
        test::BlobSpec one;
        one.checkpoint.config.model_type = test::model_type_of(kind);
        one.checkpoint.config.vocab_size = 260;
        one.tokenizer = true;
        one.state = std::min(find_block_kind(static_cast<uint16_t>(kind))->state_types, StateType::f16);
        const std::string name = kind_name(kind);
        test::AlignedBytes family = test::build_blob(one);
        failed |= export_blob(arguments[1], "tiny_" + name, family);
        // What it needs, in the order in which a library that lacks it says so: the families of its blocks; hybrids have several.
        std::vector<std::string> needed;
        for (uint32_t i = 0; i < test::header_of(family).shape_count; ++i)
            for (const BlockId other : parts) {
                const std::string own = kind_name(static_cast<BlockId>(test::shapes_of(family)[i].kind));
                const std::string one_of = kind_name(other), part = "ADDER_" + capitals(one_of);
                if (own == one_of || own.compare(0, one_of.size() + 1, one_of + "_") == 0)
                    if (std::find(needed.begin(), needed.end(), part) == needed.end()) needed.push_back(part);
            }
        // Some of the inputs of a family may be floats with any recipe.
        bool floats = false;
        for (uint32_t i = 0; i < test::header_of(family).tensor_count; ++i)
            floats = floats || test::tensors_of(family)[i].input == static_cast<uint8_t>(Input::floats);
        if (floats) needed.push_back("ADDER_FLOAT_LAYERS");
        std::string all, missing = "\"\"";
        for (size_t i = needed.size(); i-- > 0;) {
            all = needed[i] + (all.empty() ? "" : " && " + all);
            missing = "!" + needed[i] + " ? \"" + needed[i] + "\" : " + missing;
        }
        const std::string part = capitals(name);
        includes += "#include \"tiny_" + name + ".h\"\n";
        list += " \\\n    FAMILY(tiny_" + name + "_blob, TINY_" + part + "_BLOB_BYTES, (" + all + "), (" +
                missing + "))";
    }
    // A constraint: yes or no.
    const Automaton answers = make_automaton(parse_regex("yes|no", "tiny", RegexDialect::whole), "tiny");
    const std::vector<uint8_t> constraint = write_constraint(answers, 0, "tiny");
    std::string words;
    for (size_t i = 0; i < constraint.size(); i += 4)
        words += format("%s0x%08x", i == 0 ? "" : ", ", *reinterpret_cast<const uint32_t *>(&constraint[i]));
    write_file(std::string(arguments[1]) + "/tiny_constraint.h",
               "static const uint32_t tiny_constraint[] = {" + words + "};\n");

    write_file(std::string(arguments[1]) + "/tiny_families.h",
               "/* A tiny blob of each family: its bytes, and the part that it needs. */\n" + includes +
                   list + "\n");
    return failed;
}
