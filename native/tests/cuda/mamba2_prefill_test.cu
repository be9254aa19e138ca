// Mamba-2's prefill kernels against the recurrence in FP64 on the host, the same bits after cuts and among other pieces, and their times.
//   nvcc -O3 -std=c++17 -arch=sm_90 -I native/src native/tests/cuda/mamba2_prefill_test.cu native/src/backends/cuda/mamba2_*.cu
//   mamba2_prefill_test [time | brief]
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backends/cuda/mamba2_chunks.h"
#include "backends/cuda/mamba2_prefill.h"

using namespace mamba::cuda;

namespace {

void require(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    std::printf("FAILED: %s: %s\n", what, cudaGetErrorString(error));
    std::exit(2);
}

template <typename T>
struct Device {
    T* data = nullptr;
    size_t count = 0;
    explicit Device(size_t n) : count(n) { require(cudaMalloc(reinterpret_cast<void**>(&data), std::max<size_t>(n, 1) * sizeof(T)),
            "cudaMalloc"); }
    explicit Device(const std::vector<T>& from) : Device(from.size()) { put(from); }
    Device(const Device&) = delete;
    ~Device() { cudaFree(data); }
    void put(const std::vector<T>& from) { require(cudaMemcpy(data, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice), "copy"); }
    void poison() { require(cudaMemset(data, 0xff, count * sizeof(T)), "memset"); }  // NaN in FP32 and BF16
    std::vector<T> get() const {
        std::vector<T> to(count);
        require(cudaMemcpy(to.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost), "copy");
        return to;
    }
};

void parallel(int64_t count, const std::function<void(int64_t)>& body) {
    const int64_t threads = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> all;
    for (int64_t t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            for (int64_t i = t; i < count; i += threads) body(i);
        });
    }
    for (auto& t : all) t.join();
}

float rounded(float v) { return __bfloat162float(__float2bfloat16_rn(v)); }

enum class Gate { first, last, alone };

struct Model {
    Mamba2Shape shape;
    bool exact;
    Gate gate;
    std::vector<float> conv_weight, conv_bias, a, d, dt_bias, norm_weight;
    int64_t window_floats, state_floats;
    float dt_min = 0, dt_max = INFINITY, eps = 1e-5f;

    Model(Mamba2Shape s, bool e, Gate g, std::mt19937& random) : shape(s), exact(e), gate(g) {
        std::uniform_real_distribution<float> one(-1, 1), some(0, 1);
        const auto fill = [&](std::vector<float>& v, int64_t n, auto make) {
            v.resize(static_cast<size_t>(n));
            for (auto& i : v) i = make();
        };
        fill(conv_weight, static_cast<int64_t>(s.d_conv) * s.channels(), [&] { return 0.5f * one(random); });
        fill(conv_bias, s.channels(), [&] { return 0.2f * one(random); });
        fill(a, s.heads, [&] { return -(1 + 15 * some(random)); });
        fill(d, s.heads, [&] { return 1 + 0.5f * one(random); });
        fill(dt_bias, s.heads, [&] {
            const float dt = std::exp(std::log(0.001f) + some(random) * std::log(100.0f));
            return dt + std::log(-std::expm1(-dt));
        });
        fill(norm_weight, s.d_inner(), [&] { return 1 + 0.5f * one(random); });
        window_floats = (static_cast<int64_t>(s.d_conv) * s.channels() + 31) / 32 * 32;
        state_floats = static_cast<int64_t>(s.d_inner()) * s.d_state;
    }
    int64_t width() const { return (shape.d_inner() + shape.channels() + shape.heads + 31) / 32 * 32; }
    int64_t floats() const { return window_floats + state_floats; }
};

// A session's inputs, its state before them, and what the recurrence makes of them.
struct Session {
    int64_t position, count;
    std::vector<float> projected, state;
    std::vector<double> out, end;

    Session(const Model& m, int64_t at, int64_t tokens, std::mt19937& random) : position(at), count(tokens) {
        std::normal_distribution<float> normal;
        projected.resize(static_cast<size_t>(count * m.width()));
        for (auto& v : projected) v = m.exact ? normal(random) : rounded(normal(random));
        state.assign(static_cast<size_t>(m.floats()), 0.0f);
        if (position > 0) {
            for (int64_t i = 0; i < m.window_floats; ++i) state[static_cast<size_t>(i)] = m.exact ? normal(random) :
                    rounded(normal(random));
            for (int64_t i = 0; i < m.state_floats; ++i) state[static_cast<size_t>(m.window_floats + i)] = 0.3f * normal(random);
        }
    }

    void refer(const Model& m) {
        const Mamba2Shape& s = m.shape;
        const int64_t channels = s.channels(), d_inner = s.d_inner(), n = s.d_state, p = s.head_dim, width = m.width();
        std::vector<double> convolved(static_cast<size_t>(count * channels));
        parallel(channels, [&](int64_t ch) {
            for (int64_t t = 0; t < count; ++t) {
                double sum = m.conv_bias[static_cast<size_t>(ch)];
                for (int64_t k = 0; k < s.d_conv; ++k) {
                    const int64_t from = t + k - (s.d_conv - 1);
                    const double v = from >= 0 ? projected[static_cast<size_t>(from * width + d_inner + ch)]
                                               : state[static_cast<size_t>((position + from + s.d_conv) % s.d_conv * channels + ch)];
                    sum += m.conv_weight[static_cast<size_t>(k * channels + ch)] * v;
                }
                convolved[static_cast<size_t>(t * channels + ch)] = sum / (1 + std::exp(-sum));
            }
        });
        out.assign(static_cast<size_t>(count * d_inner), 0.0);
        end.assign(state.begin() + m.window_floats, state.end());
        parallel(s.heads, [&](int64_t h) {
            const int64_t g = h / (s.heads / s.groups);
            double* held = end.data() + h * p * n;
            for (int64_t t = 0; t < count; ++t) {
                const double raw = static_cast<double>(projected[static_cast<size_t>(t * width + d_inner + channels + h)]) +
                        m.dt_bias[static_cast<size_t>(h)];
                const double dt = std::min<double>(std::max<double>(raw > 20 ? raw : std::log1p(std::exp(raw)), m.dt_min), m.dt_max);
                const double decay = std::exp(dt * m.a[static_cast<size_t>(h)]);
                const double* x = convolved.data() + t * channels + h * p;
                const double* b = convolved.data() + t * channels + d_inner + g * n;
                const double* c = b + s.groups * n;
                for (int64_t r = 0; r < p; ++r) {
                    double y = 0;
                    for (int64_t i = 0; i < n; ++i) {
                        held[r * n + i] = decay * held[r * n + i] + dt * x[r] * b[i];
                        y += held[r * n + i] * c[i];
                    }
                    out[static_cast<size_t>(t * d_inner + h * p + r)] = y + m.d[static_cast<size_t>(h)] * x[r];
                }
            }
        });
        const int64_t group = d_inner / s.groups;
        parallel(count, [&](int64_t t) {
            double* y = out.data() + t * d_inner;
            const float* z = projected.data() + t * width;
            const auto gated = [&] {
                for (int64_t i = 0; i < d_inner; ++i) y[i] *= z[i] / (1 + std::exp(-static_cast<double>(z[i])));
            };
            if (m.gate != Gate::last) gated();
            for (int64_t g = 0; g < s.groups && m.gate != Gate::alone; ++g) {
                double sum = 0;
                for (int64_t i = g * group; i < (g + 1) * group; ++i) sum += y[i] * y[i];
                const double by = 1 / std::sqrt(sum / static_cast<double>(group) + m.eps);
                for (int64_t i = g * group; i < (g + 1) * group; ++i) y[i] *= by * m.norm_weight[static_cast<size_t>(i)];
            }
            if (m.gate == Gate::last) gated();
        });
    }
};

// A range of a session's tokens.
struct Range {
    int session;
    int64_t begin, count;
};

struct Result {
    std::vector<float> out;                  // [rows of all ranges, d_inner]
    std::vector<std::vector<float>> states;  // of every session
};

// Weights and states on the device, and runs over ranges.
class Bench {
public:
    Bench(const Model& m, const std::vector<Session>& sessions)
        : m_(m), sessions_(sessions), conv_weight_(m.conv_weight), conv_bias_(m.conv_bias), a_(m.a), d_(m.d), dt_bias_(m.dt_bias),
          norm_weight_(m.norm_weight), states_(sessions.size() * static_cast<size_t>(m.floats())) {
        reset();
    }

    void reset() {
        std::vector<float> all;
        for (const Session& s : sessions_) all.insert(all.end(), s.state.begin(), s.state.end());
        states_.put(all);
    }

    // One launch over the ranges.
    std::vector<float> run(const std::vector<Range>& ranges) {
        const int64_t width = m_.width(), d_inner = m_.shape.d_inner();
        std::vector<Mamba2Piece> pieces;
        std::vector<float> in;
        int32_t rows = 0, chunks = 0;
        for (const Range& r : ranges) {
            const Session& s = sessions_[static_cast<size_t>(r.session)];
            const int64_t position = s.position + r.begin;
            const int32_t some = ssd_chunks(position, r.count);
            pieces.push_back({states_.data + r.session * m_.floats(), rows, static_cast<int32_t>(r.count),
                              static_cast<int32_t>(position % m_.shape.d_conv), static_cast<int32_t>(position % ssd_chunk), chunks, some});
            in.insert(in.end(), s.projected.begin() + r.begin * width, s.projected.begin() + (r.begin + r.count) * width);
            rows += static_cast<int32_t>(r.count);
            chunks += some;
        }
        const Device<Mamba2Piece> piece_memory(pieces);
        const size_t size = m_.exact ? 4 : 2;
        std::vector<unsigned char> bytes(in.size() * size);
        for (size_t i = 0; i < in.size(); ++i) {
            const __nv_bfloat16 low = __float2bfloat16_rn(in[i]);
            if (m_.exact) std::memcpy(bytes.data() + i * size, &in[i], size);
            else std::memcpy(bytes.data() + i * size, &low, size);
        }
        const Device<unsigned char> projected(bytes);
        Device<unsigned char> out(static_cast<size_t>(rows * d_inner) * size);
        const size_t work = mamba2_prefill_workspace(m_.shape, m_.exact, rows, chunks);
        Device<unsigned char> workspace(work);
        out.poison();
        workspace.poison();
        const Mamba2PrefillArgs args = arguments(projected.data, out.data, piece_memory.data, static_cast<int32_t>(pieces.size()), rows,
                chunks, workspace.data);
        require(mamba2_prefill(args, {}), "mamba2_prefill");
        require(cudaDeviceSynchronize(), "running");
        const std::vector<unsigned char> got = out.get();
        std::vector<float> values(static_cast<size_t>(rows * d_inner));
        for (size_t i = 0; i < values.size(); ++i) {
            __nv_bfloat16 low;
            std::memcpy(m_.exact ? static_cast<void*>(&values[i]) : &low, got.data() + i * size, size);
            if (!m_.exact) values[i] = __bfloat162float(low);
        }
        return values;
    }

    std::vector<float> state(int session) const {
        std::vector<float> all = states_.get();
        const auto begin = all.begin() + session * m_.floats();
        return {begin, begin + m_.floats()};
    }

    Mamba2PrefillArgs arguments(const void* projected, void* out, const Mamba2Piece* pieces, int32_t count, int32_t rows, int32_t chunks,
            void* workspace) const {
        Mamba2PrefillArgs a{};
        a.shape = m_.shape;
        a.exact = m_.exact;
        a.projected = projected;
        a.projected_stride = m_.width();
        a.out = out;
        a.out_stride = m_.shape.d_inner();
        a.pieces = pieces;
        a.piece_count = count;
        a.rows = rows;
        a.chunk_count = chunks;
        a.window = 0;
        a.state = m_.window_floats;
        a.conv_weight = conv_weight_.data;
        a.conv_bias = conv_bias_.data;
        a.a = a_.data;
        a.d = d_.data;
        a.dt_bias = dt_bias_.data;
        a.dt_min = m_.dt_min;
        a.dt_max = m_.dt_max;
        a.norm = m_.gate != Gate::alone;
        a.norm_before_gate = m_.gate == Gate::last;
        a.norm_weight = norm_weight_.data;
        a.norm_eps = m_.eps;
        a.workspace = workspace;
        return a;
    }

    float* states() { return states_.data; }

private:
    const Model& m_;
    const std::vector<Session>& sessions_;
    Device<float> conv_weight_, conv_bias_, a_, d_, dt_bias_, norm_weight_, states_;
};

struct Difference {
    // root of squares over the reference's; largest over the expected value and the reference's root mean square
    double relative = 0, worst = 0;
};
Difference compare(const float* got, const std::vector<double>& expected) {
    double difference = 0, all = 0, worst = 0;
    for (const double e : expected) all += e * e;
    const double typical = std::sqrt(all / static_cast<double>(expected.size()));
    for (size_t i = 0; i < expected.size(); ++i) {
        const double e = got[i] - expected[i];
        if (!(std::fabs(e) < 1e30)) return {NAN, NAN};
        difference += e * e;
        worst = std::max(worst, std::fabs(e) / (typical + std::fabs(expected[i])));
    }
    return {std::sqrt(difference / all), worst};
}

int failures = 0;

struct Case {
    const char* name;
    Mamba2Shape shape;
    bool exact;
    Gate gate;
    std::vector<std::pair<int64_t, int64_t>> sessions;  // position, tokens
};

void test(const Case& c) {
    std::mt19937 random(std::hash<std::string>()(c.name) % 100000);
    Model m(c.shape, c.exact, c.gate, random);
    if (c.gate == Gate::alone) m.dt_min = 0.01f, m.dt_max = 0.08f;
    std::vector<Session> sessions;
    for (const auto& [position, count] : c.sessions) sessions.emplace_back(m, position, count, random);
    for (Session& s : sessions) s.refer(m);
    const int64_t d_inner = m.shape.d_inner();

    Bench bench(m, sessions);
    std::vector<Range> whole;
    for (size_t i = 0; i < sessions.size(); ++i) whole.push_back({static_cast<int>(i), 0, sessions[i].count});
    const std::vector<float> out = bench.run(whole);
    Difference worst_out, worst_state;
    int64_t row = 0;
    bool window = true;
    std::vector<std::vector<float>> ends;
    for (size_t i = 0; i < sessions.size(); ++i) {
        const Session& s = sessions[i];
        ends.push_back(bench.state(static_cast<int>(i)));
        const auto take = [](Difference& to, Difference d) {
            if (!(d.relative <= to.relative)) to.relative = d.relative;
            if (!(d.worst <= to.worst)) to.worst = d.worst;
        };
        take(worst_out, compare(out.data() + row * d_inner, s.out));
        take(worst_state, compare(ends.back().data() + m.window_floats, s.end));
        for (int64_t t = std::max<int64_t>(0, s.count - (m.shape.d_conv - 1)); t < s.count; ++t) {
            const float* kept = ends.back().data() + (s.position + t) % m.shape.d_conv * m.shape.channels();
            window = window && std::memcmp(kept, s.projected.data() + t * m.width() + d_inner,
                    sizeof(float) * static_cast<size_t>(m.shape.channels())) == 0;
        }
        row += s.count;
    }

    // Session by session, each cut on the grid: the same bits.
    bench.reset();
    bool same = true;
    row = 0;
    for (size_t i = 0; i < sessions.size(); ++i) {
        const Session& s = sessions[i];
        for (int64_t begin = 0, step = 1; begin < s.count; ++step) {
            const int64_t end = std::min(s.count, ((s.position + begin) / ssd_chunk + step) * ssd_chunk - s.position);
            const std::vector<float> some = bench.run({{static_cast<int>(i), begin, end - begin}});
            same = same && std::memcmp(some.data(), out.data() + (row + begin) * d_inner, some.size() * sizeof(float)) == 0;
            begin = end;
        }
        row += s.count;
        const std::vector<float> end = bench.state(static_cast<int>(i));
        const auto skip = static_cast<size_t>(m.window_floats);  // whose oldest row is no longer needed
        same = same && std::memcmp(end.data() + skip, ends[i].data() + skip, (end.size() - skip) * sizeof(float)) == 0;
    }
    const double bound = c.exact ? 2e-5 : 1.2e-2, worst_bound = c.exact ? 1e-4 : 0.05;
    const bool good = worst_out.relative <= bound && worst_state.relative <= bound && worst_out.worst <= worst_bound && worst_state.worst
            <= worst_bound && window && same;
    if (!good) ++failures;
    std::printf("%-4s %-34s out %.2e (max %.1e)  state %.2e (max %.1e)  window %s  cuts %s\n", good ? "ok" : "BAD", c.name,
            worst_out.relative,
                worst_out.worst, worst_state.relative, worst_state.worst, window ? "same" : "DIFFERENT", same ? "same bits" : "DIFFERENT");
}

double median_us(const std::function<void()>& body, int inner) {
    cudaEvent_t begin = nullptr, end = nullptr;
    require(cudaEventCreate(&begin), "event");
    require(cudaEventCreate(&end), "event");
    std::vector<double> times;
    for (int i = 0; i < 13; ++i) {
        require(cudaEventRecord(begin), "event");
        for (int k = 0; k < inner; ++k) body();
        require(cudaEventRecord(end), "event");
        require(cudaEventSynchronize(end), "event");
        float ms = 0;
        require(cudaEventElapsedTime(&ms, begin, end), "event");
        if (i >= 2) times.push_back(ms * 1e3 / inner);
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

void time_shape(const char* name, Mamba2Shape shape, bool exact, int64_t tokens, int64_t piece_count, double copy_rate) {
    std::mt19937 random(7);
    const Model m(shape, exact, Gate::first, random);
    std::vector<Session> sessions;
    for (int64_t i = 0; i < piece_count; ++i) sessions.emplace_back(m, 0, 1, random);
    Bench bench(m, sessions);
    const int64_t each = tokens / piece_count;
    std::vector<Mamba2Piece> pieces;
    int32_t chunks = 0;
    for (int64_t i = 0; i < piece_count; ++i) {
        pieces.push_back({bench.states() + i * m.floats(), static_cast<int32_t>(i * each), static_cast<int32_t>(each), 0, 0, chunks,
                ssd_chunks(0, each)});
        chunks += pieces.back().chunk_count;
    }
    const Device<Mamba2Piece> piece_memory(pieces);
    const auto rows = static_cast<int32_t>(each * piece_count);
    const size_t size = exact ? 4 : 2;
    // One stretch of random values, repeated.
    std::vector<unsigned char> values(static_cast<size_t>(64 * m.width()) * size);
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < values.size() / size; ++i) {
        const float v = normal(random);
        const __nv_bfloat16 low = __float2bfloat16_rn(v);
        std::memcpy(values.data() + i * size, exact ? static_cast<const void*>(&v) : &low, size);
    }
    Device<unsigned char> projected(static_cast<size_t>(rows * m.width()) * size);
    for (size_t at = 0; at < projected.count; at += values.size()) {
        require(cudaMemcpy(projected.data + at, values.data(), std::min(values.size(), projected.count - at), cudaMemcpyHostToDevice),
                "copy");
    }
    Device<unsigned char> out(static_cast<size_t>(rows * shape.d_inner()) * size);
    Device<unsigned char> workspace(mamba2_prefill_workspace(shape, exact, rows, chunks));
    const Mamba2PrefillArgs args = bench.arguments(projected.data, out.data, piece_memory.data, static_cast<int32_t>(piece_count), rows,
            chunks, workspace.data);
    const ssd::Work work = ssd::divide(shape, exact, rows, chunks, workspace.data);
    const bool tensor_cores = ssd::on_tensor_cores(args);
    const int inner = rows <= 2048 ? 20 : 3;
    require(mamba2_prefill(args, {}), "warming up");
    const double token = static_cast<double>(size) * rows, d_inner = shape.d_inner(), channels = shape.channels();
    const double steps = 4.0 * chunks * shape.heads * ssd_chunk, state = static_cast<double>(size) * chunks * d_inner * shape.d_state;
    std::printf("%-20s %6d x%-3d", name, rows, static_cast<int>(piece_count));
    double sum = 0;
    // Bytes that must come from or go to memory, each read once a kernel.
    const auto step = [&](const char* what, double bytes, auto body) {
        const double us = median_us([&] { require(body(args, work, nullptr), what); }, inner);
        std::printf("  %s %7.1f (%3.0f%%)", what, us, bytes / copy_rate / us * 1e8);
        sum += bytes;
    };
    const double products = tensor_cores ? 512.0 * ssd::product_blocks * chunks * shape.groups : 0.0;
    step("prepare", token * (2 * channels + shape.heads) + products + 3 * steps, ssd::prepare);
    if (tensor_cores) {
        step("scan", token * (channels + 2 * d_inner) + products + 3 * steps, ssd::scan);
    } else {
        step("states", token * (d_inner + shape.groups * shape.d_state) + state + steps, ssd::plain_states);
        step("scan", token * (channels + 2 * d_inner) + state + 2 * steps, ssd::plain_scan);
    }
    step("norm", 2 * token * d_inner, ssd::norm);
    const double us = median_us([&] { require(mamba2_prefill(args, {}), "all"); }, inner);
    std::printf("  all %8.1f us (%3.0f%%)  %6.1f ns/token\n", us, sum / copy_rate / us * 1e8, us * 1e3 / rows);
}

}  // namespace

int main(int argc, char** argv) {
    const auto begin = std::chrono::steady_clock::now();
    const Mamba2Shape small{24, 1, 64, 128, 4}, big{80, 1, 64, 128, 4}, granite{48, 1, 32, 128, 4}, grouped{64, 8, 64, 128, 4}, falcon{48,
            1, 64, 256, 4};
    const std::vector<std::pair<int64_t, int64_t>> many{{0, 200}, {37, 300}, {64, 64}, {1000, 1}, {5, 130}, {191, 2}, {127, 3}};
    const Case cases[] = {
        {"24x64, 128", small, false, Gate::first, many},
        {"24x64, 128, exact", small, true, Gate::first, many},
        {"80x64, 128", big, false, Gate::first, {{0, 700}}},
        {"80x64, 128, exact", big, true, Gate::first, {{0, 300}}},
        {"48x32, 128", granite, false, Gate::first, many},
        {"48x32, 128, exact", granite, true, Gate::first, {{11, 200}}},
        {"64x64, 128, 8 groups", grouped, false, Gate::first, many},
        {"64x64, 128, 8 groups, gate last", grouped, false, Gate::last, {{3, 150}}},
        {"64x64, 128, 8 groups, exact, last", grouped, true, Gate::last, {{3, 150}}},
        {"48x64, 256", falcon, false, Gate::first, {{70, 300}}},
        {"24x64, 64, no norm, dt clamped", {24, 1, 64, 64, 4}, false, Gate::alone, many},
        {"24x64, 64, no norm, exact", {24, 1, 64, 64, 4}, true, Gate::alone, many},
        {"8x64, 16", {8, 2, 64, 16, 4}, false, Gate::first, many},
        {"8x64, 32, 2 taps", {8, 2, 64, 32, 2}, false, Gate::first, many},
        {"8x32, 16, 3 taps", {8, 4, 32, 16, 3}, false, Gate::first, many},
        {"8x32, 32", {8, 4, 32, 32, 4}, false, Gate::first, many},
        {"8x32, 64", {8, 1, 32, 64, 4}, false, Gate::first, many},
        {"8x32, 256", {8, 1, 32, 256, 4}, false, Gate::first, many},
        {"16x128, 128, 2 groups", {16, 2, 128, 128, 4}, false, Gate::first, many},
        {"16x96, 64", {16, 2, 96, 64, 4}, false, Gate::first, many},
        {"6x24, 40 (plain)", {6, 2, 24, 40, 4}, false, Gate::first, many},
        {"6x80, 100 (plain), exact", {6, 1, 80, 100, 4}, true, Gate::first, many},
    };
    const std::string mode = argc > 1 ? argv[1] : "";
    for (const Case& c : cases) {
        if (mode != "brief" || c.shape.heads <= 8) test(c);
    }
    std::printf("%d of %d cases BAD; %.1f s\n", failures, static_cast<int>(std::size(cases)),
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    if (mode == "time") {
        cudaDeviceProp properties{};
        require(cudaGetDeviceProperties(&properties, 0), "properties");
        const Device<unsigned char> from(size_t{1} << 30), to(size_t{1} << 30);
        const double us = median_us([&] { require(cudaMemcpyAsync(to.data, from.data, from.count, cudaMemcpyDeviceToDevice), "copy"); }, 2);
        const double rate = 2.0 * static_cast<double>(from.count) / us * 1e6;  // bytes a second
        std::printf("%s, copy %.2f TB/s. us (share of that rate):\n", properties.name, rate * 1e-12);
        for (const int64_t tokens : {512, 2048, 8192, 65536}) time_shape("2.7B bf16", big, false, tokens, 1, rate);
        time_shape("2.7B bf16", big, false, 8192, 16, rate);
        for (const int64_t tokens : {512, 8192}) time_shape("130M bf16", small, false, tokens, 1, rate);
        for (const int64_t tokens : {512, 8192}) time_shape("1.3B bf16", {64, 1, 64, 128, 4}, false, tokens, 1, rate);
        time_shape("granite 350M bf16", granite, false, 8192, 1, rate);
        time_shape("codestral-like bf16", {128, 8, 64, 128, 4}, false, 8192, 1, rate);
        time_shape("N 256 bf16", falcon, false, 8192, 1, rate);
        for (const int64_t tokens : {512, 8192}) time_shape("2.7B exact", big, true, tokens, 1, rate);
    }
    return failures == 0 ? 0 : 1;
}
