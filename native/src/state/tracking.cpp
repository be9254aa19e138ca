#include "state/tracking.h"

#include <algorithm>

namespace mamba {
namespace {

constexpr const char* purpose = "the sums of a session's step sizes";

}  // namespace

void Tracking::start(int64_t count) {
    sums = Buffer<double>(static_cast<size_t>(count), purpose);
    tokens = 0;
}

void Tracking::stop() {
    sums = Buffer<double>();
    tokens = 0;
}

void Tracking::clear() {
    std::fill(sums.begin(), sums.end(), 0.0);
    tokens = 0;
}

void Tracking::assign(const Tracking& other) {
    if (sums.size() == other.sums.size()) sums.assign(other.sums);
    else sums = other.sums.clone(purpose);
    tokens = other.tokens;
}

void Tracking::add(int64_t begin, int64_t end, const float* dt, int64_t stride, int64_t dt_tokens) {
    double* const to = sums.data() + begin;
    const int64_t count = end - begin;
    for (int64_t t = 0; t < dt_tokens; ++t) {
        const float* row = dt + t * stride;
        for (int64_t i = 0; i < count; ++i) to[i] += static_cast<double>(row[i]);
    }
}

}  // namespace mamba
