#include "state/tracking.h"

#include <algorithm>

namespace mamba {
namespace {

constexpr const char* purpose = "the sums of a session's step sizes";

}  // namespace

void Tracking::start(int64_t sum_count, DeviceStates* device) {
    if (device != nullptr) {
        DeviceSums fresh(*device);
        fresh.write(nullptr);
        on_device = std::move(fresh);
    } else {
        sums = Buffer<double>(static_cast<size_t>(sum_count), purpose);
    }
    count = sum_count;
    tokens = 0;
}

void Tracking::stop() { *this = Tracking(); }

void Tracking::clear() {
    if (on_device.states() != nullptr) on_device.write(nullptr);
    std::fill(sums.begin(), sums.end(), 0.0);
    tokens = 0;
}

void Tracking::assign(const Tracking& other) {
    if (!other.on()) return stop();
    if (other.on_device.states() != nullptr) {
        if (on_device.states() == nullptr) on_device = DeviceSums(*other.on_device.states());
        on_device.assign(other.on_device);
    } else if (sums.size() == other.sums.size()) {
        sums.assign(other.sums);
    } else {
        sums = other.sums.clone(purpose);
    }
    count = other.count;
    tokens = other.tokens;
}

void Tracking::read(double* values) const {
    if (on_device.states() != nullptr) on_device.read(values);
    else std::copy(sums.begin(), sums.end(), values);
}

void Tracking::write(const double* values) {
    if (on_device.states() != nullptr) on_device.write(values);
    else std::copy_n(values, sums.size(), sums.begin());
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
