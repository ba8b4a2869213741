// Tests of the reader of PyTorch files and of its pickles, above all with files that lie.
// SPDX-License-Identifier: MIT
#include "converter/import/pytorch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "converter/base/file.h"
#include "converter/import/pickle.h"
#include "tests/support/error_of.h"
#include "tests/support/pytorch_builder.h"
#include "tests/support/shared.h"

namespace adder::test {
namespace {

TensorTable parse(const std::string &bytes) {
    return parse_pytorch(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "m.pth");
}

std::string parse_error(const std::string &bytes) {
    return error_of([&] { parse(bytes); });
}

std::string storage_of_floats(const std::vector<float> &values) {
    return make_tensor("", DType::f32, {values.size()}, values).data;
}

// A file of one storage of six floats, 0 to 5, with this pickle.
std::string file_of(const std::string &pickle) {
    return zip_file(pytorch_entries(pickle, {storage_of_floats({0, 1, 2, 3, 4, 5})}));
}

std::string file_of_view(const PytorchView &view) {
    return file_of(pickle_file(pickle_dict({{"t", pickle_view(view)}})));
}

PytorchView view(int64_t offset, std::vector<int64_t> shape, std::vector<int64_t> strides) {
    return {"FloatStorage", "0", 6, offset, std::move(shape), std::move(strides)};
}

std::vector<float> floats(const TensorView &tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.elements));
    convert_to_float(tensor, 0, tensor.elements, values.data());
    return values;
}

std::vector<float> floats_of(const PytorchView &view) {
    const std::string bytes = file_of_view(view);
    return floats(*parse(bytes).find("t"));
}

std::string pickle_error(const std::string &pickle) { return parse_error(file_of(pickle)); }

}  // namespace

TEST(Pytorch, ReadsWhatTorchSaves) {
    const std::vector<Tensor> tensors = {make_tensor("z", DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                         make_tensor("a", DType::bf16, {2}, {1.5f, -2}),
                                         make_tensor("h", DType::f16, {3, 1, 1}, {0.25f, 7, 8}),
                                         make_tensor("scalar", DType::f32, {}, {9}),
                                         make_tensor("empty", DType::f32, {0, 7}, {}),
                                         {"steps", DType::i64, {1}, std::string(8, '\0')}};
    for (const bool transposed : {false, true}) {
        const std::string bytes = pytorch_file(tensors, transposed);
        const TensorTable table = parse(bytes);
        ASSERT_EQ(table.tensors.size(), 6u);
        EXPECT_EQ(table.tensors[0].name, "a");
        const TensorView &z = *table.find("z");
        EXPECT_EQ(z.shape, (std::vector<uint64_t>{2, 3}));
        EXPECT_EQ(z.strides, transposed ? (std::vector<uint64_t>{1, 2}) : std::vector<uint64_t>());
        EXPECT_EQ(z.size, 24u);
        EXPECT_EQ(span_bytes(z), 24u);
        EXPECT_EQ(*z.file, "m.pth");
        EXPECT_EQ(floats(z), (std::vector<float>{1, 2, 3, 4, 5, 6}));
        float part[3];
        convert_to_float(z, 2, 3, part);
        EXPECT_EQ(part[0], 3);
        EXPECT_EQ(part[2], 5);
        std::string all;
        each_bytes(z, [&](const uint8_t *data, size_t size) {
            all.append(reinterpret_cast<const char *>(data), size);
        });
        EXPECT_EQ(all, tensors[0].data);
        EXPECT_EQ(floats(*table.find("a")), (std::vector<float>{1.5f, -2}));
        EXPECT_EQ(floats(*table.find("h")), (std::vector<float>{0.25f, 7, 8}));
        EXPECT_EQ(floats(*table.find("scalar")), std::vector<float>{9});
        EXPECT_EQ(table.find("empty")->elements, 0u);
        EXPECT_EQ(table.find("steps")->dtype, DType::i64);
        EXPECT_HAS(error_of([&] { floats(*table.find("steps")); }), "tensor \"steps\" has type I64; F32, F16");
    }
}

TEST(Pytorch, HonoursOffsetsAndStrides) {
    EXPECT_EQ(floats_of(view(0, {6}, {1})), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(floats_of(view(2, {2, 2}, {2, 1})), (std::vector<float>{2, 3, 4, 5}));
    EXPECT_EQ(floats_of(view(0, {3, 2}, {1, 3})), (std::vector<float>{0, 3, 1, 4, 2, 5}));
    EXPECT_EQ(floats_of(view(1, {3}, {2})), (std::vector<float>{1, 3, 5}));
    EXPECT_EQ(floats_of(view(5, {}, {})), std::vector<float>{5});
    EXPECT_EQ(floats_of(view(0, {1, 2, 1, 3}, {99, 1, 77, 2})), (std::vector<float>{0, 2, 4, 1, 3, 5}));
    EXPECT_EQ(floats_of(view(0, {4}, {0})), (std::vector<float>(4)));  // expanded
    EXPECT_EQ(floats_of(view(99, {0}, {1})), std::vector<float>());
    // More elements than are gathered at a time.
    std::vector<float> values(100 * 130);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const std::vector<Tensor> tensors = {make_tensor("t", DType::f32, {100, 130}, values)};
    const std::string plain = pytorch_file(tensors), transposed = pytorch_file(tensors, true);
    EXPECT_NE(plain, transposed);
    EXPECT_EQ(floats(*parse(transposed).find("t")), values);
}

TEST(Pytorch, TensorsShareStoragesAndAreParameters) {
    const std::string whole = pickle_view(view(0, {2, 3}, {3, 1})), part = pickle_view(view(3, {3}, {1}));
    const std::string bytes =
        file_of(pickle_file(pickle_dict({{"a", whole}, {"b", pickle_parameter(part)}, {"c", whole}}, true)));
    const TensorTable table = parse(bytes);
    EXPECT_EQ(table.find("a")->data, table.find("c")->data);
    EXPECT_EQ(floats(*table.find("b")), (std::vector<float>{3, 4, 5}));
}

TEST(Pytorch, PassesOverWhatIsNoTensor) {
    const std::string tensor = pickle_view(view(0, {6}, {1}));
    const std::string bytes = file_of(pickle_file(pickle_dict({{"epoch", pickle_integer(3)},
                                                               {"loss", "G" + std::string(8, 'x')},
                                                               {"betas", "](K\1NeK\1a"},
                                                               {"big", "\x8A\x09" + std::string(9, 'x')},
                                                               {"nested", pickle_dict({{"t", tensor}})},
                                                               {"t", tensor}})));
    EXPECT_EQ(parse(bytes).tensors.size(), 1u);
    EXPECT_HAS(
        pickle_error(pickle_file(pickle_dict({{"model", pickle_dict({{"t", tensor}})}}))),
        "m.pth holds no tensors by name, but \"model\": save them with torch.save(model.state_dict(), FILE)");
    EXPECT_HAS(pickle_error(pickle_file(pickle_dict({}))), "m.pth holds no tensors by name: save them");
    EXPECT_HAS(pickle_error(pickle_file(tensor)), "holds no dict of tensors by name");
    EXPECT_HAS(pickle_error(pickle_file("}K\1" + tensor + "s")), "a tensor's name is no text");
    EXPECT_HAS(pickle_error(pickle_file(pickle_dict({{"t", tensor}, {"t", tensor}}))), "\"t\" stands twice");
}

TEST(Pytorch, NothingIsExecuted) {
    const std::string system = pickle_global("os", "system") + pickle_tuple({pickle_text("true")}) + "R";
    EXPECT_HAS(
        pickle_error(pickle_file(system)),
        "m.pth (model/data.pkl): at byte 2: it wants to import \"os system\", and nothing is ever executed");
    EXPECT_HAS(pickle_error(pickle_file(pickle_dict({{"a", system}}))), "\"os system\"");
    EXPECT_HAS(pickle_error(pickle_file(pickle_global("torch", "load"))), "\"torch load\"");
    EXPECT_HAS(pickle_error(pickle_file(pickle_global("collections OrderedDict", ""))), "it wants to import");
    // protocol 0's ways of calling: none of them is known
    for (const char *opcode :
         {"i", "o", "\x81", "\x92", "\x93", "\x82", "P", "S", "I", "0", "2", "d", "l", "\x95"})
        EXPECT_HAS(pickle_error(std::string("\x80\x02}") + opcode + "os\nsystem\n."),
                   "is none that tensors are made of");
    // what is allowed is called with what it takes, and never as a function of anything else
    EXPECT_HAS(
        pickle_error(pickle_file(pickle_global("collections", "OrderedDict") + pickle_tuple({"]"}) + "R")),
        "an OrderedDict with arguments");
    EXPECT_HAS(pickle_error(pickle_file("])R")), "what is called is no name");
    EXPECT_HAS(pickle_error(pickle_file(pickle_global("torch", "FloatStorage") + "]R")), "are no tuple");
}

TEST(Pytorch, TheStackIsChecked) {
    for (const char *pickle : {"\x80\x02", "", "}", "\x80", "}q", "}qx", "}X\xFF\xFF\xFF\xFF.", "K", "M\1",
                               "J\1\1\1", "\x8A\xFFxx.", "Gxxxx", "ctorch", "ctorch\nFloatStorage", "}r\1"})
        EXPECT_HAS(pickle_error(pickle), "the pickle is cut");
    for (const char *pickle :
         {".", "\x85.", "}\x86.", "}R.", "Q.", "b.", "q\1.", "}(u(.", "}s.", "](a.", "}(b."})
        EXPECT_HAS(pickle_error(pickle), "a value is missing on the stack");
    for (const char *pickle : {"t.", "}u.", "]e."}) EXPECT_HAS(pickle_error(pickle), "a mark is missing");
    EXPECT_HAS(pickle_error("}h\1."), "the memo has no such value");
    EXPECT_HAS(pickle_error("}q\2j\1\1\1\1."), "the memo has no such value");
    EXPECT_HAS(pickle_error("}r\xFF\xFF\xFF\xFF."), "a larger memo");
    EXPECT_HAS(pickle_error("}}."), "values left on the stack");
    EXPECT_HAS(pickle_error("(}."), "values left on the stack");
    EXPECT_HAS(pickle_error("}.x"), "ends before its bytes do");
    EXPECT_HAS(pickle_error("}(K\1u."), "a key without a value");
    EXPECT_HAS(pickle_error("]K\1K\1s."), "in what is no dict");
    EXPECT_HAS(pickle_error("}K\1a."), "to what is no list");
    EXPECT_HAS(pickle_error("\x80\x05}."), "has pickle protocol 5; 2 is supported");
}

// Bombs: what is small in the file and large in memory.
TEST(Pytorch, NestingCountsAndTheMemoAreBounded) {
    EXPECT_HAS(pickle_error(std::string(100000, '(')), "the stack is too deep");
    EXPECT_HAS(pickle_error(std::string(100000, '}')), "the stack is too deep");
    std::string many = "}";
    for (int i = 0; i < 3000000; ++i) many += ")(";
    EXPECT_HAS(pickle_error(many), "the stack is too deep");
    std::string values = "]";
    for (int i = 0; i < 4300000; ++i) values += "Na";
    EXPECT_HAS(pickle_error(values), "more values than any list of tensors has");
    // Each list holds the one before it twice: 2^60 leaves, 60 lists, and a dict that holds itself.
    std::string doubling = "]q" + std::string(1, '\0');
    for (int i = 1; i < 60; ++i) {
        const std::string last(1, static_cast<char>(i - 1)), next(1, static_cast<char>(i));
        doubling += "](h" + last + "h" + last + "eq" + next;
    }
    const std::string self =
        "}q\x7F(" + pickle_text("self") + "h\x7F" + pickle_text("t") + pickle_view(view(0, {6}, {1})) + "u";
    EXPECT_EQ(parse(file_of(pickle_file(self))).tensors.size(), 1u);
    const std::string bomb = "}(" + pickle_text("bomb") + "(" + doubling + "t" + pickle_text("t") +
                             pickle_view(view(0, {6}, {1})) + "u";
    EXPECT_EQ(parse(file_of(pickle_file(bomb))).tensors.size(), 1u);
    std::string nested = ")";
    for (int i = 0; i < 1000000; ++i) nested += '\x85';  // a tuple in a tuple in a tuple ...
    EXPECT_HAS(pickle_error(pickle_file(nested)), "holds no dict");
}

TEST(Pytorch, ExtentsAreChecked) {
    const auto error = [](const PytorchView &v) { return parse_error(file_of_view(v)); };
    EXPECT_HAS(error(view(1, {6}, {1})),
               "tensor \"t\" of shape [6], strides [1] and offset 1 leaves its storage of 6 elements");
    const int64_t huge = INT64_MAX;
    for (const PytorchView &v :
         {view(6, {}, {}), view(0, {7}, {1}), view(0, {7}, {0}), view(0, {2}, {6}), view(0, {2, 2}, {5, 1}),
          view(0, {2, 3}, {3, 2}), view(huge, {1}, {1}), view(0, {2}, {huge}), view(0, {huge, huge}, {1, 1}),
          view(0, {2, 2, 2}, {huge, huge, 2}), view(5, {2}, {huge}), view(0, {huge}, {0}),
          view(0, {3, 3}, {1, 1})})
        EXPECT_HAS(error(v), "leaves its storage of 6 elements");
    EXPECT_HAS(error(view(-1, {1}, {1})), "has an offset that is no integer from 0 on");
    EXPECT_HAS(error(view(0, {-1}, {1})), "has a shape that is no integer");
    EXPECT_HAS(error(view(0, {1}, {-1})), "has strides that is no integer");
    EXPECT_HAS(error(view(0, {1, 1}, {1})), "has 2 dimensions and 1 strides");
    EXPECT_HAS(error(view(0, std::vector<int64_t>(33, 1), std::vector<int64_t>(33, 1))), "has 33 dimensions");
    PytorchView lying = view(0, {6}, {1});
    lying.storage_elements = 7;
    EXPECT_HAS(error(lying), "lies in a storage of 7 elements of F32, and \"model/data/0\" has 24 bytes");
    lying.storage_elements = huge;
    EXPECT_HAS(error(lying), "lies in a storage of 9223372036854775807 elements");
    lying = view(0, {6}, {1});
    lying.storage = "HalfStorage";
    EXPECT_HAS(error(lying), "lies in a storage of 6 elements of F16");
    for (const char *key : {"1", "", "../data.pkl", "/etc/passwd"}) {
        lying = view(0, {6}, {1});
        lying.key = key;
        EXPECT_HAS(error(lying), "which the file has not");
    }
    lying = view(0, {6}, {1});
    lying.storage = "QInt8Storage";
    EXPECT_HAS(error(lying), "it wants to import \"torch QInt8Storage\"");
}

TEST(Pytorch, CallsAreChecked) {
    const auto error = [](const std::string &value) {
        return pickle_error(pickle_file(pickle_dict({{"t", value}})));
    };
    const std::string rebuild = pickle_global("torch._utils", "_rebuild_tensor_v2");
    EXPECT_HAS(error(rebuild + ")R"), "tensor \"t\" is made of 0 values; at least 4 are needed");
    EXPECT_HAS(error(pickle_global("torch._utils", "_rebuild_parameter") + ")R"), "is a parameter of nothing");
    EXPECT_HAS(error(rebuild + "(K\1K\1K\1K\1tR"), "has no storage");
    EXPECT_HAS(error(rebuild + "(K\1QK\1K\1K\1tR"), "has a storage in another form");
    EXPECT_HAS(error(rebuild + "()QK\1K\1K\1tR"), "has a storage in another form");
    EXPECT_HAS(
        error(rebuild + "(" +
              pickle_tuple({pickle_text("storage"), rebuild, pickle_text("0"), pickle_text("cpu"), "K\6"}) +
              "QK\1K\1K\1tR"),
        "has a storage of type \"torch._utils _rebuild_tensor_v2\"");
}

TEST(Pytorch, OtherFilesAreNamed) {
    EXPECT_HAS(parse_error(""), "is no PyTorch file: it does not begin as a ZIP archive does");
    EXPECT_HAS(parse_error("version https://git-lfs"), "is no PyTorch file");
    EXPECT_HAS(parse_error("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.\x80\x02M\xE9\x03."),
               "before PyTorch 1.6: load it with torch.load and save it again");
    const std::string pickle = pickle_file(pickle_dict({{"t", pickle_view(view(0, {6}, {1}))}}));
    const auto with = [&](const ZipEntry &entry) {
        std::vector<ZipEntry> entries = pytorch_entries(pickle, {storage_of_floats({0, 1, 2, 3, 4, 5})});
        entries.push_back(entry);
        return zip_file(entries);
    };
    EXPECT_EQ(parse(with({"model/.format_version", "1"})).tensors.size(), 1u);
    EXPECT_HAS(parse_error(with({"model/constants.pkl", ""})), "is a TorchScript archive, which holds code");
    EXPECT_HAS(parse_error(with({"other/data.pkl", ""})), "has several members FOLDER/data.pkl");
    EXPECT_HAS(parse_error(with({"model/x", "x", 8})), "is compressed (method 8)");
    EXPECT_HAS(parse_error(zip_file({{"a", "x"}})), "without a member FOLDER/data.pkl: no file of torch.save");
    EXPECT_HAS(parse_error(zip_file({{"m/data.pkl", pickle}, {"m/byteorder", "big"}})), "big-endian");
}

// Whatever byte of directory and pickle is changed or missing: an error or tensors within the file.
TEST(Pytorch, EveryByteMayBeWrongOrMissing) {
    const std::string bytes = pytorch_file({make_tensor("z", DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                            make_tensor("a", DType::bf16, {2}, {1.5f, -2})},
                                           true);
    size_t sound = 0;
    const auto try_out = [&](const std::string &changed) {
        const std::vector<uint8_t> exact(changed.begin(), changed.end());
        try {
            for (const TensorView &tensor : parse_pytorch(exact.data(), exact.size(), "m.pth").tensors)
                if (is_readable(tensor.dtype)) floats(tensor);
            ++sound;
        } catch (const Error &error) {
            EXPECT_HAS(std::string(error.what()), "m.pth");
        }
    };
    for (size_t at = 0; at < bytes.size(); ++at) {
        try_out(bytes.substr(0, at));
        EXPECT_EQ(sound, 0u) << "cut at " << at;
        sound = 0;
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
        for (const int value : {0, 1, 0x28, 0x2E, 0x7F, 0x80, 0xFF}) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(value);
            try_out(changed);
        }
    }
    EXPECT_GT(sound, 0u);
}

TEST(Pytorch, ReadsRealFiles) {
    const std::string shared = shared_directory();
    if (shared.empty()) GTEST_SKIP() << shared_missing;
    const auto count = [&](const std::string &path) {
        const MappedFile file(shared + "/models/" + path);
        const TensorTable table = parse_pytorch(file.data(), file.size(), file.path());
        double sum = 0;
        for (const TensorView &tensor : table.tensors) {
            EXPECT_TRUE(tensor.strides.empty());
            for (const float value : floats(tensor)) sum += static_cast<double>(value);
        }
        EXPECT_TRUE(std::isfinite(sum));
        EXPECT_NE(table.find("blocks.0.att.r_k"), nullptr);
        return table.tensors.size();
    };
    EXPECT_EQ(count("conformance/rwkv7/rwkv7.pth"), 72u);
    EXPECT_EQ(count("rwkv7-13m/rwkv7-13m.pth"), 270u);
}

}  // namespace adder::test
