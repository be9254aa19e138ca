// The kernel of Mamba-1's steps against float64 on the host; with "time", what they take on this device at the sizes of 2.8B. Stands alone:
//   nvcc -O3 -std=c++17 -arch=sm_90 -Inative/src -Inative/include native/tests/cuda/mamba1_step_test.cu
//        native/src/backends/cuda/mamba1_step.cu
// Exit code 1: something is wrong.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backends/cuda/mamba1_step.h"
#include "backends/cuda/memory.h"
#include "checks.h"

using namespace mamba::cuda;

namespace {

// Numbers of a type on the host, as they are after rounding, and on the device.
struct Values {
    int32_t type;
    std::vector<float> host;
    DeviceArray<unsigned char> device;

    Values(int32_t type_, size_t count, float scale) : type(type_), host(count), device(count * bytes(type_), "a test") {
        std::normal_distribution<float> normal(0, scale);
        for (float& v : host) v = normal(random_numbers);
        send();
    }
    static size_t bytes(int32_t type) { return type == MAMBA_WEIGHT_F32 ? 4 : 2; }
    void send() {
        if (type == MAMBA_WEIGHT_F32) {
            check(cudaMemcpy(device.data(), host.data(), device.bytes(), cudaMemcpyHostToDevice), "sending");
            return;
        }
        std::vector<uint16_t> bits(host.size());
        for (size_t i = 0; i < bits.size(); ++i) {
            bits[i] = bits_of(host[i], type);
            host[i] = value_of(bits[i], type);
        }
        check(cudaMemcpy(device.data(), bits.data(), device.bytes(), cudaMemcpyHostToDevice), "sending");
    }
    void fetch() {
        if (type == MAMBA_WEIGHT_F32) {
            check(cudaMemcpy(host.data(), device.data(), device.bytes(), cudaMemcpyDeviceToHost), "fetching");
            return;
        }
        std::vector<uint16_t> bits(host.size());
        check(cudaMemcpy(bits.data(), device.data(), device.bytes(), cudaMemcpyDeviceToHost), "fetching");
        for (size_t i = 0; i < bits.size(); ++i) host[i] = value_of(bits[i], type);
    }
    void poison() {
        check(cudaMemset(device.data(), 0xff, device.bytes()), "poisoning");  // NaN
    }
    float* floats(size_t index = 0) const { return reinterpret_cast<float*>(device.data()) + index; }
};

struct Case {
    int32_t type, d_inner, dt_rank, d_conv, rows;
    bool norms, bias, narrow;
};

constexpr int states = mamba1_step_states;

// One layer's weights, inputs and sessions.
struct Layer {
    const Case t;
    const int columns, rank_stride;
    const int64_t stride, window, ssm, slot;
    Values projected, conv, conv_bias, x_proj, dt_proj, dt_bias, a, d, r_norm, b_norm, c_norm, kept, y;
    DeviceArray<unsigned> arrived;
    std::vector<Part> host_parts;
    DeviceArray<Part> parts;

    explicit Layer(const Case& c)
        : t(c), columns(c.dt_rank + 2 * states), rank_stride(c.dt_rank + 8), stride(2 * c.d_inner + 32), window(64),
          ssm(window + static_cast<int64_t>(round_up(size(c.d_conv, c.d_inner), 32))), slot(ssm + c.d_inner * states),
          projected(MAMBA_WEIGHT_F32, size(c.rows, stride), 1), conv(MAMBA_WEIGHT_F32, size(c.d_conv, c.d_inner), 0.5f),
          conv_bias(MAMBA_WEIGHT_F32, size(c.d_inner), 0.3f),
          x_proj(c.type, size(columns, c.d_inner), 2 / std::sqrt(static_cast<float>(c.d_inner))),
          dt_proj(c.type, size(c.d_inner, rank_stride), 1 / std::sqrt(static_cast<float>(c.dt_rank))),
          dt_bias(MAMBA_WEIGHT_F32, size(c.d_inner), 2), a(MAMBA_WEIGHT_F32, size(c.d_inner, states), 1),
          d(MAMBA_WEIGHT_F32, size(c.d_inner), 1), r_norm(MAMBA_WEIGHT_F32, size(c.dt_rank), 1),
          b_norm(MAMBA_WEIGHT_F32, states, 1), c_norm(MAMBA_WEIGHT_F32, states, 1), kept(MAMBA_WEIGHT_F32, size(c.rows, slot), 1),
          y(c.narrow ? c.type : static_cast<int32_t>(MAMBA_WEIGHT_F32), size(c.rows, c.d_inner), 1),
          arrived(static_cast<size_t>(2 * c.rows), "a test"), parts(static_cast<size_t>(c.rows), "a test") {
        for (float& value : a.host) value = -std::exp(0.7f * value);
        a.send();
        dt_bias.host[1] = 25;  // beyond softplus's bend
        dt_bias.host[2] = -12;
        dt_bias.send();
        check(cudaMemset(arrived.data(), 0, arrived.bytes()), "clearing");
        y.poison();
        for (int i = 0; i < t.rows; ++i) host_parts.push_back({kept.floats(size(i, slot)), i, 1, i % t.d_conv, 0, 0, 0});
        check(cudaMemcpy(parts.data(), host_parts.data(), parts.bytes(), cudaMemcpyHostToDevice), "sending");
    }
    template <typename... Factors>
    static size_t size(Factors... factors) { return (static_cast<size_t>(factors) * ...); }

    Batch batch() const { return {nullptr, nullptr, parts.data(), t.rows, t.rows}; }
    Mamba1Step arguments(float* shares) const {
        Mamba1Step p{};
        p.type = t.type, p.d_inner = t.d_inner, p.d_conv = t.d_conv, p.dt_rank = t.dt_rank;
        p.projected = projected.floats(), p.projected_stride = stride;
        p.conv_weight = conv.floats(), p.conv_bias = t.bias ? conv_bias.floats() : nullptr;
        p.x_proj = x_proj.device.data(), p.x_proj_stride = t.d_inner, p.dt_proj = dt_proj.device.data(), p.dt_proj_stride = rank_stride;
        p.dt_bias = dt_bias.floats(), p.a = a.floats(), p.d = d.floats();
        p.norms = t.norms, p.dt_norm = r_norm.floats(), p.b_norm = t.bias ? b_norm.floats() : nullptr, p.c_norm = c_norm.floats();
        p.norm_eps = 1e-6f;
        p.window = window, p.state = ssm;
        p.shares = shares, p.arrived = arrived.data(), p.y = y.device.data(), p.narrow = t.narrow;
        return p;
    }
};

void test(const Queue& queue, const Case& t) {
    const auto size = [](auto... factors) { return Layer::size(factors...); };
    Layer layer(t);
    const std::vector<float> before = layer.kept.host;
    const DeviceArray<float> shares(mamba1_step_bytes(queue, t.d_inner, t.dt_rank, t.rows) / sizeof(float), "a test");
    check(cudaMemset(shares.data(), 0xff, shares.bytes()), "poisoning");
    const Mamba1Step p = layer.arguments(shares.data());
    mamba1_step(queue, layer.batch(), p);
    check(cudaDeviceSynchronize(), "the kernel");
    for (Values* values : {&layer.y, &layer.kept}) values->fetch();

    Difference y_difference, state_difference, window_difference;
    const int di = t.d_inner, rank = t.dt_rank;
    for (int row = 0; row < t.rows; ++row) {
        const int phase = row % t.d_conv;
        const float* const old = before.data() + size(row, layer.slot);
        const float* const kept = layer.kept.host.data() + size(row, layer.slot);
        const float* const u = layer.projected.host.data() + size(row, layer.stride);
        std::vector<float> v(size(di));
        for (int channel = 0; channel < di; ++channel) {
            double sum = t.bias ? layer.conv_bias.host[size(channel)] : 0.0;
            for (int k = 0; k < t.d_conv; ++k) {
                const int from = (phase + 1 + k) % t.d_conv;
                const double in = k + 1 == t.d_conv ? u[channel] : old[layer.window + from * di + channel];
                sum += layer.conv.host[size(k, di) + size(channel)] * in;
                window_difference.add(kept[layer.window + from * di + channel], in);
            }
            v[size(channel)] = value_of(bits_of(static_cast<float>(sum / (1 + std::exp(-sum))), t.type), t.type);
        }
        std::vector<double> small(size(layer.columns));
        for (int col = 0; col < layer.columns; ++col) {
            double sum = 0;
            for (int i = 0; i < di; ++i) sum += static_cast<double>(v[i]) * layer.x_proj.host[size(col, di) + size(i)];
            small[size(col)] = sum;
        }
        const auto norm = [&](int first, int count, const float* weight) {
            double squares = 0;
            for (int i = 0; i < count; ++i) squares += small[size(first + i)] * small[size(first + i)];
            const double scale = 1 / std::sqrt(squares / count + 1e-6);
            for (int i = 0; i < count; ++i) small[size(first + i)] *= scale * (weight != nullptr ? weight[i] : 1.0f);
        };
        if (t.norms) {
            norm(0, rank, layer.r_norm.host.data());
            norm(rank, states, t.bias ? layer.b_norm.host.data() : nullptr);
            norm(rank + states, states, layer.c_norm.host.data());
        }
        for (int i = 0; i < rank; ++i) small[size(i)] = value_of(bits_of(static_cast<float>(small[size(i)]), t.type), t.type);
        for (int channel = 0; channel < di; ++channel) {
            double dt = layer.dt_bias.host[size(channel)];
            for (int i = 0; i < rank; ++i) dt += small[size(i)] * layer.dt_proj.host[size(channel, layer.rank_stride) + size(i)];
            dt = dt > 20 ? dt : std::log1p(std::exp(dt));
            double sum = layer.d.host[size(channel)] * v[channel];
            for (int n = 0; n < states; ++n) {
                const int64_t at = layer.ssm + channel * states + n;
                const double decay = std::exp(dt * layer.a.host[size(channel, states) + size(n)]);
                const double state = decay * old[at] + dt * small[size(rank + n)] * v[size(channel)];
                state_difference.add(kept[at], state);
                sum += small[size(rank + states + n)] * state;
            }
            const double z = u[di + channel];
            y_difference.add(layer.y.host[size(row, di) + size(channel)], sum * z / (1 + std::exp(-z)));
        }
    }
    const std::string what = std::string(t.type == MAMBA_WEIGHT_BF16 ? "BF16 " : "F16 ") + std::to_string(di) + ", rank " +
                             std::to_string(rank) + ", " + std::to_string(t.rows) + " rows" + (t.norms ? ", norms" : "") + (t.narrow ? ", narrow" : "") + ": ";
    // v and r are rounded, and their last bits may fall either way.
    const double narrow = t.type == MAMBA_WEIGHT_BF16 ? 3e-3 : 4e-4, wide = t.type == MAMBA_WEIGHT_BF16 ? 5e-4 : 8e-5;
    expect(what + "y", y_difference.value(), t.narrow ? narrow : wide);
    expect(what + "state", state_difference.value(), wide);
    expect(what + "window", window_difference.value(), 0);
}

// The kernel at the sizes of 2.8B; from 64 sessions on, the layers' states are more than the cache holds.
void time_steps(const Queue& queue, int rows) {
    std::vector<Layer> layers;
    constexpr int count = 4;
    layers.reserve(count);
    for (int i = 0; i < count; ++i) layers.emplace_back(Case{MAMBA_WEIGHT_BF16, 5120, 160, 4, rows, false, true, true});
    const DeviceArray<float> shares(mamba1_step_bytes(queue, 5120, 160, rows) / sizeof(float), "a test");
    cudaEvent_t begin = nullptr, end = nullptr;
    check(cudaEventCreate(&begin), "an event");
    check(cudaEventCreate(&end), "an event");
    std::vector<float> times;
    for (int repeat = 0; repeat < 9; ++repeat) {
        check(cudaEventRecord(begin, queue.stream), "timing");
        for (const Layer& layer : layers) mamba1_step(queue, layer.batch(), layer.arguments(shares.data()));
        check(cudaEventRecord(end, queue.stream), "timing");
        check(cudaEventSynchronize(end), "timing");
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, begin, end), "timing");
        times.push_back(milliseconds * 1e3f / static_cast<float>(count));
    }
    std::sort(times.begin(), times.end());
    std::printf("%3d sessions: %.1f us; states and windows at 3 TB/s %.1f us\n", rows, times[times.size() / 2],
                rows * 5120.0 * (states * 8 + 16) / 3e6);
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        Queue queue = queue_of(0);
        check(cudaStreamCreate(&queue.stream), "a stream");
        if (count > 1 && std::string(arguments[1]) == "time") {
            for (const int rows : {16, 64, 128}) time_steps(queue, rows);
            return 0;
        }
        for (const int32_t type : {MAMBA_WEIGHT_BF16, MAMBA_WEIGHT_F16}) {
            test(queue, {type, 512, 16, 4, 9, false, true, false});
            test(queue, {type, 1536, 48, 4, 64, false, true, true});
            test(queue, {type, 96, 8, 3, 70, true, false, true});
            test(queue, {type, 2048, 64, 2, 1, true, true, false});
            test(queue, {type, 1024, 256, 4, 33, true, true, true});
        }
        test(queue, {MAMBA_WEIGHT_BF16, 5120, 160, 4, 16, false, true, false});
        test(queue, {MAMBA_WEIGHT_BF16, 5120, 160, 4, 64, false, true, true});
        test(queue, {MAMBA_WEIGHT_BF16, 8192, 256, 4, 17, true, true, true});
        test(queue, {MAMBA_WEIGHT_BF16, 1536, 48, 4, 512, false, true, true});
    } catch (const Failure& failure) {
        std::printf("FAIL %s\n", failure.message.c_str());
        return 1;
    }
    std::printf(failures == 0 ? "all is well\n" : "%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
