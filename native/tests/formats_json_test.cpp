#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "model/hf_config.h"
#include "support/expect_error.h"

namespace mamba::test {
namespace {

Json parse(std::string_view text) {
    const std::string file = "config.json";
    return parse_json(file, text);
}

ModelConfig config(std::string_view text) {
    const std::string file = "config.json";
    return config_from_json(file, parse(text));
}

TEST(Json, ReadsWhatCheckpointsHold) {
    const Json json = parse(R"( {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "x\n\"\\\/\b\f\r\té😀"}, "d": [], "e": {}} )");
    const Json& a = *json.find("a");
    EXPECT_EQ(a.items[0].integer, 1);
    EXPECT_EQ(a.items[1].real, -2.5);
    EXPECT_EQ(a.items[2].real, 1000);
    EXPECT_TRUE(a.items[3].boolean);
    EXPECT_FALSE(a.items[4].boolean);
    EXPECT_TRUE(a.items[5].is(Json::Kind::null));
    EXPECT_EQ(json.find("b")->find("c")->text, "x\n\"\\/\b\f\r\t\xc3\xa9\xf0\x9f\x98\x80");
    EXPECT_EQ(json.find("none"), nullptr);
}

TEST(Json, ReadsPythonsBareNumbers) {
    const Json json = parse("[Infinity, -Infinity, NaN]");
    EXPECT_EQ(json.items[0].real, std::numeric_limits<double>::infinity());
    EXPECT_EQ(json.items[1].real, -std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isnan(json.items[2].real));
}

TEST(Json, RefusesWhatIsNotJson) {
    for (const char* text : {"", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "tru", "+1", "-", "1 2", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
                             "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "1e999", "{\"a\":1,}", "[\"\\u00g0\"]", "\"\\"}) {
        expect_error(MAMBA_BAD_FORMAT, {"config.json", "not valid JSON", "line"}, [&] { parse(text); });
    }
    expect_error(MAMBA_BAD_FORMAT, {"'a'", "twice"}, [] { parse(R"({"a": 1, "b": 2, "a": 3})"); });
    expect_error(MAMBA_BAD_FORMAT, {"line 3"}, [] { parse("{\n\"a\": 1,\n?"); });
}

TEST(Json, RefusesDeepNesting) {
    const std::string deep = std::string(100000, '[') + std::string(100000, ']');
    expect_error(MAMBA_BAD_FORMAT, {"64 levels of nesting"}, [&] { parse(deep); });
    const std::string allowed = std::string(64, '[') + std::string(64, ']');
    EXPECT_TRUE(parse(allowed).is(Json::Kind::array));
}

TEST(Json, RefusesMoreValuesThanAnyCheckpointHolds) {
    std::string many = "[0";
    for (int i = 0; i < 1 << 20; ++i) many += ",0";
    expect_error(MAMBA_BAD_FORMAT, {"1048576 values"}, [&] { parse(many + "]"); });
}

TEST(HuggingFaceConfig, TimeStepLimitsInEitherSpelling) {
    const std::string start = R"({"model_type": "mamba2", "num_hidden_layers": 1, "hidden_size": 64, "vocab_size": 8, "num_heads": 2, "n_groups": 1, "time_step_limit": )";
    for (const char* limit : {"[0.0, Infinity]}", R"([0.0, {"__float__": "Infinity"}]})"}) {
        const ModelConfig read = config(start + limit);
        EXPECT_EQ(read.dt_min, 0);
        EXPECT_EQ(read.dt_max, std::numeric_limits<float>::infinity());
    }
    const ModelConfig limited = config(start + "[0.001, 0.5]}");
    EXPECT_EQ(limited.dt_min, 0.001f);
    EXPECT_EQ(limited.dt_max, 0.5f);
    expect_error(MAMBA_BAD_FORMAT, {"time step", "no range"}, [&] { config(start + "[0.5, 0.1]}"); });
    expect_error(MAMBA_BAD_FORMAT, {"time step", "no range"}, [&] { config(start + "[NaN, 0.1]}"); });
    expect_error(MAMBA_BAD_FORMAT, {"time_step_limit", "pair"}, [&] { config(start + "[1]}"); });
    expect_error(MAMBA_BAD_FORMAT, {"time_step_limit", "no number"}, [&] { config(start + "[0, \"x\"]}"); });
}

TEST(HuggingFaceConfig, CodestralsShape) {
    const ModelConfig read = config(R"({"model_type": "mamba2", "architectures": ["Mamba2ForCausalLM"], "num_hidden_layers": 64, "hidden_size": 4096, "vocab_size": 32768,
        "n_groups": 8, "num_heads": 128, "head_dim": 64, "state_size": 128, "expand": 2, "conv_kernel": 4, "tie_word_embeddings": false, "mamba_connector": {"training_length": 4096}})");
    EXPECT_EQ(read.group_count, 8);
    EXPECT_EQ(read.d_inner, 8192);
    EXPECT_EQ(read.in_proj_rows(), 2 * 8192 + 2 * 8 * 128 + 128);
    EXPECT_FALSE(read.tied_embeddings);
    EXPECT_EQ(read.training_length, 4096);
}

TEST(HuggingFaceConfig, FalconsOwnWidth) {
    const ModelConfig read = config(R"({"model_type": "falcon_mamba", "num_hidden_layers": 64, "hidden_size": 4096, "intermediate_size": 8192, "expand": 16, "vocab_size": 65024,
        "time_step_rank": "auto", "tie_word_embeddings": false})");
    EXPECT_EQ(read.d_inner, 8192);
    EXPECT_EQ(read.dt_rank, 256);
    EXPECT_TRUE(read.dt_b_c_norm);
    EXPECT_EQ(read.dt_b_c_norm_eps, 1e-6f);
}

TEST(HuggingFaceConfig, NumbersThatCannotBeAreNamed) {
    const auto with = [](const std::string& rest) { return R"({"model_type": "mamba", "vocab_size": 8, )" + rest + "}"; };
    expect_error(MAMBA_BAD_FORMAT, {"lacks 'hidden_size'"}, [&] { config(with(R"("num_hidden_layers": 1)")); });
    expect_error(MAMBA_BAD_FORMAT, {"number of layers is -1"}, [&] { config(with(R"("num_hidden_layers": -1, "hidden_size": 8)")); });
    expect_error(MAMBA_BAD_FORMAT, {"number of layers is 1152921504606846976"}, [&] { config(with(R"("num_hidden_layers": 1152921504606846976, "hidden_size": 8)")); });
    expect_error(MAMBA_BAD_FORMAT, {"width"}, [&] { config(with(R"("num_hidden_layers": 1, "hidden_size": 1152921504606846976)")); });
    expect_error(MAMBA_BAD_FORMAT, {"'hidden_size' is no integer"}, [&] { config(with(R"("num_hidden_layers": 1, "hidden_size": "8")")); });
    expect_error(MAMBA_BAD_FORMAT, {"'use_bias'", "neither true nor false"}, [&] { config(with(R"("num_hidden_layers": 1, "hidden_size": 8, "use_bias": 1)")); });
    expect_error(MAMBA_BAD_FORMAT, {"d_state", "70000"}, [&] { config(with(R"("num_hidden_layers": 1, "hidden_size": 8, "state_size": 70000)")); });
    expect_error(MAMBA_BAD_FORMAT, {"epsilon"}, [&] { config(with(R"("num_hidden_layers": 1, "hidden_size": 8, "layer_norm_epsilon": NaN)")); });
    expect_error(MAMBA_UNSUPPORTED, {"activation 'gelu'"}, [&] { config(with(R"("num_hidden_layers": 1, "hidden_size": 8, "hidden_act": "gelu")")); });
    expect_error(MAMBA_BAD_FORMAT, {"3 heads of 64 channels", "128"}, [] {
        config(R"({"model_type": "mamba2", "num_hidden_layers": 1, "hidden_size": 64, "vocab_size": 8, "num_heads": 3, "n_groups": 1})");
    });
    expect_error(MAMBA_BAD_FORMAT, {"head_dim", "9223372036854775807"}, [] {
        config(R"({"model_type": "mamba2", "num_hidden_layers": 1, "hidden_size": 64, "vocab_size": 8, "num_heads": 2, "n_groups": 1, "head_dim": 9223372036854775807})");
    });
    expect_error(MAMBA_BAD_FORMAT, {"d_model", "9223372036854775807"}, [&] {
        config(with(R"("num_hidden_layers": 1, "hidden_size": 9223372036854775807, "intermediate_size": 16)"));
    });
    expect_error(MAMBA_BAD_FORMAT, {"no JSON object"}, [] { config("[]"); });
    expect_error(MAMBA_BAD_FORMAT, {"names no model_type"}, [] { config(R"({"hidden_size": 8})"); });
    expect_error(MAMBA_UNSUPPORTED, {"'llama'", "not a Mamba model"}, [] { config(R"({"model_type": "llama"})"); });
}

TEST(StateSpacesConfig, RecognisedBySsmCfg) {
    const ModelConfig first = config(R"({"d_model": 768, "n_layer": 24, "vocab_size": 50277, "ssm_cfg": {}, "rms_norm": true, "residual_in_fp32": true,
        "fused_add_norm": true, "pad_vocab_size_multiple": 8})");
    EXPECT_EQ(first.architecture, MAMBA_ARCH_MAMBA1);
    EXPECT_EQ(first.dt_rank, 48);
    EXPECT_EQ(first.d_inner, 1536);
    const ModelConfig second = config(R"({"d_model": 768, "n_layer": 24, "vocab_size": 50277, "ssm_cfg": {"layer": "Mamba2"}})");
    EXPECT_EQ(second.head_count, 24);
    EXPECT_EQ(second.d_state, 128);
}

TEST(StateSpacesConfig, WhatDoesNotRunIsNamed) {
    const std::string start = R"({"d_model": 768, "n_layer": 24, "vocab_size": 50277, )";
    expect_error(MAMBA_UNSUPPORTED, {"not yet supported: attention layers", "attn_layer_idx"}, [&] { config(start + R"("ssm_cfg": {"layer": "Mamba2"}, "attn_layer_idx": [9, 18]})"); });
    expect_error(MAMBA_UNSUPPORTED, {"'Mamba3'"}, [&] { config(start + R"("ssm_cfg": {"layer": "Mamba3"}})"); });
    expect_error(MAMBA_UNSUPPORTED, {"d_intermediate"}, [&] { config(start + R"("ssm_cfg": {}, "d_intermediate": 64})"); });
    expect_error(MAMBA_UNSUPPORTED, {"rms_norm"}, [&] { config(start + R"("ssm_cfg": {}, "rms_norm": false})"); });
    expect_error(MAMBA_UNSUPPORTED, {"D_has_hdim"}, [&] { config(start + R"("ssm_cfg": {"layer": "Mamba2", "D_has_hdim": true}})"); });
    expect_error(MAMBA_UNSUPPORTED, {"d_ssm"}, [&] { config(start + R"("ssm_cfg": {"layer": "Mamba2", "d_ssm": 64}})"); });
}

}  // namespace
}  // namespace mamba::test
