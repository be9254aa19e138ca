#include "model/hf_config.h"

#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "model/config_check.h"

namespace mamba {
namespace {

// Models that mix Mamba layers with others. They are named here so that the refusal can say what is missing.
constexpr std::string_view hugging_face_hybrids[] = {"granitemoehybrid", "bamba", "falcon_h1", "nemotron_h", "jamba", "zamba2", "zamba"};

// Typed access to the members of one object of config.json.
class Section {
public:
    Section(const std::string& file, const Json& object) : file_(file), object_(object) {
        if (!object.is(Json::Kind::object)) fail(MAMBA_BAD_FORMAT, quote(file), " is no JSON object");
    }

    // NULL also for null, which Python writes for None.
    const Json* find(std::string_view key) const {
        const Json* value = object_.find(key);
        return value != nullptr && value->is(Json::Kind::null) ? nullptr : value;
    }
    int64_t integer(std::string_view key, int64_t otherwise) const {
        const Json* value = find(key);
        if (value == nullptr) return otherwise;
        if (value->is(Json::Kind::real) && std::fabs(value->real) < 0x1p53 && value->real == std::floor(value->real)) return static_cast<int64_t>(value->real);
        if (!value->is(Json::Kind::integer)) refuse(key, "is no integer");
        return value->integer;
    }
    int64_t require_integer(std::string_view key) const {
        if (find(key) == nullptr) fail(MAMBA_BAD_FORMAT, quote(file_), " lacks ", quote(key));
        return integer(key, 0);
    }
    bool boolean(std::string_view key, bool otherwise) const {
        const Json* value = find(key);
        if (value == nullptr) return otherwise;
        if (!value->is(Json::Kind::boolean)) refuse(key, "is neither true nor false");
        return value->boolean;
    }
    float real(std::string_view key, float otherwise) const {
        const Json* value = find(key);
        return value == nullptr ? otherwise : number(key, *value);
    }
    std::string text(std::string_view key, std::string_view otherwise) const {
        const Json* value = find(key);
        if (value == nullptr) return std::string(otherwise);
        if (!value->is(Json::Kind::text)) refuse(key, "is no string");
        return value->text;
    }
    // [low, high]; newer files write {"__float__": "Infinity"} where older ones write a bare Infinity.
    void range(std::string_view key, float& low, float& high) const {
        const Json* value = find(key);
        if (value == nullptr) return;
        if (!value->is(Json::Kind::array) || value->items.size() != 2) refuse(key, "is no pair of numbers");
        low = number(key, value->items[0]);
        high = number(key, value->items[1]);
    }
    [[noreturn]] void refuse(std::string_view key, const char* what) const { fail(MAMBA_BAD_FORMAT, quote(file_), ": ", quote(key), " ", what); }
    const std::string& file() const noexcept { return file_; }

private:
    float number(std::string_view key, const Json& value) const {
        if (value.is_number()) return static_cast<float>(value.real);
        const Json* special = value.find("__float__");
        if (special != nullptr && special->is(Json::Kind::text)) {
            if (special->text == "Infinity") return std::numeric_limits<float>::infinity();
            if (special->text == "-Infinity") return -std::numeric_limits<float>::infinity();
            if (special->text == "NaN") return std::numeric_limits<float>::quiet_NaN();
        }
        refuse(key, "is no number");
    }

    const std::string& file_;
    const Json& object_;
};

int64_t multiply(const Section& config, int64_t factor, int64_t width) {
    if (factor < 1 || width < 1 || factor > (1 << 24) || width > (1 << 24)) {
        fail(MAMBA_BAD_FORMAT, quote(config.file()), ": a width of ", width, " expanded ", factor, " times is no width");
    }
    return factor * width;
}

int64_t dt_rank(const Section& config, const char* key, int64_t d_model) {
    const Json* value = config.find(key);
    if (value == nullptr || (value->is(Json::Kind::text) && value->text == "auto")) return d_model / 16 + (d_model % 16 > 0 ? 1 : 0);  // d_model is not checked yet
    return config.integer(key, 0);
}

void refuse_attention(const std::string& file, const std::string& what) {
    fail(MAMBA_UNSUPPORTED, quote(file), ": not yet supported: attention layers (", what, "). Models that are all Mamba-1 or Mamba-2 layers run");
}

void read_training_length(const Section& section, ModelConfig& config) {
    if (const Json* own = section.find("mamba_connector")) config.training_length = Section(section.file(), *own).integer("training_length", 0);
}

ModelConfig hugging_face(const Section& section, const std::string& model_type) {
    for (const std::string_view hybrid : hugging_face_hybrids) {
        if (model_type == hybrid) refuse_attention(section.file(), "model_type " + model_type);
    }
    ModelConfig config;
    LayerKind kind = LayerKind::mamba1;
    if (model_type == "mamba") {
        config.architecture = MAMBA_ARCH_MAMBA1;
    } else if (model_type == "falcon_mamba") {
        config.architecture = MAMBA_ARCH_FALCON_MAMBA;
    } else if (model_type == "mamba2") {
        config.architecture = MAMBA_ARCH_MAMBA2;
        kind = LayerKind::mamba2;
    } else {
        fail(MAMBA_UNSUPPORTED, quote(section.file()), ": the model_type ", quote(model_type), " is not a Mamba model; mamba, mamba2 and falcon_mamba run");
    }
    const std::string activation = section.text("hidden_act", "silu");
    if (activation != "silu" && activation != "swish") {
        fail(MAMBA_UNSUPPORTED, quote(section.file()), ": not yet supported: the activation ", quote(activation));
    }
    const bool second = kind == LayerKind::mamba2;
    config.layers = uniform_layers(section.file(), kind, section.require_integer("num_hidden_layers"), MAMBA_BAD_FORMAT);
    config.d_model = section.require_integer("hidden_size");
    config.vocab_size = section.require_integer("vocab_size");
    config.d_state = section.integer("state_size", second ? 128 : 16);
    config.d_conv = section.integer("conv_kernel", 4);
    config.norm_eps = section.real("layer_norm_epsilon", 1e-5f);
    config.use_bias = section.boolean("use_bias", false);
    config.use_conv_bias = section.boolean("use_conv_bias", true);
    config.tied_embeddings = section.boolean("tie_word_embeddings", !second);
    const int64_t expand = section.integer("expand", 2);
    if (second) {
        config.d_inner = multiply(section, expand, config.d_model);
        config.head_count = section.integer("num_heads", 128);
        config.head_dim = section.integer("head_dim", 64);
        config.group_count = section.integer("n_groups", 8);
        config.gated_norm = section.boolean("rms_norm", true);
        config.norm_before_gate = section.boolean("norm_before_gate", false);
        section.range("time_step_limit", config.dt_min, config.dt_max);
    } else {
        // Falcon-Mamba says 16 for `expand` and means intermediate_size.
        config.d_inner = section.find("intermediate_size") != nullptr ? section.integer("intermediate_size", 0) : multiply(section, expand, config.d_model);
        config.dt_rank = dt_rank(section, "time_step_rank", config.d_model);
        config.dt_b_c_norm = config.architecture == MAMBA_ARCH_FALCON_MAMBA;
        if (config.dt_b_c_norm) config.dt_b_c_norm_eps = section.real("mixer_rms_eps", 1e-6f);
    }
    read_training_length(section, config);
    return config;
}

// mamba_ssm/models/config_mamba.py; the keys of ssm_cfg are the constructor arguments of Mamba and Mamba2.
ModelConfig state_spaces(const Section& section) {
    static const Json empty = [] {
        Json object;
        object.kind = Json::Kind::object;
        return object;
    }();
    const auto refuse = [&](const auto&... what) { fail(MAMBA_UNSUPPORTED, quote(section.file()), ": not yet supported: ", what...); };
    const Json* ssm_json = section.find("ssm_cfg");
    const Section ssm(section.file(), ssm_json != nullptr ? *ssm_json : empty);
    const std::string layer = ssm.text("layer", "Mamba1");
    if (layer != "Mamba1" && layer != "Mamba2") refuse("layers of kind ", quote(layer), " (ssm_cfg.layer)");
    const Json* attention = section.find("attn_layer_idx");
    if (attention != nullptr && !attention->items.empty()) refuse_attention(section.file(), "attn_layer_idx names " + std::to_string(attention->items.size()));
    if (section.integer("d_intermediate", 0) != 0) refuse("MLP layers (d_intermediate)");
    if (!section.boolean("rms_norm", true)) refuse("LayerNorm in the place of RMSNorm (rms_norm false)");
    if (ssm.boolean("D_has_hdim", false)) refuse("a skip D for every channel (D_has_hdim)");

    ModelConfig config;
    const bool second = layer == "Mamba2";
    config.architecture = second ? MAMBA_ARCH_MAMBA2 : MAMBA_ARCH_MAMBA1;
    config.layers = uniform_layers(section.file(), second ? LayerKind::mamba2 : LayerKind::mamba1, section.require_integer("n_layer"), MAMBA_BAD_FORMAT);
    config.d_model = section.require_integer("d_model");
    config.vocab_size = section.require_integer("vocab_size");
    config.d_inner = multiply(section, ssm.integer("expand", 2), config.d_model);
    config.d_state = ssm.integer("d_state", second ? 128 : 16);
    config.d_conv = ssm.integer("d_conv", 4);
    config.use_bias = ssm.boolean("bias", false);
    config.use_conv_bias = ssm.boolean("conv_bias", true);
    config.tied_embeddings = section.boolean("tie_embeddings", true);
    if (second) {
        if (ssm.integer("d_ssm", config.d_inner) != config.d_inner) refuse("an MLP inside the Mamba-2 layers (ssm_cfg.d_ssm)");
        config.head_dim = ssm.integer("headdim", 64);
        config.head_count = config.head_dim > 0 ? config.d_inner / config.head_dim : 0;
        config.group_count = ssm.integer("ngroups", 1);
        config.gated_norm = ssm.boolean("rmsnorm", true);
        config.norm_before_gate = ssm.boolean("norm_before_gate", false);
        ssm.range("dt_limit", config.dt_min, config.dt_max);
    } else {
        config.dt_rank = dt_rank(ssm, "dt_rank", config.d_model);
    }
    read_training_length(section, config);
    return config;
}

}  // namespace

ModelConfig config_from_json(const std::string& file, const Json& json) {
    const Section section(file, json);
    ModelConfig config;
    if (section.find("model_type") != nullptr) {
        config = hugging_face(section, section.text("model_type", ""));
    } else if (section.find("ssm_cfg") != nullptr || (section.find("d_model") != nullptr && section.find("n_layer") != nullptr)) {
        config = state_spaces(section);
    } else {
        fail(MAMBA_BAD_FORMAT, quote(file), " names no model_type and has no ssm_cfg: it does not describe a Mamba model");
    }
    check_config(file, config, MAMBA_BAD_FORMAT);
    if (config.vocab_size == 0) fail(MAMBA_BAD_FORMAT, quote(file), ": the vocabulary size is 0");
    return config;
}

}  // namespace mamba
