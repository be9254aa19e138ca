#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/half.h"
#include "formats/pytorch.h"
#include "model/open_sources.h"
#include "support/expect_error.h"
#include "support/pickle_builder.h"
#include "support/temporary_directory.h"

namespace mamba::test {
namespace {

struct Opened {
    std::string bytes;
    SourceFile file;
    TensorTable table;

    explicit Opened(std::string content) : bytes(std::move(content)) {
        file.name = "pytorch_model.bin";
        file.bytes = as_bytes(bytes);
        read_pytorch(file, table);
    }
};

std::string floats(size_t count) {
    BytesBuilder out;
    for (size_t i = 0; i < count; ++i) out.number(static_cast<float>(i));
    return out.bytes;
}

std::string archive(const std::string& pickle) {
    return ZipBuilder().add("archive/data.pkl", pickle).add("archive/data/0", floats(24)).add("archive/version", "3\n").build();
}

void expect_refused(const std::string& bytes, mamba_result code, std::initializer_list<std::string_view> parts) {
    expect_error(code, parts, [&] { Opened opened(bytes); });
}
void expect_pickle_refused(PickleBuilder& pickle, std::initializer_list<std::string_view> parts) {
    expect_refused(archive(pickle.stop()), MAMBA_BAD_FORMAT, parts);
}

// A state dict with one entry 'w' of that tensor.
PickleBuilder dict_of(int64_t count, int64_t offset, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    PickleBuilder pickle;
    pickle.op("}").text("w").tensor("FloatStorage", "0", count, offset, shape, strides).op("s");
    return pickle;
}

TEST(PyTorch, AStateDictAsTorchSavesIt) {
    // OrderedDict with _metadata, the attribute that Module.state_dict() sets; tensors in three types; two of them share a storage, one is
    // a transposed view; a Parameter.
    PickleBuilder pickle;
    pickle.ordered_dict().op("q\x01(");
    pickle.text("whole").tensor("FloatStorage", "0", 24, 0, {4, 6}, {6, 1});
    pickle.text("slice").tensor("FloatStorage", "0", 24, 6, {2, 6}, {6, 1});
    pickle.text("turned").tensor("FloatStorage", "0", 24, 0, {6, 4}, {1, 6});
    pickle.text("half").tensor("HalfStorage", "1", 3, 1, {2}, {1});
    pickle.text("brain").tensor("BFloat16Storage", "2", 2, 0, {2, 1}, {1, 1});
    pickle.text("parameter").global("torch._utils", "_rebuild_parameter").op("(").tensor("FloatStorage", "0", 24, 23, {}, {}).op("\x88").ordered_dict().op("tR");
    pickle.op("u}").text("_metadata").ordered_dict().op("(").text("").op("}").text("version").op("K\x01su").op("sb");
    ZipBuilder zip;
    zip.add("pytorch_model/data.pkl", pickle.stop()).add("pytorch_model/byteorder", "little").add("pytorch_model/data/0", floats(24));
    zip.add("pytorch_model/data/1", BytesBuilder().all<uint16_t>({0, f32_to_f16(1.5f), f32_to_f16(-2.0f)}).bytes);
    zip.add("pytorch_model/data/2", BytesBuilder().all<uint16_t>({f32_to_bf16(3.0f), f32_to_bf16(0.5f)}).bytes);
    zip.comment = "made by hand";
    for (const bool zip64 : {false, true}) {
        zip.zip64 = zip64;
        const Opened opened(zip.build());
        ASSERT_EQ(opened.table.tensors().size(), 6u);
        const StoredTensor& whole = *opened.table.find("whole");
        EXPECT_EQ(whole.type, WeightType::f32);
        EXPECT_EQ(whole.data.size(), 96u);
        EXPECT_TRUE(whole.strides.empty());
        const StoredTensor& slice = *opened.table.find("slice");
        EXPECT_EQ(slice.data.data(), whole.data.data() + 24);
        EXPECT_EQ(slice.shape, (Shape{2, 6}));
        EXPECT_EQ(opened.table.find("turned")->strides, (Shape{1, 6}));
        EXPECT_EQ(opened.table.find("half")->type, WeightType::f16);
        EXPECT_EQ(opened.table.find("half")->data.size(), 4u);
        EXPECT_EQ(opened.table.find("brain")->type, WeightType::bf16);
        EXPECT_EQ(opened.table.find("parameter")->data.data(), whole.data.data() + 23 * 4);
    }
}

TEST(PyTorch, NewerProtocolsAndMemos) {
    PickleBuilder pickle;
    pickle.op("\x80\x04\x95").op(std::string_view("\0\0\0\0\0\0\0\0", 8)).op("]\x94""0}\x94(\x8c\x01w\x94\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93\x94(");
    pickle.storage("FloatStorage", "0", 24).op("K").op(std::string_view("\0", 1)).op("K\x02\x85M").op(std::string_view("\x01\x00", 2)).op("\x85\x89Nt");
    pickle.op("R\x94r").op(std::string_view("\x09\0\0\0", 4)).op("X").op(std::string_view("\x01\0\0\0", 4)).op("vj").op(std::string_view("\x09\0\0\0", 4)).op("h\x04").op("0u");
    const Opened opened(archive(pickle.stop()));
    EXPECT_EQ(opened.table.tensors().size(), 2u);
    EXPECT_EQ(opened.table.find("v")->shape, (Shape{2}));
}

TEST(PyTorch, NothingIsExecuted) {
    PickleBuilder system;
    system.global("os", "system").op("(").text("echo owned").op("tR");
    expect_pickle_refused(system, {"pytorch_model.bin", "'os.system'", "Nothing was executed"});
    PickleBuilder stacked;
    stacked.text("builtins").text("eval").op("\x93");
    expect_pickle_refused(stacked, {"'builtins.eval'"});
    PickleBuilder lookalike;
    lookalike.global("torch.hub", "FloatStorage");
    expect_pickle_refused(lookalike, {"'torch.hub.FloatStorage'"});
    PickleBuilder storage;
    storage.global("torch", "FloatStorage").op("(tR");
    expect_pickle_refused(storage, {"calls 'FloatStorage'"});
    PickleBuilder value;
    value.op("}(tR");
    expect_pickle_refused(value, {"calls something that is no function"});
    PickleBuilder dict;
    dict.global("collections", "OrderedDict").op("(").op("]tR");
    expect_pickle_refused(dict, {"OrderedDict is built from arguments"});
    for (const char* opcode : {"i", "o", "\x81", "\x92", "\x82", "P", "\x97"}) {  // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, NEXT_BUFFER
        PickleBuilder other;
        other.op(opcode);
        expect_pickle_refused(other, {"opcode", "does not occur"});
    }
}

TEST(PyTorch, ViewsOutsideTheirStorageAreRefused) {
    const auto refused = [](PickleBuilder pickle, std::initializer_list<std::string_view> parts) { expect_pickle_refused(pickle, parts); };
    refused(dict_of(24, 0, {5, 5}, {5, 1}), {"'w'", "[5, 5]", "outside its storage of 24"});
    refused(dict_of(24, 20, {5}, {1}), {"'w'", "outside"});
    refused(dict_of(24, -1, {5}, {1}), {"'w'", "outside"});
    refused(dict_of(24, 0, {-5}, {1}), {"'w'", "outside"});
    refused(dict_of(24, 0, {5}, {-1}), {"'w'", "outside"});
    refused(dict_of(24, 0, {5}, {1, 1}), {"'w'", "outside"});
    refused(dict_of(24, 0, {int64_t{1} << 60, 2}, {int64_t{1} << 40, 1}), {"'w'", "outside"});
    refused(dict_of(24, 0, {int64_t{1} << 60, 1 << 20}, {0, 0}), {"'w'", "outside"});
    refused(dict_of(24, 0, {int64_t{1} << 30, int64_t{1} << 20}, {0, 0}), {"'w'", "more than once"});
    refused(dict_of(24, 0, {5, 5}, {1, 1}), {"'w'", "more than once"});
    refused(dict_of(25, 0, {5}, {1}), {"'w'", "25 elements", "holds 24"});
    refused(dict_of(-1, 0, {5}, {1}), {"'w'", "-1 elements"});
    refused(dict_of(24, 0, std::vector<int64_t>(9, 1), std::vector<int64_t>(9, 1)), {"9 dimensions"});
    constexpr int64_t huge = int64_t{1} << 62;
    for (const auto& [shape, strides] : std::vector<std::pair<Shape, Shape>>{{{0}, {1}}, {{0, huge, huge}, {1, huge, 1}}}) {
        const Opened empty(archive(dict_of(24, 24, shape, strides).stop()));
        EXPECT_EQ(empty.table.find("w")->data.size(), 0u);
    }
}

TEST(PyTorch, WhatIsNoStateDictIsRefused) {
    const auto refused = [](const std::function<void(PickleBuilder&)>& write, std::initializer_list<std::string_view> parts) {
        PickleBuilder pickle;
        write(pickle);
        expect_pickle_refused(pickle, parts);
    };
    refused([](PickleBuilder& p) { p.op("]"); }, {"does not hold a dict"});
    refused([](PickleBuilder&) {}, {"stack runs empty"});
    refused([](PickleBuilder& p) { p.op("}").text("epoch").op("K\x03s"); }, {"'epoch' is no tensor"});
    refused([](PickleBuilder& p) { p.op("}K\x03K\x03s"); }, {"a key is no text"});
    refused([](PickleBuilder& p) { p.op("}(K\x03u"); }, {"takes none"});
    refused([](PickleBuilder& p) { p.op("}K\x03" "a"); }, {"takes none"});
    refused([](PickleBuilder& p) { p.op("](K\x03K\x04" "eK\x03" "a"); }, {"does not hold a dict"});
    refused([](PickleBuilder& p) { p.op("t"); }, {"a mark is missing"});
    refused([](PickleBuilder& p) { p.op("}(0"); }, {"stack runs empty"});
    refused([](PickleBuilder& p) { p.op("h\x07"); }, {"recalls a value"});
    refused([](PickleBuilder& p) { p.op("]}b"); }, {"sets the state"});
    refused([](PickleBuilder& p) { p.op("K\x01K\x02\x93"); }, {"a name is no text"});
    refused([](PickleBuilder& p) { p.op("\x80\x06"); }, {"protocol 6"});
    refused([](PickleBuilder& p) { p.op("\x8a\x09"); }, {"more than 64 bits"});
    refused([](PickleBuilder& p) { p.text("x").op("\x85Q"); }, {"persistent id is no storage"});
    refused([](PickleBuilder& p) { p.text("storage").op("\x85Q"); }, {"lacks the type of a storage"});
    refused([](PickleBuilder& p) { p.op("(").text("storage").global("collections", "OrderedDict").text("0").text("cpu").integer(24).op("tQ"); }, {"type 'OrderedDict'"});
    refused([](PickleBuilder& p) { p.global("torch._utils", "_rebuild_tensor_v2").op("K\x01\x85R"); }, {"lacks the storage of a tensor"});
    refused([](PickleBuilder& p) { p.global("torch._utils", "_rebuild_parameter").op("K\x01\x85R"); }, {"lacks the data of a parameter"});
    refused([](PickleBuilder& p) {
        p.op("}").text("w").global("torch._utils", "_rebuild_tensor_v2").op("(").storage("FloatStorage", "0", 24).integer(0).op("GXXXXXXXX\x85").tuple({1}).op("tRs");
    }, {"shape or stride is no integer"});
    refused([](PickleBuilder& p) { p.op("}").text("w").tensor("QInt8Storage", "0", 24, 0, {1}, {1}).op("s"); }, {"'w'", "'QInt8Storage'"});
    refused([](PickleBuilder& p) { p.op("}").text("w").tensor("FloatStorage", "7", 24, 0, {1}, {1}).op("s"); }, {"'w'", "'archive/data/7'"});
    refused([](PickleBuilder& p) { p.op("}(").text("w").tensor("FloatStorage", "0", 24, 0, {1}, {1}).text("w").tensor("FloatStorage", "0", 24, 0, {1}, {1}).op("u"); }, {"'w'", "twice"});
    std::string long_text = archive(PickleBuilder().op("X\xff\xff\xff\xff").stop());
    expect_refused(long_text, MAMBA_BAD_FORMAT, {"a string in the pickle"});
    expect_refused(archive(std::string((4 << 20) + 1, '(')), MAMBA_BAD_FORMAT, {"4194305 bytes"});
    // Deep nesting: values name each other by index, so nothing recurses.
    expect_refused(archive("\x80\x02" + std::string(1 << 20, ')') + std::string(1 << 20, '\x85') + "."), MAMBA_BAD_FORMAT, {"does not hold a dict"});
}

TEST(PyTorch, ArchivesOfAnotherKindAreRefused) {
    const std::string pickle = dict_of(24, 0, {5}, {1}).stop();
    const auto zip = [&] {
        ZipBuilder builder;
        builder.add("archive/data.pkl", pickle).add("archive/data/0", floats(24));
        return builder;
    };
    expect_refused("\x80\x02\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x19.", MAMBA_UNSUPPORTED, {"not a zip archive", "PyTorch 1.6"});
    ZipBuilder compressed = zip();
    compressed.method = 8;
    expect_refused(compressed.build(), MAMBA_UNSUPPORTED, {"'archive/data.pkl' is compressed"});
    ZipBuilder encrypted = zip();
    encrypted.flags = 1;
    expect_refused(encrypted.build(), MAMBA_UNSUPPORTED, {"encrypted"});
    expect_refused(zip().add("archive/byteorder", "big").build(), MAMBA_UNSUPPORTED, {"big-endian"});
    expect_refused(zip().add("archive/data/0", "").build(), MAMBA_BAD_FORMAT, {"'archive/data/0' appears twice"});
    expect_refused(ZipBuilder().add("archive/constants.pkl", pickle).build(), MAMBA_BAD_FORMAT, {"no data.pkl"});
    const std::string whole = zip().build();
    for (size_t length = 0; length < whole.size(); ++length) {
        const std::string cut = whole.substr(0, length);
        EXPECT_THROW(Opened opened(cut), Error) << length;
    }
    const auto damaged = [&](std::string bytes, size_t from_end, uint32_t word, std::initializer_list<std::string_view> parts) {
        std::memcpy(bytes.data() + bytes.size() - from_end, &word, sizeof(word));
        expect_refused(bytes, MAMBA_BAD_FORMAT, parts);
    };
    damaged(whole, 6, 0x7fffffff, {"directory lies outside"});
    damaged(whole, 6, 0, {"entry 0 of the zip directory has no header"});
    damaged(whole, 12, 0xffffffff, {"claims 65535 entries"});
    const size_t last_entry = 22 + 46 + std::string_view("archive/data/0").size();
    damaged(whole, last_entry - 42, 0x7fffffff, {"'archive/data/0' lies outside"});
    damaged(whole, last_entry - 42, 3, {"no header where the directory says"});
    ZipBuilder wide = zip();
    wide.zip64 = true;
    damaged(wide.build(), 22 + 12, 0x7fffffff, {"zip64 end record lies outside"});
    damaged(wide.build(), 22 + 12, 3, {"zip64 end record is not where it should be"});
}

// A checkpoint whose tensors are views: the model is the same as from plain tensors.
TEST(PyTorch, StridedWeightsBecomeTheSameModel) {
    const std::string config = R"({"d_model": 4, "n_layer": 1, "vocab_size": 3, "ssm_cfg": {"layer": "Mamba2", "d_state": 2, "headdim": 4}})";
    struct Entry {
        std::string name;
        Shape shape;
    };
    const std::vector<Entry> entries = {{"backbone.embedding.weight", {3, 4}}, {"backbone.norm_f.weight", {4}}, {"backbone.layers.0.norm.weight", {4}},
                                        {"backbone.layers.0.mixer.in_proj.weight", {22, 4}}, {"backbone.layers.0.mixer.conv1d.weight", {12, 1, 4}},
                                        {"backbone.layers.0.mixer.conv1d.bias", {12}}, {"backbone.layers.0.mixer.dt_bias", {2}}, {"backbone.layers.0.mixer.A_log", {2}},
                                        {"backbone.layers.0.mixer.D", {2}}, {"backbone.layers.0.mixer.norm.weight", {8}}, {"backbone.layers.0.mixer.out_proj.weight", {4, 8}}};
    // value(i) of a tensor is i; the strided form stores it with the dimensions in the opposite order, plus a number in between.
    const auto build = [&](bool strided) {
        PickleBuilder pickle;
        ZipBuilder zip;
        pickle.op("}(");
        for (size_t e = 0; e < entries.size(); ++e) {
            const Shape& shape = entries[e].shape;
            const int64_t count = *element_count(shape);
            Shape plain(shape.size(), 1), strides(shape.size(), 2);
            for (size_t d = shape.size() - 1; d-- > 0;) plain[d] = plain[d + 1] * shape[d + 1];
            for (size_t d = 1; d < shape.size(); ++d) strides[d] = strides[d - 1] * shape[d - 1];
            for (size_t d = 0; d < shape.size(); ++d) {
                if (shape[d] == 1) strides[d] = std::numeric_limits<int64_t>::max();  // of a dimension of 1 it says nothing
            }
            std::vector<float> values(static_cast<size_t>(2 * count));
            for (int64_t i = 0; i < count; ++i) {
                int64_t place = 0;
                for (size_t d = 0; d < shape.size(); ++d) place += i / plain[d] % shape[d] * strides[d];
                values[static_cast<size_t>(strided ? place : i)] = 0.01f * static_cast<float>(i);
            }
            pickle.text(entries[e].name).tensor("FloatStorage", std::to_string(e), 2 * count, 0, shape, strided ? strides : plain);
            zip.add("a/data/" + std::to_string(e), BytesBuilder().all(values).bytes);
        }
        // Tied: the head is a view of the same storage.
        pickle.text("lm_head.weight").tensor("FloatStorage", "0", 24, 0, {3, 4}, strided ? Shape{2, 6} : Shape{4, 1}).op("u");
        return zip.add("a/data.pkl", pickle.stop()).build();
    };
    TemporaryDirectory directory;
    directory.write("config.json", config);
    directory.write("pytorch_model.bin", build(false));
    const auto plain = open_model(directory.path());
    directory.write("pytorch_model.bin", build(true));
    const auto strided = open_model(directory.path());
    EXPECT_EQ(plain->fingerprint, strided->fingerprint);
    EXPECT_EQ(strided->layers[0].conv_weight[12], 0.01f);
    EXPECT_EQ(strided->config.padded_vocab_size, 3);
}

}  // namespace
}  // namespace mamba::test
