// What the kernel tests share: the tables that can run here, random data, weights of every type, and how results compare.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/kernels.h"
#include "base/half.h"
#include "base/platform.h"
#include "support/pace.h"

namespace mamba::testing {

using Floats = std::vector<float>;

using test::runs_slowly;

// Vector tables of this build that this processor runs; on others the scalar one, so that a loop is never empty.
inline std::vector<const Kernels*> vector_tables() {
    std::vector<const Kernels*> tables;
    if (avx2_kernels() != nullptr && platform::cpu_features().avx2) tables.push_back(avx2_kernels());
    if (avx512_kernels() != nullptr && platform::cpu_features().avx512) tables.push_back(avx512_kernels());
    if (amx_kernels() != nullptr && platform::allow_amx()) tables.push_back(amx_kernels());
    if (neon_kernels() != nullptr) tables.push_back(neon_kernels());
    if (tables.empty()) tables.push_back(&scalar_kernels());
    return tables;
}

// The same for matmul, in which tables of one instruction set can differ.
inline std::vector<const Kernels*> matmul_tables() {
    std::vector<const Kernels*> tables = vector_tables();
    const platform::CpuFeatures features = platform::cpu_features();
    const Kernels* const plain = neon_kernels(NeonProducts::plain);
    const Kernels* const dotprod = neon_kernels(NeonProducts::dotprod);
    if (plain != nullptr && plain != tables.back()) tables.push_back(plain);
    if (dotprod != nullptr && dotprod != tables.back() && features.dotprod) tables.push_back(dotprod);
    if (avx2_kernels(false) != nullptr && features.avx2 && features.avx_vnni) tables.push_back(avx2_kernels(false));
    if (avx512_kernels(false) != nullptr && features.avx512 && features.avx512_vnni) tables.push_back(avx512_kernels(false));
    return tables;
}

// Tables that multiply Q8_0 by whole numbers of 16 bits.
inline bool has_q8_pairs(const Kernels* kernels) {
    for (const auto table : {static_cast<const Kernels* (*)(bool)>(avx2_kernels), static_cast<const Kernels* (*)(bool)>(avx512_kernels)}) {
        const Kernels* const vnni = table(true);
        if (vnni != nullptr && kernels->matmul == vnni->matmul) return true;
    }
    return false;
}

class Random {
public:
    explicit Random(uint32_t seed) : engine_(seed) {}
    float normal(float scale = 1) { return std::normal_distribution<float>(0, scale)(engine_); }
    float uniform(float low, float high) { return std::uniform_real_distribution<float>(low, high)(engine_); }
    int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
    Floats normals(int64_t n, float scale = 1) {
        Floats values(static_cast<size_t>(n));
        for (float& v : values) v = normal(scale);
        return values;
    }
    Floats uniforms(int64_t n, float low, float high) {
        Floats values(static_cast<size_t>(n));
        for (float& v : values) v = uniform(low, high);
        return values;
    }

private:
    std::mt19937 engine_;
};

inline constexpr auto& weight_types = all_weight_types;

// A random matrix; its rows begin at an odd multiple of the element's alignment, as in a mapped file.
class Weights {
public:
    Weights(WeightType type, int64_t rows, int64_t cols, Random& random) {
        matrix_ = {type, rows, cols, row_bytes(type, cols), nullptr};
        const size_t offset = block_shape(type).bytes == 4 ? 4 : 2;
        data_.resize(offset + matrix_.bytes());
        std::byte* place = data_.data() + offset;
        matrix_.data = place;
        for (int64_t i = 0; i < rows * cols; i += block_shape(type).weights, place += block_shape(type).bytes) {
            if (type == WeightType::f32) put(place, random.normal(0.1f));
            else if (type == WeightType::f16) put(place, f32_to_f16(random.normal(i % 7 == 0 ? 1e-6f : 0.1f)));  // some subnormal
            else if (type == WeightType::bf16) put(place, f32_to_bf16(random.normal(0.1f)));
            else if (type == WeightType::q6_k) put(place, q6_k(random, i));
            else if (type == WeightType::q4_k) put(place, q4_k(random, i));
            else {
                BlockQ8_0 block{f32_to_f16(random.normal(i % 96 == 0 ? 2e-5f : 2e-3f)), {}};
                for (int8_t& q : block.q) q = static_cast<int8_t>(random.integer(-128, 127));
                put(place, block);
            }
        }
    }
    const Matrix& matrix() const { return matrix_; }

private:
    // Every bit of a block random, but for the exponent of its scales; some of them subnormal.
    static BlockQ6_K q6_k(Random& random, int64_t i) {
        BlockQ6_K block;
        randomize(block, random);
        block.d = f32_to_f16(random.normal(i % 768 == 0 ? 2e-6f : 5e-5f));
        return block;
    }
    static BlockQ4_K q4_k(Random& random, int64_t i) {
        BlockQ4_K block;
        randomize(block, random);
        block.d = f32_to_f16(random.normal(i % 768 == 0 ? 5e-6f : 5e-4f));
        block.d_min = f32_to_f16(random.normal(i % 768 == 256 ? 5e-6f : 2e-3f));
        return block;
    }
    template <typename Block>
    static void randomize(Block& block, Random& random) {
        std::byte bytes[sizeof block];
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.integer(0, 255));
        std::memcpy(&block, bytes, sizeof block);
    }
    template <typename T>
    static void put(std::byte* place, const T& value) {
        std::memcpy(place, &value, sizeof value);
    }
    std::vector<std::byte> data_;
    Matrix matrix_;
};

inline bool same_bits(const Floats& a, const Floats& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Largest difference over the largest expected magnitude.
inline double error(const Floats& actual, const Floats& expected) {
    double difference = 0, magnitude = 1e-30;
    for (size_t i = 0; i < expected.size(); ++i) {
        if (!std::isfinite(actual[i]) || !std::isfinite(expected[i])) return INFINITY;
        difference = std::max(difference, std::fabs(static_cast<double>(actual[i]) - expected[i]));
        magnitude = std::max(magnitude, std::fabs(static_cast<double>(expected[i])));
    }
    return actual.size() == expected.size() ? difference / magnitude : INFINITY;
}

}  // namespace mamba::testing
