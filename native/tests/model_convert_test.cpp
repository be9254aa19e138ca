#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "formats/gguf.h"
#include "model/convert.h"
#include "model/layer_table.h"
#include "model/model.h"
#include "model/quantize.h"
#include "support/bytes_builder.h"
#include "support/expect_error.h"
#include "support/gguf_builder.h"
#include "support/pace.h"
#include "support/temporary_directory.h"

namespace mamba::test {
namespace {

constexpr const char* fixtures[] = {"mamba1", "mamba1-bias-untied", "mamba2", "mamba2-groups", "falcon-mamba", "ssm-mamba1", "ssm-mamba2"};

void write(const Model& model, const std::string& path, WeightType type, std::string_view metadata = {}, WriteProgress progress = {}) {
    const Bytes bytes = as_bytes(metadata);
    write_gguf(model, path, type, bytes.data(), bytes.size(), progress);
}

void expect_same_weights(const Model& a, const Model& b) {
    const auto first = list_weights(a), second = list_weights(b);
    ASSERT_EQ(first.size(), second.size());
    for (size_t i = 0; i < first.size(); ++i) {
        ASSERT_EQ(first[i].gguf_name, second[i].gguf_name);
        if (first[i].matrix != nullptr) {
            ASSERT_EQ(first[i].matrix->type, second[i].matrix->type);
            ASSERT_EQ(first[i].matrix->bytes(), second[i].matrix->bytes());
            EXPECT_EQ(std::memcmp(first[i].matrix->data, second[i].matrix->data, first[i].matrix->bytes()), 0) << first[i].gguf_name;
        } else {
            EXPECT_TRUE(std::equal(first[i].vector->begin(), first[i].vector->end(), second[i].vector->begin(), second[i].vector->end())) << first[i].gguf_name;
        }
    }
}

TEST(WriteGguf, EveryFixtureComesBackExactly) {
    for (const char* folder : fixtures) {
        TemporaryDirectory directory;
        const auto model = open_model(fixture(folder));
        write(*model, directory.file("model.gguf"), WeightType::f32);
        const auto back = open_model(directory.file("model.gguf"));
        EXPECT_EQ(back->config, model->config) << folder;
        EXPECT_EQ(back->fingerprint, model->fingerprint) << folder;
        expect_same_weights(*back, *model);
        EXPECT_EQ(directory.file_count(), 1u);
        // And once more: what was read is what is written.
        write(*back, directory.file("again.gguf"), as_stored);
        EXPECT_EQ(read_file(directory.file("again.gguf")), read_file(directory.file("model.gguf"))) << folder;
    }
}

TEST(WriteGguf, ShapesAndKeysAsLlamaCppReadsThem) {
    TemporaryDirectory directory;
    for (const char* folder : {"mamba2-groups", "mamba1", "falcon-mamba"}) {
        write(*open_model(fixture(folder)), directory.file(std::string(folder) + ".gguf"), WeightType::f16);
    }
    const auto read = [&](const std::string& name) {
        const std::string path = directory.file(name);
        const auto mapping = platform::MappedFile::open(path);
        SourceFile file{path, {mapping->data(), mapping->size()}, mapping};
        return std::make_pair(read_gguf(file), file);
    };
    const auto [second, second_file] = read("mamba2-groups.gguf");
    const auto shape = [](const GgufFile& file, const char* name) { return file.tensors.find(name)->shape; };  // outermost first: ggml's order reversed
    EXPECT_EQ(shape(second, "blk.0.ssm_a"), (Shape{8, 1}));
    EXPECT_EQ(shape(second, "blk.0.ssm_d"), (Shape{8, 1}));
    EXPECT_EQ(shape(second, "blk.0.ssm_norm.weight"), (Shape{2, 64}));
    EXPECT_EQ(shape(second, "blk.0.ssm_conv1d.weight"), (Shape{192, 4}));
    EXPECT_EQ(shape(second, "blk.0.ssm_dt.bias"), (Shape{8}));
    EXPECT_EQ(shape(second, "token_embd.weight"), (Shape{512, 64}));
    EXPECT_EQ(shape(second, "output.weight"), (Shape{512, 64}));
    EXPECT_EQ(second.tensors.find("blk.0.ssm_conv1d.weight")->type, WeightType::f32);
    EXPECT_EQ(second.tensors.find("blk.0.ssm_in.weight")->type, WeightType::f16);
    const MetadataView keys(second_file.name, second.metadata);
    EXPECT_EQ(keys.text("general.architecture"), "mamba2");
    EXPECT_EQ(keys.text("general.name"), "mamba2-groups");
    EXPECT_EQ(keys.integer("general.file_type"), 1);
    EXPECT_EQ(keys.integer("general.quantization_version"), 2);
    EXPECT_EQ(keys.integer("mamba2.context_length"), 1 << 20);
    EXPECT_EQ(keys.integer("mamba2.feed_forward_length"), 0);
    EXPECT_EQ(keys.integer("mamba2.attention.head_count"), 0);
    EXPECT_EQ(keys.integer("mamba2.ssm.time_step_rank"), 8);
    EXPECT_EQ(keys.integer("mamba2.ssm.group_count"), 2);
    EXPECT_EQ(keys.integer("mamba2.vocab_size"), 512);
    EXPECT_EQ(keys.real("mamba_connector.time_step_max"), 0.3f);
    const auto [first, first_file] = read("mamba1.gguf");
    EXPECT_EQ(shape(first, "blk.0.ssm_a"), (Shape{128, 16}));
    EXPECT_EQ(shape(first, "blk.0.ssm_d"), (Shape{128}));
    EXPECT_EQ(shape(first, "blk.0.ssm_x.weight"), (Shape{37, 128}));
    EXPECT_EQ(first.tensors.find("output.weight"), nullptr);
    EXPECT_EQ(MetadataView(first_file.name, first.metadata).boolean("mamba.ssm.dt_b_c_rms"), false);
    const auto [falcon, falcon_file] = read("falcon-mamba.gguf");
    EXPECT_EQ(MetadataView(falcon_file.name, falcon.metadata).boolean("mamba.ssm.dt_b_c_rms"), true);
    EXPECT_EQ(MetadataView(falcon_file.name, falcon.metadata).real("mamba_connector.dt_b_c_norm_epsilon"), 1e-6f);
    EXPECT_EQ(falcon.tensors.find("blk.0.ssm_dt_norm.weight"), nullptr);  // all ones
}

// The largest difference between a model's matrices and those of its conversion, in units that `allowed(weight, largest of its block)` gives.
template <typename Allowed>
void expect_close(const Model& model, const Model& converted, const Allowed& allowed) {
    const auto from = list_weights(model), to = list_weights(converted);
    ASSERT_EQ(from.size(), to.size());
    for (size_t w = 0; w < from.size(); ++w) {
        if (from[w].matrix == nullptr) continue;
        const Matrix &a = *from[w].matrix, &b = *to[w].matrix;
        const auto cols = static_cast<size_t>(a.cols);
        std::vector<float> x(cols), y(cols);
        for (int64_t r = 0; r < a.rows; ++r) {
            decode_row(a.type, a.row(r), a.cols, x.data());
            decode_row(b.type, b.row(r), b.cols, y.data());
            for (size_t c = 0; c < cols; ++c) {
                float largest = 0;
                for (size_t k = c / 32 * 32; k < std::min(cols, c / 32 * 32 + 32); ++k) largest = std::max(largest, std::fabs(x[k]));
                ASSERT_LE(std::fabs(x[c] - y[c]), allowed(b.type, x[c], largest)) << from[w].gguf_name << " [" << r << ", " << c << "]";
            }
        }
    }
}

float bound(WeightType type, float value, float largest) {
    switch (type) {
        case WeightType::f16: return std::max(std::fabs(value) * 0x1p-11f, 0x1p-25f);
        case WeightType::bf16: return std::fabs(value) * 0x1p-8f;
        case WeightType::q8_0: return largest / 127 * (0.5f + 127 * 0x1p-11f) * 1.0001f;  // half a step, and the rounding of the scale
        default: return 0;
    }
}

TEST(Convert, EveryTypeStaysWithinItsRounding) {
    for (const char* folder : fixtures) {
        const auto model = open_model(fixture(folder));
        for (const WeightType type : {WeightType::f32, WeightType::f16, WeightType::bf16, WeightType::q8_0}) {
            if (runs_slowly && type == WeightType::f16) continue;  // as BF16, but for the rounding
            const auto converted = convert_model(model, type);
            EXPECT_EQ(converted->config, model->config);
            EXPECT_EQ(converted->fingerprint == model->fingerprint, type == WeightType::f32);
            expect_close(*model, *converted, bound);
            // What is written is what was converted.
            TemporaryDirectory directory;
            write(*model, directory.file("x.gguf"), type);
            const auto written = open_model(directory.file("x.gguf"));
            EXPECT_EQ(written->fingerprint, converted->fingerprint) << folder << " " << name(type);
            EXPECT_EQ(written->weight_type, type == WeightType::q8_0 && std::string(folder) == "mamba1-bias-untied" ? converted->weight_type : type);
        }
    }
}

TEST(Convert, RowsThatBlocksDoNotFitStaySixteenBit) {
    const auto model = convert_model(open_model(fixture("mamba1")), WeightType::q8_0);
    EXPECT_EQ(model->embedding.type, WeightType::q8_0);
    EXPECT_EQ(model->layers[0].in_proj.type, WeightType::q8_0);
    EXPECT_EQ(model->layers[0].dt_proj.type, WeightType::f16);  // rows of 5
    EXPECT_EQ(model->weight_type, WeightType::q8_0);
    EXPECT_EQ(model->head.data, model->embedding.data);
}

TEST(Convert, WhatHasTheTypeIsCopiedByteByByte) {
    TemporaryDirectory directory;
    write(*open_model(fixture("mamba2")), directory.file("q8.gguf"), WeightType::q8_0);
    const auto model = open_model(directory.file("q8.gguf"));
    EXPECT_EQ(convert_model(model, WeightType::q8_0), model);
    EXPECT_EQ(convert_model(model, as_stored), model);
    write(*model, directory.file("again.gguf"), WeightType::q8_0);
    EXPECT_EQ(read_file(directory.file("again.gguf")), read_file(directory.file("q8.gguf")));
}

TEST(Convert, ModelsThatOwnTheirWeightsConvertToo) {
    mamba_shape shape{};
    shape.architecture = MAMBA_ARCH_MAMBA1;
    shape.layer_count = 2;
    shape.d_model = 48;
    shape.vocab_size = 40;
    auto model = random_model(shape);
    const auto converted = convert_model(model, WeightType::q8_0);  // every row of 48 or 3 stays in F16; the rest is Q8_0
    expect_close(*model, *converted, bound);
    EXPECT_EQ(converted->layers[0].out_proj.type, WeightType::q8_0);
    const auto back = convert_model(converted, WeightType::f32);
    expect_close(*converted, *back, [](WeightType, float, float) { return 0.0f; });
}

// Mamba-1 with rows of 256 and 512, and of 16 in dt_proj.
std::shared_ptr<const Model> wide_mamba1() {
    mamba_shape shape{};
    shape.architecture = MAMBA_ARCH_MAMBA1;
    shape.layer_count = 1;
    shape.d_model = 256;
    shape.vocab_size = 40;
    return random_model(shape);
}

// Root of the mean squared difference of two matrices over that of the first one's mean square.
double relative_error(const Matrix& a, const Matrix& b) {
    const auto cols = static_cast<size_t>(a.cols);
    std::vector<float> x(cols), y(cols);
    double error = 0, squares = 0;
    for (int64_t r = 0; r < a.rows; ++r) {
        decode_row(a.type, a.row(r), a.cols, x.data());
        decode_row(b.type, b.row(r), b.cols, y.data());
        for (size_t c = 0; c < cols; ++c) {
            error += std::pow(static_cast<double>(x[c]) - y[c], 2);
            squares += std::pow(static_cast<double>(x[c]), 2);
        }
    }
    return std::sqrt(error / squares);
}

TEST(Convert, BlocksOf256) {
    const auto model = wide_mamba1();
    struct Expected {
        WeightType type;
        int64_t file_type;
        double error;
    };
    for (const auto& [type, file_type, error] : {Expected{WeightType::q6_k, 18, 0.013}, Expected{WeightType::q4_k, 15, 0.055}}) {
        TemporaryDirectory directory;
        write(*model, directory.file("x.gguf"), type);
        const auto written = open_model(directory.file("x.gguf"));
        EXPECT_EQ(written->fingerprint, convert_model(model, type)->fingerprint);
        EXPECT_EQ(written->weight_type, type);
        const std::string file = "x.gguf";
        EXPECT_EQ(MetadataView(file, written->metadata).integer("general.file_type"), file_type);
        EXPECT_EQ(written->layers[0].dt_proj.type, WeightType::f16);
        for (const auto matrix : {&Layer::in_proj, &Layer::x_proj, &Layer::out_proj}) {
            EXPECT_EQ((written->layers[0].*matrix).type, type);
            EXPECT_LT(relative_error(model->layers[0].*matrix, written->layers[0].*matrix), error);  // of uniform weights
        }
        // What has the type is copied, and to F32 it goes exactly.
        EXPECT_EQ(convert_model(written, type), written);
        const auto back = convert_model(written, WeightType::f32);
        EXPECT_EQ(relative_error(written->embedding, back->embedding), 0);
    }
}

TEST(Convert, ScalesThatAreNoNumbersAreNamed) {
    const auto model = wide_mamba1();
    for (const WeightType type : {WeightType::q6_k, WeightType::q4_k}) {
        TemporaryDirectory directory;
        write(*model, directory.file("x.gguf"), type);
        const std::string whole = read_file(directory.file("x.gguf"));
        const auto written = open_model(directory.file("x.gguf"));
        const Matrix& matrix = written->layers[0].out_proj;
        const std::string row(reinterpret_cast<const char*>(matrix.row(100)), matrix.row_bytes);
        const size_t place = whole.find(row), last_block = matrix.row_bytes - block_shape(type).bytes;
        ASSERT_NE(place, std::string::npos);
        const std::vector<size_t> scales = type == WeightType::q6_k ? std::vector<size_t>{offsetof(BlockQ6_K, d)}
                                                                    : std::vector<size_t>{offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, d_min)};
        for (const size_t offset : scales) {
            for (const uint16_t bad : {uint16_t{0x7e00}, uint16_t{0xfc00}}) {  // NaN, minus infinity
                std::string bytes = whole;
                std::memcpy(bytes.data() + place + last_block + offset, &bad, sizeof(bad));
                const std::string damaged = directory.write("damaged.gguf", bytes);
                expect_error(MAMBA_BAD_FORMAT, {"'blk.0.ssm_out.weight'", "not a finite number"}, [&] { open_model(damaged); });
            }
        }
    }
}

TEST(Convert, BlocksDoNotTakeWeightsThatAreTooLarge) {
    mamba_shape shape{};
    shape.architecture = MAMBA_ARCH_MAMBA2;
    shape.layer_count = 1;
    shape.d_model = 256;
    shape.vocab_size = 40;
    TemporaryDirectory directory;
    write(*random_model(shape), directory.file("x.gguf"), WeightType::f32);
    std::string bytes = read_file(directory.file("x.gguf"));
    {
        const auto model = open_model(directory.file("x.gguf"));
        const std::string row(reinterpret_cast<const char*>(model->embedding.row(7)), model->embedding.row_bytes);
        const float large = 1e9f;
        std::memcpy(bytes.data() + bytes.find(row), &large, sizeof(large));
    }
    const auto model = open_model(directory.write("large.gguf", bytes));
    expect_error(MAMBA_UNSUPPORTED, {"'token_embd.weight'", "too large for Q6_K"}, [&] { convert_model(model, WeightType::q6_k); });
    expect_error(MAMBA_UNSUPPORTED, {"'token_embd.weight'", "too large for Q4_K"}, [&] { convert_model(model, WeightType::q4_k); });
}

TEST(Convert, WeightsTooLargeForATypeAreNamed) {
    GgufBuilder gguf = tiny_mamba2();
    const float large = 70000;
    std::memcpy(gguf.data.data() + gguf.find("blk.0.ssm_in.weight").offset, &large, sizeof(large));
    TemporaryDirectory directory;
    const auto model = open_model(directory.write("large.gguf", gguf.build()));
    expect_error(MAMBA_UNSUPPORTED, {"'blk.0.ssm_in.weight'", "too large for F16", "BF16"}, [&] { convert_model(model, WeightType::f16); });
    expect_error(MAMBA_UNSUPPORTED, {"'blk.0.ssm_in.weight'"}, [&] { write(*model, directory.file("x.gguf"), WeightType::f16); });
    EXPECT_EQ(directory.file_count(), 1u);
    EXPECT_EQ(convert_model(model, WeightType::bf16)->weight_type, WeightType::bf16);
}

TEST(WriteGguf, MetadataIsReplacedAndAdded) {
    TemporaryDirectory directory;
    const auto model = open_model(fixture("mamba2"));
    GgufBuilder extra;
    extra.text("general.name", "renamed").text("tokenizer.ggml.model", "gpt2").record("mamba_connector.training_length", 4, BytesBuilder().number<uint32_t>(8192).bytes);
    write(*model, directory.file("a.gguf"), WeightType::bf16, extra.metadata);
    const auto named = open_model(directory.file("a.gguf"));
    EXPECT_EQ(named->config.training_length, 8192);
    const std::string file = "a.gguf";
    EXPECT_EQ(MetadataView(file, named->metadata).text("general.name"), "renamed");
    // A file's own metadata travels on; its type is told anew.
    write(*named, directory.file("b.gguf"), WeightType::q8_0);
    const auto again = open_model(directory.file("b.gguf"));
    const MetadataView keys(file, again->metadata);
    EXPECT_EQ(keys.text("tokenizer.ggml.model"), "gpt2");
    EXPECT_EQ(keys.text("general.name"), "renamed");
    EXPECT_EQ(keys.integer("general.file_type"), 7);
    EXPECT_EQ(again->config.training_length, 8192);
    EXPECT_EQ(again->metadata.size(), named->metadata.size());
}

TEST(WriteGguf, MetadataThatWouldChangeTheModelIsRefused) {
    TemporaryDirectory directory;
    const auto model = open_model(fixture("mamba2"));
    const auto refused = [&](const GgufBuilder& extra, std::initializer_list<std::string_view> parts) {
        expect_error(MAMBA_INVALID_ARGUMENT, parts, [&] { write(*model, directory.file("x.gguf"), WeightType::f32, extra.metadata); });
        EXPECT_EQ(directory.file_count(), 0u);
    };
    GgufBuilder state, architecture, alignment, cut;
    refused(state.u32("mamba2.ssm.state_size", 16), {"how the weights are stored"});
    refused(architecture.text("general.architecture", "mamba"), {"mamba.block_count"});
    refused(alignment.u32("general.alignment", 64), {"how the weights are stored"});
    cut.text("general.name", "renamed").metadata.pop_back();
    refused(cut, {"the metadata to write"});
}

TEST(WriteGguf, ProgressEndsAtTheWholeFileAndCanCancel) {
    TemporaryDirectory directory;
    const auto model = open_model(fixture("mamba2"));
    struct Seen {
        int64_t done = 0, total = 0, calls = 0, cancel_at = -1;
    } seen;
    const mamba_progress callback = [](int64_t done, int64_t total, uint64_t context) -> int32_t {
        Seen& record = *reinterpret_cast<Seen*>(context);
        EXPECT_GE(done, record.done);
        record.done = done;
        record.total = total;
        return ++record.calls != record.cancel_at;
    };
    const auto context = reinterpret_cast<uint64_t>(&seen);
    write(*model, directory.file("x.gguf"), WeightType::f32, {}, {callback, context});
    EXPECT_EQ(seen.total, static_cast<int64_t>(std::filesystem::file_size(directory.file("x.gguf"))));
    EXPECT_EQ(seen.done, seen.total);
    EXPECT_GT(seen.calls, 10);
    // Cancelled, the file that was there stays as it was, and nothing else is left.
    const std::string before = read_file(directory.file("x.gguf"));
    seen = {};
    seen.cancel_at = 5;
    expect_error(MAMBA_CANCELLED, {"cancelled"}, [&] { write(*model, directory.file("x.gguf"), WeightType::q8_0, {}, {callback, context}); });
    EXPECT_EQ(read_file(directory.file("x.gguf")), before);
    EXPECT_EQ(directory.file_count(), 1u);
}

TEST(WriteGguf, PlacesThatCannotBeWrittenAreNamed) {
    TemporaryDirectory directory;
    const auto model = open_model(fixture("mamba2"));
    const std::string path = directory.file("no/such/folder.gguf");
    expect_error(MAMBA_NOT_FOUND, {"cannot write", "folder.gguf"}, [&] { write(*model, path, WeightType::f32); });
    std::filesystem::create_directories(directory.file("folder.gguf/inside"));
    expect_error(MAMBA_IO, {"cannot write", "folder.gguf"}, [&] { write(*model, directory.file("folder.gguf"), WeightType::f32); });
    EXPECT_EQ(directory.file_count(), 1u);
}

TEST(WriteGguf, AVocabularyIsCopied) {
    GgufBuilder gguf;
    gguf.text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2").u32("general.alignment", 64);
    TemporaryDirectory directory;
    const auto vocabulary = open_model(directory.write("vocabulary.gguf", gguf.build()));
    GgufBuilder extra;
    write(*vocabulary, directory.file("copy.gguf"), as_stored, extra.text("general.name", "copy").metadata);
    const auto copy = open_model(directory.file("copy.gguf"));
    EXPECT_EQ(copy->config.layer_count(), 0);
    EXPECT_EQ(copy->metadata.size(), 3u);
}

TEST(Quantize, Q8BlocksAreGgmls) {
    // d = max|x| / 127 in FP32, stored as FP16; q = x / d rounded half away from zero.
    std::vector<float> row(32);
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i) * 4.0f - 127.0f;  // -127 .. -3, the largest is 127
    row[1] = 0.5f;
    row[2] = -0.5f;
    row[3] = 2.4999998f;
    BlockQ8_0 block;
    ASSERT_TRUE(encode_row(WeightType::q8_0, row.data(), 32, reinterpret_cast<std::byte*>(&block)));
    EXPECT_EQ(f16_to_f32(block.scale), 1.0f);
    EXPECT_EQ(block.q[0], -127);
    EXPECT_EQ(block.q[1], 1);
    EXPECT_EQ(block.q[2], -1);
    EXPECT_EQ(block.q[3], 2);
    std::fill(row.begin(), row.end(), 0.0f);
    ASSERT_TRUE(encode_row(WeightType::q8_0, row.data(), 32, reinterpret_cast<std::byte*>(&block)));
    EXPECT_EQ(block.scale, 0);
    row[5] = 1e-40f;
    ASSERT_TRUE(encode_row(WeightType::q8_0, row.data(), 32, reinterpret_cast<std::byte*>(&block)));
    EXPECT_EQ(block.q[5], 0);
    row[5] = 1e8f;
    EXPECT_FALSE(encode_row(WeightType::q8_0, row.data(), 32, reinterpret_cast<std::byte*>(&block)));
}

TEST(Quantize, HalfPrecisionIsExactBothWays) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<uint16_t>(bits);
        const bool f16_number = (bits & 0x7c00u) != 0x7c00u || (bits & 0x3ffu) == 0, bf16_number = (bits & 0x7f80u) != 0x7f80u || (bits & 0x7fu) == 0;
        ASSERT_TRUE(!f16_number || f32_to_f16(f16_to_f32(half)) == half) << bits;
        ASSERT_TRUE(!bf16_number || f32_to_bf16(bf16_to_f32(half)) == half) << bits;
    }
    EXPECT_EQ(f32_to_f16(65519.99f), 0x7bff);
    EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
    EXPECT_EQ(f32_to_f16(1.0f + 0x1p-11f), 0x3c00);            // half way: to even
    EXPECT_EQ(f32_to_f16(1.0f + 3 * 0x1p-11f), 0x3c02);
    EXPECT_EQ(f32_to_f16(0x1p-25f), 0);
    EXPECT_EQ(f32_to_f16(0x1.8p-25f), 1);
    EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::nanf("")))));
    EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace mamba::test
