#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/half.h"
#include "model/k_quants.h"
#include "model/quantize.h"

namespace mamba::test {
namespace {

using Floats = std::vector<float>;

template <typename Block>
constexpr WeightType type_of = std::is_same_v<Block, BlockQ6_K> ? WeightType::q6_k : WeightType::q4_k;

template <typename Block>
Floats decoded(const Block& block) {
    Floats out(Block::weights);
    decode_row(type_of<Block>, reinterpret_cast<const std::byte*>(&block), Block::weights, out.data());
    return out;
}

template <typename Block>
Floats coded(const Floats& in) {
    Block block;
    EXPECT_TRUE(encode_row(type_of<Block>, in.data(), Block::weights, reinterpret_cast<std::byte*>(&block)));
    return decoded(block);
}

template <typename Block>
bool encodable(const Floats& in) {
    Block block;
    return encode_row(type_of<Block>, in.data(), Block::weights, reinterpret_cast<std::byte*>(&block));
}

Floats normals(size_t count, float deviation) {
    std::mt19937 engine(7);
    std::normal_distribution<float> distribution(0, deviation);
    Floats values(count);
    for (float& value : values) value = distribution(engine);
    return values;
}

// Root of the mean squared error over that of the mean square.
template <typename Block>
double relative_error(const Floats& in) {
    double error = 0, squares = 0;
    for (size_t first = 0; first < in.size(); first += Block::weights) {
        const Floats block(in.begin() + static_cast<std::ptrdiff_t>(first), in.begin() + static_cast<std::ptrdiff_t>(first + Block::weights));
        const Floats out = coded<Block>(block);
        for (size_t i = 0; i < block.size(); ++i) {
            error += std::pow(static_cast<double>(block[i]) - out[i], 2);
            squares += std::pow(static_cast<double>(block[i]), 2);
        }
    }
    return std::sqrt(error / squares);
}

TEST(KQuants, Q6KIsWhatItsBytesSay) {
    BlockQ6_K block{};
    block.d = f32_to_f16(0.25f);
    block.scales[0] = 1;
    block.scales[5] = -128;
    block.scales[15] = 127;
    block.low[0] = 0x51;                // numbers 0 and 64: 1 and 5, each + 16 * high
    block.high[0] = 0b01'00'00'11;      // number 0: 3, number 96: 1
    block.low[32 + 20] = 0x0f;          // number 52 = 32 + 20
    block.high[20] = 0b00'00'10'00;     // number 52: 2
    block.low[64 + 32 + 31] = 0xf0;     // number 255 = 128 + 96 + 31
    block.high[32 + 31] = 0b11'00'00'00;
    Floats out = decoded(block);
    EXPECT_EQ(out[0], 0.25f * 1 * (1 + 48 - 32));
    EXPECT_EQ(out[1], 0.25f * 1 * -32);
    EXPECT_EQ(out[16], 0.0f);           // scale 0
    EXPECT_EQ(out[80], 0.25f * -128 * -32);
    EXPECT_EQ(out[255], 0.25f * 127 * (15 + 48 - 32));
    block.scales[3] = 2;                // numbers 48 .. 63
    block.scales[4] = 3;                // numbers 64 .. 79
    block.scales[6] = 4;                // numbers 96 .. 111
    out = decoded(block);
    EXPECT_EQ(out[52], 0.25f * 2 * (15 + 32 - 32));
    EXPECT_EQ(out[64], 0.25f * 3 * (5 - 32));
    EXPECT_EQ(out[96], 0.25f * 4 * (16 - 32));
}

TEST(KQuants, Q4KIsWhatItsBytesSay) {
    BlockQ4_K block{};
    block.d = f32_to_f16(0.5f);
    block.d_min = f32_to_f16(0.125f);
    block.scales[2] = 0b10'010101;      // group 2: scale 21; group 6: the scale's high bits 2
    block.scales[6] = 0b11'000111;      // group 2: minimum 7; group 6: the minimum's high bits 3
    block.scales[10] = 0x9a;            // group 6: low bits, scale 10, minimum 9
    block.n[32 + 3] = 0xb4;             // number 67 of group 2: 4, number 99 of group 3: 11
    block.n[96 + 31] = 0x2d;            // number 223 of group 6: 13, number 255 of group 7: 2
    const Floats out = decoded(block);
    EXPECT_EQ(out[67], 0.5f * 21 * 4 - 0.125f * 7);
    EXPECT_EQ(out[68], -0.125f * 7);
    EXPECT_EQ(out[99], 0.0f);           // group 3 has neither scale nor minimum
    EXPECT_EQ(out[223], 0.5f * 42 * 13 - 0.125f * 57);
    EXPECT_EQ(out[192], -0.125f * 57);
    EXPECT_EQ(out[255], 0.0f);
}

// The error of ggml's reference quantizers on normal weights is 1.771 % and 7.12 %.
TEST(KQuants, NormalWeightsLoseLittle) {
    const Floats in = normals(256 * 200, 0.05f);
    EXPECT_LT(relative_error<BlockQ6_K>(in), 0.0170);
    EXPECT_LT(relative_error<BlockQ4_K>(in), 0.0702);
}

// The relative error is the same at any magnitude that FP16 scales reach, and tiny weights lose no more than the smallest scale is.
TEST(KQuants, AnyMagnitude) {
    for (const float deviation : {1e-2f, 1.0f, 1e3f, 1e5f}) {
        EXPECT_LT(relative_error<BlockQ6_K>(normals(256 * 8, deviation)), 0.018) << deviation;
        EXPECT_LT(relative_error<BlockQ4_K>(normals(256 * 8, deviation)), 0.074) << deviation;
    }
    for (const float deviation : {1e-5f, 1e-6f, 1e-7f, 1e-12f, 1e-42f, 0.0f}) {
        const Floats in = normals(256, deviation), six = coded<BlockQ6_K>(in), four = coded<BlockQ4_K>(in);
        for (size_t i = 0; i < in.size(); ++i) {
            EXPECT_LE(std::fabs(in[i] - six[i]), std::max(0x1p-24f, 0.15f * deviation)) << deviation;
            EXPECT_LE(std::fabs(in[i] - four[i]), std::max(0x1p-23f, 0.4f * deviation)) << deviation;
        }
    }
}

TEST(KQuants, GroupsOfEveryKind) {
    // One group a kind: zeros, one constant of each sign, an outlier alone, an outlier among small ones, weights of one sign, a ramp.
    Floats in(256, 0.0f);
    for (size_t i = 0; i < 32; ++i) {
        in[32 + i] = 0.75f;
        in[64 + i] = -0.75f;
        in[128 + i] = 0.01f * static_cast<float>(i % 3);
        in[160 + i] = 1.0f + 0.01f * static_cast<float>(i);
        in[192 + i] = -1.0f - 0.01f * static_cast<float>(i);
        in[224 + i] = 0.05f * (static_cast<float>(i) - 16);
    }
    in[96] = 2.0f;
    in[130] = -1.5f;
    const Floats six = coded<BlockQ6_K>(in), four = coded<BlockQ4_K>(in);
    for (size_t i = 0; i < in.size(); ++i) {
        const size_t group = i / 32 * 32;
        float low = 0, high = 0;
        for (size_t k = group; k < group + 32; ++k) {
            low = std::min(low, in[k]);
            high = std::max(high, in[k]);
        }
        // Three quarters of a step, and the rounding of the group's scale and minimum.
        EXPECT_LE(std::fabs(in[i] - six[i]), 0.75f * std::max(-low, high) / 31 + 0.01f) << i;
        EXPECT_LE(std::fabs(in[i] - four[i]), 0.75f * (high - low) / 15 + 0.02f) << i;
    }
    for (size_t i = 0; i < 32; ++i) EXPECT_EQ(six[i], 0.0f);
}

TEST(KQuants, WhatNoBlockHoldsIsRefused) {
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY, 1e30f, -3e8f, 2.7e8f}) {
        for (const size_t place : {0, 100, 255}) {
            Floats in = normals(256, 0.1f);
            in[place] = bad;
            EXPECT_FALSE(encodable<BlockQ6_K>(in)) << bad;
            EXPECT_FALSE(encodable<BlockQ4_K>(in)) << bad;
        }
    }
    // The largest of each: 65504 * 128 * 31 on both sides; 65504 * 63 below zero, and a range of 65504 * 63 * 15 in a group.
    Floats in(256, 0.0f);
    in[9] = -2.599e8f;
    in[10] = in[200] = 2.599e8f;
    for (const size_t i : {9, 10, 200}) EXPECT_NEAR(coded<BlockQ6_K>(in)[i] / in[i], 1, 0.02);
    in[9] = -4.1e6f;
    in[10] = 0;
    in[200] = 6.1e7f;
    for (const size_t i : {9, 200}) EXPECT_NEAR(coded<BlockQ4_K>(in)[i] / in[i], 1, 0.05);
    in[201] = in[9];
    EXPECT_FALSE(encodable<BlockQ4_K>(in));
    in[201] = 0;
    in[9] = -4.2e6f;
    EXPECT_FALSE(encodable<BlockQ4_K>(in));
    // A row is refused for one of its blocks.
    Floats row = normals(512, 0.1f);
    row[300] = INFINITY;
    std::vector<std::byte> bytes(row_bytes(WeightType::q6_k, 512));
    EXPECT_FALSE(encode_row(WeightType::q6_k, row.data(), 512, bytes.data()));
    EXPECT_FALSE(encode_row(WeightType::q4_k, row.data(), 512, bytes.data()));
}

}  // namespace
}  // namespace mamba::test
