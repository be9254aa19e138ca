// What the programs of this folder say of their results, and values of 16 bits on the host.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "mamba/c_api.h"

namespace {

int failures = 0;
std::mt19937 random_numbers(20261122);

uint16_t bits_of(float v, int32_t type) {
    uint16_t bits = 0;
    if (type == MAMBA_WEIGHT_BF16) {
        const __nv_bfloat16 narrow = __float2bfloat16(v);
        std::memcpy(&bits, &narrow, 2);
    } else {
        const __half narrow = __float2half(v);
        std::memcpy(&bits, &narrow, 2);
    }
    return bits;
}

float value_of(uint16_t bits, int32_t type) {
    if (type == MAMBA_WEIGHT_BF16) return __bfloat162float(__nv_bfloat16(__nv_bfloat16_raw{bits}));
    return __half2float(__half(__half_raw{bits}));
}

// ||got - wanted|| / ||wanted||; NaN anywhere gives infinity.
struct Difference {
    double difference = 0, size = 0;
    void add(double got, double wanted) {
        if (!std::isfinite(got)) difference = INFINITY;
        difference += (got - wanted) * (got - wanted);
        size += wanted * wanted;
    }
    double value() const { return std::sqrt(difference / size); }
};

void expect(const std::string& what, double difference, double most) {
    const bool good = difference <= most;  // NaN is not
    if (!good) ++failures;
    if (!good || std::getenv("MAMBA_TEST_VERBOSE") != nullptr) {
        std::printf("%s %-72s %.2e (most %.0e)\n", good ? "ok  " : "FAIL", what.c_str(), difference, most);
    }
}

}  // namespace
