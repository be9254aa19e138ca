// GGUF files, right or wrong.
#pragma once

#include <string>
#include <vector>

#include "support/bytes_builder.h"

namespace mamba::test {

struct GgufTensor {
    std::string name;
    std::vector<uint64_t> dimensions;  // fastest first, as in the file
    uint32_t type = 0;
    uint64_t offset = 0;
};

struct GgufBuilder {
    uint32_t version = 3;
    std::string metadata;
    uint64_t key_count = 0;
    std::vector<GgufTensor> tensors;
    std::string data;

    GgufBuilder& text(std::string_view key, std::string_view value) {
        return record(key, 8, BytesBuilder().number<uint64_t>(value.size()).raw(value).bytes);
    }
    GgufBuilder& u32(std::string_view key, uint32_t value) { return record(key, 4, BytesBuilder().number(value).bytes); }
    GgufBuilder& f32(std::string_view key, float value) { return record(key, 6, BytesBuilder().number(value).bytes); }
    GgufBuilder& record(std::string_view key, uint32_t type, std::string_view value) {
        metadata += BytesBuilder().number<uint64_t>(key.size()).raw(key).number(type).raw(value).bytes;
        ++key_count;
        return *this;
    }
    // Places the tensor after the others, on a multiple of 32.
    GgufBuilder& tensor(const std::string& name, std::vector<uint64_t> dimensions, const std::vector<float>& values) {
        data.resize((data.size() + 31) / 32 * 32);
        tensors.push_back({name, std::move(dimensions), 0, data.size()});
        data += BytesBuilder().all(values).bytes;
        return *this;
    }
    GgufTensor& find(const std::string& name) {
        for (GgufTensor& tensor : tensors) {
            if (tensor.name == name) return tensor;
        }
        throw std::out_of_range(name);
    }
    std::string build() const {
        BytesBuilder out;
        out.raw("GGUF").number(version).number<uint64_t>(tensors.size()).number(key_count).raw(metadata);
        for (const GgufTensor& tensor : tensors) {
            out.number<uint64_t>(tensor.name.size()).raw(tensor.name).number<uint32_t>(static_cast<uint32_t>(tensor.dimensions.size()));
            out.all(tensor.dimensions).number(tensor.type).number(tensor.offset);
        }
        return out.align(32).raw(data).bytes;
    }
};

// A whole Mamba-2 model of one layer: d_model 4, two heads of 4, two states, a vocabulary of 3.
inline GgufBuilder tiny_mamba2() {
    const auto ramp = [](size_t count) {
        std::vector<float> values(count);
        for (size_t i = 0; i < count; ++i) values[i] = 0.01f * static_cast<float>(i % 7) - 0.02f;
        return values;
    };
    GgufBuilder gguf;
    gguf.text("general.architecture", "mamba2").u32("mamba2.block_count", 1).u32("mamba2.embedding_length", 4).u32("mamba2.ssm.conv_kernel", 4);
    gguf.u32("mamba2.ssm.inner_size", 8).u32("mamba2.ssm.state_size", 2).u32("mamba2.ssm.time_step_rank", 2).u32("mamba2.ssm.group_count", 1);
    gguf.f32("mamba2.attention.layer_norm_rms_epsilon", 1e-5f);
    gguf.tensor("token_embd.weight", {4, 3}, ramp(12)).tensor("output_norm.weight", {4}, ramp(4)).tensor("blk.0.attn_norm.weight", {4}, ramp(4));
    gguf.tensor("blk.0.ssm_in.weight", {4, 22}, ramp(88)).tensor("blk.0.ssm_conv1d.weight", {4, 12}, ramp(48));
    gguf.tensor("blk.0.ssm_conv1d.bias", {12}, ramp(12)).tensor("blk.0.ssm_dt.bias", {2}, ramp(2)).tensor("blk.0.ssm_a", {1, 2}, {-1.0f, -2.0f});
    gguf.tensor("blk.0.ssm_d", {1, 2}, {1.0f, 1.0f}).tensor("blk.0.ssm_norm.weight", {8, 1}, ramp(8)).tensor("blk.0.ssm_out.weight", {8, 4}, ramp(32));
    return gguf;
}

}  // namespace mamba::test
