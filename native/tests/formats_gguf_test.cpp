#include <gtest/gtest.h>

#include "formats/gguf.h"
#include "model/model.h"
#include "model/open_sources.h"
#include "support/expect_error.h"
#include "support/gguf_builder.h"
#include "support/temporary_directory.h"

namespace mamba::test {
namespace {

std::shared_ptr<Model> open_bytes(const std::string& bytes) {
    SourceFile file;
    file.name = "model.gguf";
    file.bytes = as_bytes(bytes);
    return model_from_gguf(file);
}

void expect_refused(const GgufBuilder& gguf, mamba_result code, std::initializer_list<std::string_view> parts) {
    const std::string bytes = gguf.build();
    expect_error(code, parts, [&] { open_bytes(bytes); });
}

TEST(Gguf, AFileBuiltByHandOpens) {
    for (const uint32_t version : {2u, 3u}) {
        GgufBuilder gguf = tiny_mamba2();
        gguf.version = version;
        const std::string bytes = gguf.build();
        const auto model = open_bytes(bytes);
        EXPECT_EQ(model->config.architecture, MAMBA_ARCH_MAMBA2);
        EXPECT_EQ(model->config.layer_count(), 1);
        EXPECT_EQ(model->config.head_dim, 4);
        EXPECT_EQ(model->config.vocab_size, 3);
        EXPECT_TRUE(model->config.tied_embeddings);
        EXPECT_EQ(model->head.data, model->embedding.data);
        EXPECT_EQ(model->layers[0].a[1], -2.0f);
        // [channels, taps] in the file; tap-major in memory.
        EXPECT_EQ(model->layers[0].conv_weight[12], 0.01f * 1 - 0.02f);
        EXPECT_EQ(model->metadata.size(), 9u);
    }
}

TEST(Gguf, EveryCutIsRefused) {
    const std::string whole = tiny_mamba2().build();
    for (size_t length = 0; length < whole.size(); length += 7) {
        const std::string cut = whole.substr(0, length);
        EXPECT_THROW(open_bytes(cut), Error) << length;
    }
}

TEST(Gguf, CountsThatCannotBeAreRefusedBeforeMemoryIsTaken) {
    std::string bytes = tiny_mamba2().build();
    const uint64_t huge = uint64_t{1} << 60;
    std::string tensors = bytes, keys = bytes;
    std::memcpy(tensors.data() + 8, &huge, sizeof(huge));
    std::memcpy(keys.data() + 16, &huge, sizeof(huge));
    expect_error(MAMBA_BAD_FORMAT, {"model.gguf", "1152921504606846976 tensors"}, [&] { open_bytes(tensors); });
    expect_error(MAMBA_BAD_FORMAT, {"model.gguf", "1152921504606846976 metadata keys"}, [&] { open_bytes(keys); });
    GgufBuilder array = tiny_mamba2();
    array.record("tokens", 9, BytesBuilder().number<uint32_t>(4).number(huge).bytes);
    expect_refused(array, MAMBA_BAD_FORMAT, {"tokens", "1152921504606846976 items"});
}

TEST(Gguf, OtherFilesAreNamed) {
    expect_error(MAMBA_BAD_FORMAT, {"model.gguf", "not a GGUF file"}, [] { open_bytes("PK\3\4 and so on, long enough"); });
    GgufBuilder gguf = tiny_mamba2();
    gguf.version = 1;
    expect_refused(gguf, MAMBA_UNSUPPORTED, {"GGUF version 1"});
    gguf.version = 0x03000000;
    expect_refused(gguf, MAMBA_UNSUPPORTED, {"big-endian"});
}

TEST(Gguf, DamagedTensorsAreNamed) {
    const auto with = [](const auto& change) {
        GgufBuilder gguf = tiny_mamba2();
        change(gguf);
        return gguf;
    };
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").offset = g.find("blk.0.ssm_in.weight").offset; }), MAMBA_BAD_FORMAT,
                   {"blk.0.ssm_d", "blk.0.ssm_in.weight", "overlap"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").offset = uint64_t{1} << 40; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_d", "cut short or damaged"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").offset += 4; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_d", "alignment 32"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").dimensions = {uint64_t{1} << 61, 8}; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_d"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").dimensions = {~uint64_t{0}}; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_d", "dimension"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").dimensions = {1, 1, 1, 1, 2}; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_d", "5 dimensions"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_out.weight").dimensions = {4, 8}; }), MAMBA_BAD_FORMAT,
                   {"blk.0.ssm_out.weight", "[8, 4]", "[4, 8]"});
    expect_refused(with([](GgufBuilder& g) { g.find("token_embd.weight").dimensions = {12}; }), MAMBA_BAD_FORMAT, {"token_embd.weight", "[12]"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").name = "blk.0.ssm_a"; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_a", "twice"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_d").name = "blk.0.ssm_e"; }), MAMBA_BAD_FORMAT, {"lacks the tensor 'blk.0.ssm_d'"});
    expect_refused(with([](GgufBuilder& g) { g.tensor("blk.0.attn_q.weight", {4}, {1, 2, 3, 4}); }), MAMBA_UNSUPPORTED, {"blk.0.attn_q.weight"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_in.weight").type = 13; }), MAMBA_UNSUPPORTED, {"blk.0.ssm_in.weight", "Q5_K", "Q8_0", "Q4_K"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_in.weight").type = 8; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_in.weight", "Q8_0"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_in.weight").type = 12; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_in.weight", "Q4_K"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_in.weight").type = 14; }), MAMBA_BAD_FORMAT, {"blk.0.ssm_in.weight", "Q6_K"});
    expect_refused(with([](GgufBuilder& g) { g.find("blk.0.ssm_in.weight").type = 31; }), MAMBA_UNSUPPORTED, {"blk.0.ssm_in.weight", "number 31"});
}

TEST(Gguf, WeightsThatAreNotNumbersAreNamed) {
    for (const char* name : {"blk.0.ssm_in.weight", "token_embd.weight", "blk.0.ssm_dt.bias", "output_norm.weight"}) {
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
            GgufBuilder gguf = tiny_mamba2();
            std::memcpy(gguf.data.data() + gguf.find(name).offset, &bad, sizeof(bad));
            expect_refused(gguf, MAMBA_BAD_FORMAT, {"model.gguf", name, "not a finite number"});
        }
    }
    GgufBuilder positive = tiny_mamba2();
    const float one = 1;
    std::memcpy(positive.data.data() + positive.find("blk.0.ssm_a").offset, &one, sizeof(one));
    expect_refused(positive, MAMBA_BAD_FORMAT, {"blk.0.ssm_a", "must be negative"});
}

TEST(Gguf, MetadataIsChecked) {
    GgufBuilder twice = tiny_mamba2();
    expect_refused(twice.u32("mamba2.block_count", 1), MAMBA_BAD_FORMAT, {"mamba2.block_count", "twice"});
    GgufBuilder type = tiny_mamba2();
    expect_refused(type.record("x", 13, "1234"), MAMBA_BAD_FORMAT, {"'x'", "unknown type 13"});
    GgufBuilder nested = tiny_mamba2();
    expect_refused(nested.record("x", 9, BytesBuilder().number<uint32_t>(9).number<uint64_t>(1).bytes), MAMBA_UNSUPPORTED, {"'x'", "array of arrays"});
    GgufBuilder alignment = tiny_mamba2();
    expect_refused(alignment.u32("general.alignment", 24), MAMBA_BAD_FORMAT, {"general.alignment", "24"});
    GgufBuilder zero;
    zero.text("general.architecture", "mamba2").u32("mamba2.block_count", 0).tensor("x", {1}, {1});
    expect_refused(zero, MAMBA_BAD_FORMAT, {"number of layers is 0"});
    GgufBuilder missing;
    missing.text("general.architecture", "mamba2").tensor("x", {1}, {1});
    expect_refused(missing, MAMBA_BAD_FORMAT, {"lacks the metadata key 'mamba2.block_count'"});
    GgufBuilder wrong;
    wrong.text("general.architecture", "mamba2").text("mamba2.block_count", "1").tensor("x", {1}, {1});
    expect_refused(wrong, MAMBA_BAD_FORMAT, {"mamba2.block_count", "integer"});
    GgufBuilder unnamed;
    expect_refused(unnamed.tensor("x", {1}, {1}), MAMBA_BAD_FORMAT, {"general.architecture"});
}

TEST(Gguf, EveryKindOfMetadataIsKeptAsItStands) {
    GgufBuilder gguf;
    gguf.text("general.architecture", "llama").record("a", 0, "\1").record("b", 2, "\1\2").record("c", 10, "12345678").record("d", 7, std::string_view("\0", 1));
    gguf.record("e", 9, BytesBuilder().number<uint32_t>(8).number<uint64_t>(2).number<uint64_t>(1).raw("x").number<uint64_t>(2).raw("yz").bytes);
    gguf.record("f", 9, BytesBuilder().number<uint32_t>(5).number<uint64_t>(2).number<int32_t>(1).number<int32_t>(2).bytes);
    gguf.record("g", 12, BytesBuilder().number(0.5).bytes).record("h", 1, "\xff").record("i", 3, "\xfe\xff").record("j", 5, "\xfd\xff\xff\xff");
    gguf.record("k", 11, "\xfc\xff\xff\xff\xff\xff\xff\xff");
    const std::string bytes = gguf.build();
    const auto model = open_bytes(bytes);  // no tensors: a vocabulary, of any architecture
    EXPECT_EQ(model->config.layer_count(), 0);
    EXPECT_EQ(model->config.architecture, MAMBA_ARCH_UNKNOWN);
    std::string packed;
    for (const MetadataEntry& entry : model->metadata) {
        packed += BytesBuilder().number<uint64_t>(entry.key.size()).raw(entry.key).bytes;
        packed.append(reinterpret_cast<const char*>(entry.value.data()), entry.value.size());
    }
    EXPECT_EQ(packed, gguf.metadata);
    const std::string name = "name";
    const MetadataView view(name, model->metadata);
    EXPECT_EQ(view.integer("a"), 1);
    EXPECT_EQ(view.integer("b"), 0x201);
    EXPECT_EQ(view.boolean("d"), false);
    EXPECT_EQ(view.real("g"), 0.5);
    EXPECT_EQ(view.integer("h"), -1);
    EXPECT_EQ(view.integer("i"), -2);
    EXPECT_EQ(view.integer("j"), -3);
    EXPECT_EQ(view.integer("k"), -4);
    EXPECT_EQ(view.integer("none"), std::nullopt);
    expect_error(MAMBA_BAD_FORMAT, {"'g'", "no integer"}, [&] { (void)view.integer("g"); });
    expect_error(MAMBA_BAD_FORMAT, {"'a'", "no boolean"}, [&] { (void)view.boolean("a"); });
    expect_error(MAMBA_BAD_FORMAT, {"'a'", "no floating"}, [&] { (void)view.real("a"); });
    expect_error(MAMBA_BAD_FORMAT, {"'a'", "no string"}, [&] { (void)view.text("a"); });
}

TEST(Gguf, HybridsAndOtherModelsAreRefusedByName) {
    for (const char* name : {"jamba", "granitehybrid", "falcon-h1", "nemotron_h", "nemotron_h_moe", "plamo2"}) {
        GgufBuilder gguf;
        expect_refused(gguf.text("general.architecture", name).tensor("x", {1}, {1}), MAMBA_UNSUPPORTED, {"not yet supported: attention layers", name});
    }
    GgufBuilder llama;
    expect_refused(llama.text("general.architecture", "llama").tensor("x", {1}, {1}), MAMBA_UNSUPPORTED, {"'llama'", "not a Mamba model"});
}

TEST(Gguf, UnalignedWeightsAreCopied) {
    GgufBuilder gguf = tiny_mamba2();
    gguf.u32("general.alignment", 1);
    // Everything one byte further: no tensor is aligned to its element any more.
    for (GgufTensor& tensor : gguf.tensors) ++tensor.offset;
    gguf.data.insert(gguf.data.begin(), '\0');
    std::string bytes = gguf.build();
    // build() pads the header to 32 bytes, an alignment of 1 does not: take the padding out again.
    const size_t header = bytes.size() - gguf.data.size();
    size_t unpadded = 24 + gguf.metadata.size();
    for (const GgufTensor& tensor : gguf.tensors) unpadded += 8 + tensor.name.size() + 4 + 8 * tensor.dimensions.size() + 4 + 8;
    bytes.erase(unpadded, header - unpadded);
    const auto model = open_bytes(bytes);
    const std::string plain_bytes = tiny_mamba2().build();
    EXPECT_EQ(model->fingerprint, open_bytes(plain_bytes)->fingerprint);
}

}  // namespace
}  // namespace mamba::test
