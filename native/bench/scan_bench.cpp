// The state space scans of one layer: a token (decoding) and 512 (a prompt), in the shapes of mamba-130m, mamba2-39m and mamba2-130m.
#include <algorithm>
#include <memory>

#include "kernel_bench.h"

namespace mamba::bench {
namespace {

// ---- Mamba-1

struct Mamba1Shape {
    int64_t d_inner = 1536, d_state = 16;
};

// A session's states are used once a token: each iteration takes another of many.
struct Mamba1Memory {
    int64_t tokens, states;
    Buffer<float> v, dt, b, c, a, d, z, state, y;
};

// Vector operations of one state and one token at least, two a multiply and add: dt * A, its exponential (rounding, reduction, a
// polynomial of degree 5, scaling), the input, the state, the output.
constexpr double mamba1_operations = 2 * (1 + 8 + 1 + 1 + 1);

Body mamba1(const Kernels& kernels, int64_t tokens) {
    const Mamba1Shape s;
    const int64_t states = tokens == 1 ? copies_in_memory(static_cast<size_t>(s.d_inner * s.d_state) * sizeof(float)) : 1;
    auto m = std::make_shared<Mamba1Memory>();
    m->tokens = tokens;
    m->states = states;
    m->v = random_floats(tokens * s.d_inner);
    m->dt = random_floats(tokens * s.d_inner, 0.05f);
    for (float& dt : m->dt) dt += 0.0501f;
    m->b = random_floats(tokens * s.d_state);
    m->c = random_floats(tokens * s.d_state);
    m->a = random_floats(s.d_inner * s.d_state);
    for (size_t i = 0; i < m->a.size(); ++i) m->a[i] = -static_cast<float>(i % 16 + 1);
    m->d = random_floats(s.d_inner);
    m->z = random_floats(tokens * s.d_inner);
    m->state = random_floats(states * s.d_inner * s.d_state);
    m->y = random_floats(tokens * s.d_inner);
    return [&kernels, s, m](const ThreadPool& pool, int worker, int64_t turn) {
        const Range channels = pool.share(worker, s.d_inner, 16);
        if (channels.empty()) return;
        Mamba1Channels c{};
        c.tokens = m->tokens;
        c.d_state = s.d_state;
        c.begin = channels.begin;
        c.end = channels.end;
        c.v = m->v.data();
        c.dt = m->dt.data();
        c.z = m->z.data();
        c.y = m->y.data();
        c.v_stride = c.dt_stride = c.z_stride = c.y_stride = s.d_inner;
        c.b = m->b.data();
        c.c = m->c.data();
        c.b_stride = c.c_stride = s.d_state;
        c.a = m->a.data();
        c.d = m->d.data();
        c.state = m->state.data() + turn % m->states * s.d_inner * s.d_state;
        kernels.mamba1(c);
    };
}

// ---- Mamba-2

struct Mamba2Shape {
    const char* name;
    int64_t heads, head_dim = 64, d_state = 128;
    int64_t width() const { return heads * head_dim; }
    int64_t state_floats() const { return width() * d_state; }
    int64_t entry_floats() const { return width() + d_state + heads; }  // of the ring
};
constexpr Mamba2Shape mamba2_shapes[] = {{"39m", 16}, {"130m", 24}};

struct Mamba2Memory {
    int64_t tokens, states, scratch_width;
    Buffer<float> xbc, dt, a, d, state, ring, y, scratch;
};

// A single token finds as many before it in the ring as in the long run: 0 to 15.
Body mamba2(const Kernels& kernels, const Mamba2Shape& s, int64_t tokens) {
    auto m = std::make_shared<Mamba2Memory>();
    m->tokens = tokens;
    m->states = tokens == 1 ? copies_in_memory(static_cast<size_t>(s.state_floats()) * sizeof(float)) : 1;
    m->scratch_width = mamba2_scratch_floats(s.head_dim, s.d_state);
    m->xbc = random_floats(tokens * (s.width() + 2 * s.d_state));
    m->dt = random_floats(tokens * s.heads, 0.05f);
    for (float& dt : m->dt) dt += 0.0501f;
    m->a = random_floats(s.heads);
    std::fill(m->a.begin(), m->a.end(), -1.0f);
    m->d = random_floats(s.heads);
    m->state = random_floats(m->states * s.state_floats());
    m->ring = random_floats(m->states * ring_entries * s.entry_floats());
    for (int64_t entry = 0; entry < m->states * ring_entries; ++entry) {
        std::fill_n(m->ring.data() + (entry + 1) * s.entry_floats() - s.heads, s.heads, 0.05f);
    }
    m->y = random_floats(tokens * s.width());
    m->scratch = random_floats(thread_counts().back() * m->scratch_width);
    return [&kernels, &s, m](const ThreadPool& pool, int worker, int64_t turn) {
        const Range heads = pool.share(worker, s.heads);
        if (heads.empty()) return;
        Mamba2Scan scan{};
        scan.tokens = m->tokens;
        scan.head_begin = heads.begin;
        scan.head_end = heads.end;
        scan.heads_a_group = s.heads;
        scan.head_dim = s.head_dim;
        scan.d_state = s.d_state;
        scan.x = m->xbc.data();
        scan.b = scan.x + s.width();
        scan.c = scan.b + s.d_state;
        scan.stride = s.width() + 2 * s.d_state;
        scan.dt = m->dt.data();
        scan.dt_stride = s.heads;
        scan.a = m->a.data();
        scan.d = m->d.data();
        scan.state = m->state.data() + turn % m->states * s.state_floats();
        float* const ring = m->ring.data() + turn % m->states * ring_entries * s.entry_floats();
        const int64_t pending = m->tokens == 1 ? turn % ring_entries : 0;
        scan.ring = {ring, ring + s.width(), ring + s.width() + s.d_state, s.entry_floats(), pending};
        scan.first_position = pending;
        scan.y = m->y.data();
        scan.y_stride = s.width();
        kernels.mamba2_scan(scan, m->scratch.data() + worker * m->scratch_width);
    };
}

// Operations of the chunked form: C B^T below the diagonal once for all heads; a head's outputs from the chunk's own inputs below
// the diagonal, those from the state before it, and the state after it.
double mamba2_operations(const Mamba2Shape& s, int64_t tokens) {
    const auto heads = static_cast<double>(s.heads), p = static_cast<double>(s.head_dim), n = static_cast<double>(s.d_state);
    const auto t = static_cast<double>(tokens);
    if (tokens == 1) return 4 * heads * p * n;  // S C, and a token's part of what is brought into S once in 16
    const auto chunk = static_cast<double>(chunk_tokens);
    return t * (chunk * n + heads * (chunk * p + 4 * n * p));
}

}  // namespace

void add_scan_benchmarks() {
    const Mamba1Shape first;
    for (const int64_t tokens : {1, 512}) {
        Work work;
        work.operations = mamba1_operations * static_cast<double>(tokens * first.d_inner * first.d_state);
        // One token: A is read, and the state read and written.
        if (tokens == 1) work.bytes = 3.0 * sizeof(float) * static_cast<double>(first.d_inner * first.d_state);
        work.traffic = Traffic::read_write;
        work.units["channel_steps/s"] = static_cast<double>(tokens * first.d_inner);
        const std::string name = "mamba1/130m/tokens:" + std::to_string(tokens);
        for (const Kernels* kernels : tables()) add(name, *kernels, work, [=] { return mamba1(*kernels, tokens); });
    }
    for (const Mamba2Shape& s : mamba2_shapes) {
        for (const int64_t tokens : {1, 512}) {
            Work work;
            work.operations = mamba2_operations(s, tokens);
            // One token: the state is read, and written once in 16; of the ring what waits is read, and an entry written.
            constexpr double entries = ring_entries;
            if (tokens == 1) {
                work.bytes = sizeof(float) * ((1 + 1 / entries) * static_cast<double>(s.state_floats()) +
                                              (entries + 1) / 2 * static_cast<double>(s.entry_floats()));
            }
            work.traffic = Traffic::read;
            work.type = tokens == 1 ? WeightType::f32 : WeightType::bf16;  // the chunked form is for the matrix units, where there are any
            const std::string name = std::string("mamba2/") + s.name + "/tokens:" + std::to_string(tokens);
            for (const Kernels* kernels : tables()) add(name, *kernels, work, [=, &s] { return mamba2(*kernels, s, tokens); });
        }
    }
}

}  // namespace mamba::bench
