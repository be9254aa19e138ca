#include "model/gguf_config.h"

#include "formats/gguf.h"
#include "model/config_check.h"

namespace mamba {
namespace {

constexpr const char* own = "mamba_connector.";
// What converters write where a model has no limit of its own.
constexpr uint32_t unlimited_context = 1u << 20;
constexpr uint32_t quantization_version = 2;

constexpr std::string_view gguf_hybrids[] = {"jamba", "granitehybrid", "falcon-h1", "nemotron_h", "nemotron_h_moe", "plamo2", "bamba", "zamba2"};

}  // namespace

mamba_architecture architecture_of(const MetadataView& metadata) {
    const std::string name = metadata.text("general.architecture").value_or("");
    if (name == "mamba2") return MAMBA_ARCH_MAMBA2;
    if (name != "mamba") return MAMBA_ARCH_UNKNOWN;
    return metadata.boolean("mamba.ssm.dt_b_c_rms").value_or(false) ? MAMBA_ARCH_FALCON_MAMBA : MAMBA_ARCH_MAMBA1;
}

ModelConfig config_from_metadata(const MetadataView& metadata) {
    const std::string& file = metadata.file();
    const auto name = metadata.text("general.architecture");
    if (!name) fail(MAMBA_BAD_FORMAT, quote(file), " lacks the metadata key 'general.architecture'");
    for (const std::string_view hybrid : gguf_hybrids) {
        if (*name == hybrid) {
            fail(MAMBA_UNSUPPORTED, quote(file), ": not yet supported: attention layers (architecture ", *name, "). Models that are all Mamba-1 or Mamba-2 layers run");
        }
    }
    ModelConfig config;
    config.architecture = architecture_of(metadata);
    if (config.architecture == MAMBA_ARCH_UNKNOWN) {
        fail(MAMBA_UNSUPPORTED, quote(file), ": the architecture ", quote(*name), " is not a Mamba model; mamba and mamba2 run");
    }
    const bool second = config.architecture == MAMBA_ARCH_MAMBA2;
    const std::string prefix = *name + ".";
    const auto number = [&](const char* key) { return metadata.require_integer(prefix + key); };
    const auto real = [&](const std::string& key, float otherwise) { return static_cast<float>(metadata.real(key).value_or(otherwise)); };
    const auto flag = [&](const char* key, bool otherwise) { return metadata.boolean(std::string(own) + key).value_or(otherwise); };
    config.layers = uniform_layers(file, second ? LayerKind::mamba2 : LayerKind::mamba1, number("block_count"), MAMBA_BAD_FORMAT);
    config.d_model = number("embedding_length");
    config.d_inner = number("ssm.inner_size");
    config.d_state = number("ssm.state_size");
    config.d_conv = number("ssm.conv_kernel");
    config.norm_eps = real(prefix + "attention.layer_norm_rms_epsilon", 1e-5f);
    config.use_bias = flag("use_bias", false);
    config.use_conv_bias = flag("use_conv_bias", true);
    config.training_length = metadata.integer(std::string(own) + "training_length").value_or(0);
    // A padded table's rows are what GGUF calls vocab_size.
    config.vocab_size = metadata.integer(std::string(own) + "vocab_size").value_or(metadata.integer(prefix + "vocab_size").value_or(0));
    if (second) {
        config.head_count = number("ssm.time_step_rank");
        if (config.head_count > 0) config.head_dim = config.d_inner / config.head_count;
        config.group_count = metadata.integer(prefix + "ssm.group_count").value_or(1);
        config.gated_norm = flag("gated_norm", true);
        config.norm_before_gate = flag("norm_before_gate", false);
        config.dt_min = real(std::string(own) + "time_step_min", config.dt_min);
        config.dt_max = real(std::string(own) + "time_step_max", config.dt_max);
    } else {
        config.dt_rank = number("ssm.time_step_rank");
        config.dt_b_c_norm = config.architecture == MAMBA_ARCH_FALCON_MAMBA;
        if (config.dt_b_c_norm) config.dt_b_c_norm_eps = real(std::string(own) + "dt_b_c_norm_epsilon", config.norm_eps);
    }
    check_config(file, config, MAMBA_BAD_FORMAT);
    return config;
}

std::vector<MetadataEntry> describe(const ModelConfig& config, WeightType type) {
    const bool second = config.architecture == MAMBA_ARCH_MAMBA2;
    const std::string name = second ? "mamba2" : "mamba";
    const std::string prefix = name + ".";
    const auto u32 = [](int64_t value) { return static_cast<uint32_t>(value); };
    std::vector<MetadataEntry> entries;
    entries.push_back(make_text("general.architecture", name));
    entries.push_back(make_u32("general.file_type", gguf_file_type(type)));
    entries.push_back(make_u32("general.quantization_version", quantization_version));
    entries.push_back(make_u32(prefix + "block_count", u32(config.layer_count())));
    entries.push_back(make_u32(prefix + "context_length", unlimited_context));
    entries.push_back(make_u32(prefix + "embedding_length", u32(config.d_model)));
    entries.push_back(make_u32(prefix + "feed_forward_length", 0));
    entries.push_back(make_u32(prefix + "attention.head_count", 0));
    entries.push_back(make_f32(prefix + "attention.layer_norm_rms_epsilon", config.norm_eps));
    entries.push_back(make_u32(prefix + "ssm.conv_kernel", u32(config.d_conv)));
    entries.push_back(make_u32(prefix + "ssm.inner_size", u32(config.d_inner)));
    entries.push_back(make_u32(prefix + "ssm.state_size", u32(config.d_state)));
    entries.push_back(make_u32(prefix + "ssm.time_step_rank", u32(second ? config.head_count : config.dt_rank)));
    if (second) {
        entries.push_back(make_u32(prefix + "ssm.group_count", u32(config.group_count)));
    } else {
        entries.push_back(make_boolean(prefix + "ssm.dt_b_c_rms", config.dt_b_c_norm));
    }
    entries.push_back(make_u32(prefix + "vocab_size", u32(config.padded_vocab_size)));

    const ModelConfig usual;
    const auto add = [&](bool unusual, MetadataEntry entry) {
        if (unusual) entries.push_back(std::move(entry));
    };
    const std::string ours = own;
    add(config.vocab_size != config.padded_vocab_size, make_u32(ours + "vocab_size", u32(config.vocab_size)));
    add(config.training_length != 0, make_u64(ours + "training_length", static_cast<uint64_t>(config.training_length)));
    add(config.use_bias, make_boolean(ours + "use_bias", true));
    add(!config.use_conv_bias, make_boolean(ours + "use_conv_bias", false));
    add(config.dt_b_c_norm && config.dt_b_c_norm_eps != config.norm_eps, make_f32(ours + "dt_b_c_norm_epsilon", config.dt_b_c_norm_eps));
    add(!config.gated_norm, make_boolean(ours + "gated_norm", false));
    add(config.norm_before_gate, make_boolean(ours + "norm_before_gate", true));
    add(config.dt_min != usual.dt_min, make_f32(ours + "time_step_min", config.dt_min));
    add(config.dt_max != usual.dt_max, make_f32(ours + "time_step_max", config.dt_max));
    return entries;
}

}  // namespace mamba
