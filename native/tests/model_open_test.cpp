#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "formats/safetensors.h"
#include "model/model.h"
#include "support/expect_error.h"
#include "support/safetensors_builder.h"
#include "support/temporary_directory.h"

namespace mamba::test {
namespace {

struct Expected {
    const char* folder;
    mamba_architecture architecture;
    int64_t layers, d_model, d_inner, d_state, dt_rank, heads, groups, vocab, parameters;
    bool tied;
};

class PureMamba : public ::testing::TestWithParam<Expected> {};

TEST_P(PureMamba, Opens) {
    const Expected& expected = GetParam();
    const auto model = open_model(fixture(expected.folder));
    const ModelConfig& config = model->config;
    EXPECT_EQ(config.architecture, expected.architecture);
    EXPECT_EQ(config.layer_count(), expected.layers);
    EXPECT_EQ(config.d_model, expected.d_model);
    EXPECT_EQ(config.d_inner, expected.d_inner);
    EXPECT_EQ(config.d_state, expected.d_state);
    EXPECT_EQ(config.dt_rank, expected.dt_rank);
    EXPECT_EQ(config.head_count, expected.heads);
    EXPECT_EQ(config.group_count, expected.groups);
    EXPECT_EQ(config.vocab_size, expected.vocab);
    EXPECT_EQ(config.padded_vocab_size, 512);
    EXPECT_EQ(config.tied_embeddings, expected.tied);
    EXPECT_EQ(model->head.data == model->embedding.data, expected.tied);
    EXPECT_EQ(model->parameter_count, expected.parameters);
    EXPECT_EQ(model->weight_bytes, 4 * expected.parameters);
    EXPECT_EQ(model->weight_type, WeightType::f32);
    for (const Layer& layer : model->layers) {
        EXPECT_EQ(layer.in_proj.rows, config.in_proj_rows());
        EXPECT_EQ(layer.conv_weight.size(), static_cast<size_t>(config.d_conv * config.conv_channels()));
        EXPECT_EQ(layer.in_proj_bias.empty(), !config.use_bias);
        EXPECT_EQ(layer.dt_norm.size(), config.dt_b_c_norm ? static_cast<size_t>(config.dt_rank) : 0u);
        for (const float a : layer.a) EXPECT_LT(a, 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PureMamba,
                         ::testing::Values(Expected{"mamba1", MAMBA_ARCH_MAMBA1, 3, 64, 128, 16, 5, 0, 1, 512, 131712, true},
                                         Expected{"mamba1-bias-untied", MAMBA_ARCH_MAMBA1, 2, 48, 96, 8, 3, 0, 1, 512, 84528, false},
                                         Expected{"mamba2", MAMBA_ARCH_MAMBA2, 3, 64, 128, 32, 0, 8, 1, 512, 123912, true},
                                         Expected{"mamba2-groups", MAMBA_ARCH_MAMBA2, 2, 64, 128, 16, 0, 8, 2, 512, 126320, false},
                                         Expected{"falcon-mamba", MAMBA_ARCH_FALCON_MAMBA, 3, 64, 128, 16, 6, 0, 1, 512, 165362, false},
                                         Expected{"ssm-mamba1", MAMBA_ARCH_MAMBA1, 3, 64, 128, 16, 5, 0, 1, 509, 131712, true},
                                         Expected{"ssm-mamba2", MAMBA_ARCH_MAMBA2, 3, 64, 128, 32, 0, 8, 1, 512, 123912, true}),
                         [](const auto& info) {
                             std::string name = info.param.folder;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(OpenModel, VectorsAreWhatTheEngineComputesWith) {
    const auto model = open_model(fixture("mamba1"));
    const auto file = platform::MappedFile::open(fixture("mamba1/model.safetensors"));
    SourceFile source{"model.safetensors", {file->data(), file->size()}, file};
    TensorTable table;
    read_safetensors(source, table);
    const auto value = [&](const char* name, size_t i) {
        float number;
        std::memcpy(&number, table.find(name)->data.data() + 4 * i, 4);
        return number;
    };
    const Layer& layer = model->layers[1];
    EXPECT_EQ(layer.a[17], static_cast<float>(-std::exp(double{value("backbone.layers.1.mixer.A_log", 17)})));
    EXPECT_EQ(layer.d[5], value("backbone.layers.1.mixer.D", 5));
    EXPECT_EQ(layer.conv_weight[3 * 128 + 7], value("backbone.layers.1.mixer.conv1d.weight", 7 * 4 + 3));
    float weight;
    std::memcpy(&weight, layer.x_proj.row(2) + 4 * 3, 4);
    EXPECT_EQ(weight, value("backbone.layers.1.mixer.x_proj.weight", 2 * 128 + 3));
}

TEST(OpenModel, TheSameWeightsInTwoLayoutsAreTheSameModel) {
    // The two fixtures hold one model, in Hugging Face's and in the original layout.
    EXPECT_EQ(open_model(fixture("mamba2"))->fingerprint, open_model(fixture("ssm-mamba2"))->fingerprint);
    EXPECT_NE(open_model(fixture("mamba1"))->fingerprint, open_model(fixture("ssm-mamba1"))->fingerprint);  // vocabularies of 512 and 509
}

TEST(OpenModel, HybridsAreRefusedByName) {
    const std::pair<const char*, const char*> hybrids[] = {{"granite-hybrid", "granitemoehybrid"}, {"granite-hybrid-dense", "granitemoehybrid"}, {"bamba", "bamba"},
                                                           {"falcon-h1", "falcon_h1"}, {"nemotron-h", "nemotron_h"}, {"jamba", "jamba"}, {"zamba2", "zamba2"}};
    for (const auto& [folder, type] : hybrids) {
        const std::string path = fixture(folder);
        expect_error(MAMBA_UNSUPPORTED, {"not yet supported: attention layers (model_type ", type}, [&] { open_model(path); });
    }
}

TEST(OpenModel, MissingAndOtherFilesAreNamed) {
    TemporaryDirectory directory;
    expect_error(MAMBA_NOT_FOUND, {"no file or directory", "nothing"}, [&] { open_model(directory.file("nothing")); });
    expect_error(MAMBA_NOT_FOUND, {directory.path(), "config.json"}, [&] { open_model(directory.path()); });
    const std::string empty = directory.write("empty.gguf", "");
    expect_error(MAMBA_BAD_FORMAT, {"empty.gguf", "is empty"}, [&] { open_model(empty); });
    const std::string text = directory.write("text.txt", "hello");
    expect_error(MAMBA_BAD_FORMAT, {"text.txt", "not a GGUF file", "directory"}, [&] { open_model(text); });
    directory.write("config.json", read_file(fixture("mamba2/config.json")));
    expect_error(MAMBA_NOT_FOUND, {"holds no weights", "model.safetensors"}, [&] { open_model(directory.path()); });
    directory.write("config.json", "");
    expect_error(MAMBA_BAD_FORMAT, {"config.json", "not valid JSON"}, [&] { open_model(directory.path()); });
}

// Splits a fixture's tensors over files, in the order that the header has.
void write_shards(const TemporaryDirectory& directory, const std::string& folder, size_t count, bool index) {
    const std::string path = fixture(folder + "/model.safetensors");
    const auto file = platform::MappedFile::open(path);
    const SourceFile source{path, {file->data(), file->size()}, file};
    TensorTable table;
    read_safetensors(source, table);
    std::string map;
    for (size_t shard = 0; shard < count; ++shard) {
        const std::string name = "model-0000" + std::to_string(shard + 1) + "-of-0000" + std::to_string(count) + ".safetensors";
        std::string header, data;
        for (size_t i = shard; i < table.tensors().size(); i += count) {
            const StoredTensor& tensor = table.tensors()[i];
            header += (header.empty() ? "{\"" : ", \"") + tensor.name + "\": {\"dtype\": \"F32\", \"shape\": " + to_string(tensor.shape) + ", \"data_offsets\": [" +
                      std::to_string(data.size()) + ", " + std::to_string(data.size() + tensor.data.size()) + "]}";
            data.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
            map += (map.empty() ? "\"" : ", \"") + tensor.name + "\": \"" + name + "\"";
        }
        directory.write(name, safetensors_file(header + "}", data));
    }
    if (index) directory.write("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": {" + map + "}}");
    directory.write("config.json", read_file(fixture(folder + "/config.json")));
}

TEST(OpenModel, SeveralFilesAreOneModel) {
    const auto whole = open_model(fixture("mamba2-groups"));
    for (const bool index : {true, false}) {
        TemporaryDirectory directory;
        write_shards(directory, "mamba2-groups", 3, index);
        EXPECT_EQ(open_model(directory.path())->fingerprint, whole->fingerprint);
        std::filesystem::remove(directory.file("model-00002-of-00003.safetensors"));
        if (index) {
            expect_error(MAMBA_NOT_FOUND, {"model-00002-of-00003.safetensors", "index"}, [&] { open_model(directory.path()); });
        } else {
            expect_error(MAMBA_BAD_FORMAT, {"lacks the tensor"}, [&] { open_model(directory.path()); });
        }
    }
}

TEST(OpenModel, AnIndexStaysInItsDirectory) {
    TemporaryDirectory directory;
    directory.write("config.json", read_file(fixture("mamba2/config.json")));
    for (const char* name : {R"("../model.safetensors")", R"("/etc/passwd")", R"("..")", R"("")", "3", R"("c:model.safetensors")"}) {
        directory.write("model.safetensors.index.json", std::string(R"({"weight_map": {"w": )") + name + "}}");
        expect_error(MAMBA_BAD_FORMAT, {"index.json", "'w'", "no file of this directory"}, [&] { open_model(directory.path()); });
    }
    directory.write("model.safetensors.index.json", "{}");
    expect_error(MAMBA_BAD_FORMAT, {"no weight_map"}, [&] { open_model(directory.path()); });
}

// A fixture with one change to its header or its bytes.
void open_changed(const std::string& folder, const std::string& from, const std::string& to) {
    TemporaryDirectory directory;
    directory.write("config.json", read_file(fixture(folder + "/config.json")));
    const std::string bytes = read_file(fixture(folder + "/model.safetensors"));
    uint64_t length;
    std::memcpy(&length, bytes.data(), 8);
    std::string header = bytes.substr(8, length);
    const size_t place = header.find(from);
    ASSERT_NE(place, std::string::npos) << from;
    header.replace(place, from.size(), to);
    directory.write("model.safetensors", safetensors_file(header, bytes.substr(8 + length)));
    open_model(directory.path());
}

TEST(OpenModel, TensorsThatDoNotFitTheConfigurationAreNamed) {
    expect_error(MAMBA_BAD_FORMAT, {"lacks the tensor 'backbone.layers.1.mixer.D'"}, [] { open_changed("mamba2", "layers.1.mixer.D\"", "layers.1.mixer.E\""); });
    expect_error(MAMBA_BAD_FORMAT, {"lacks the tensor 'backbone.embeddings.weight'"}, [] { open_changed("mamba2", "embeddings.weight", "wte.weight"); });
    expect_error(MAMBA_BAD_FORMAT, {"model.safetensors", "'backbone.layers.0.mixer.in_proj.weight'", "[64, 328]", "asks for [328, 64]"},
                 [] { open_changed("mamba2", "[328,64]", "[64,328]"); });
    expect_error(MAMBA_UNSUPPORTED, {"'backbone.layers.0.mixer.D'", "I32"},
                 [] { open_changed("mamba2", R"(layers.0.mixer.D":{"dtype":"F32")", R"(layers.0.mixer.D":{"dtype":"I32")"); });
    expect_error(MAMBA_UNSUPPORTED, {"holds the tensor 'extra'"},
                 [] { open_changed("mamba2", R"("backbone.embeddings)", R"("extra":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"backbone.embeddings)"); });
}

TEST(OpenModel, DamagedWeightsAreNamed) {
    TemporaryDirectory directory;
    directory.write("config.json", read_file(fixture("mamba2/config.json")));
    const std::string whole = read_file(fixture("mamba2/model.safetensors"));
    directory.write("model.safetensors", whole.substr(0, whole.size() - 1));
    expect_error(MAMBA_BAD_FORMAT, {"model.safetensors", "cut short or damaged"}, [&] { open_model(directory.path()); });
    std::string bytes = whole;
    const float bad = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(bytes.data() + 8 + 2840 + 135008 + 4 * 1000, &bad, 4);  // inside layer 0's in_proj
    directory.write("model.safetensors", bytes);
    expect_error(MAMBA_BAD_FORMAT, {"'layers.0.mixer.in_proj.weight'", "not a finite number"}, [&] { open_model(directory.path()); });
    // Any flipped bit of a weight is another model.
    bytes = whole;
    bytes[bytes.size() - 2000] ^= 1;
    directory.write("model.safetensors", bytes);
    EXPECT_NE(open_model(directory.path())->fingerprint, open_model(fixture("mamba2"))->fingerprint);
}

TEST(OpenModel, PrefixesOfNames) {
    const auto whole = open_model(fixture("mamba2"));
    for (const char* prefix : {"", "model.backbone.", "model."}) {
        TemporaryDirectory directory;
        directory.write("config.json", read_file(fixture("mamba2/config.json")));
        const std::string bytes = read_file(fixture("mamba2/model.safetensors"));
        uint64_t length;
        std::memcpy(&length, bytes.data(), 8);
        std::string header = bytes.substr(8, length);
        for (size_t place = 0; (place = header.find("\"backbone.", place)) != std::string::npos;) header.replace(place, 10, std::string("\"") + prefix);
        directory.write("model.safetensors", safetensors_file(header, bytes.substr(8 + length)));
        EXPECT_EQ(open_model(directory.path())->fingerprint, whole->fingerprint) << prefix;
    }
}

TEST(OpenModel, DirectoriesDescribeThemselvesAsGguf) {
    const auto model = open_model(fixture("mamba2-groups"));
    const auto has = [&](std::string_view key) {
        return std::any_of(model->metadata.begin(), model->metadata.end(), [&](const MetadataEntry& entry) { return entry.key == key; });
    };
    for (const char* key : {"general.architecture", "general.name", "general.file_type", "mamba2.block_count", "mamba2.context_length", "mamba2.ssm.time_step_rank",
                            "mamba2.ssm.group_count", "mamba2.vocab_size", "mamba_connector.time_step_min", "mamba_connector.time_step_max"}) {
        EXPECT_TRUE(has(key)) << key;
    }
    EXPECT_FALSE(has("mamba_connector.training_length"));
}

}  // namespace
}  // namespace mamba::test
