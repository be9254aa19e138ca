#include "ceilings.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>

#include "base/buffer.h"
#include "base/platform.h"
#include "loops.h"
#include "team.h"

namespace mamba::bench {
namespace {

// On a shared machine the neighbours only ever make a run slower, so the best of many short ones is the limit.
constexpr int repeats = 20;

double seconds(ThreadPool& pool, const std::function<void(int)>& body) {
    const auto start = std::chrono::steady_clock::now();
    pool.run(body);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What `body` gives back on all threads together (operations or bytes), a second.
template <typename Body>
double best_rate(ThreadPool& pool, const Body& body) {
    double best = 0;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        std::atomic<double> done{0};
        const double time = seconds(pool, [&](int worker) {
            const double mine = body(worker);
            double sum = done.load();
            while (!done.compare_exchange_weak(sum, sum + mine)) {}
        });
        best = std::max(best, done.load() / time);
    }
    return best;
}

double arithmetic_rate(ThreadPool& pool, ArithmeticLoop loop, int64_t turns) {
    return best_rate(pool, [=](int) { return loop(turns); });
}

const MemoryLoops& memory_loops() {
#if MAMBA_X64
    const platform::CpuFeatures cpu = platform::cpu_features();
    if (cpu.avx512) return avx512_memory_loops;
    if (cpu.avx2) return avx2_memory_loops;
#endif
    return portable_memory_loops;
}

Ceilings measure(int threads) {
    ThreadPool& pool = team(threads);
    Ceilings c;
    c.threads = threads;
    // A few milliseconds a loop.
    constexpr int64_t vector_turns = 1'000'000;
#if MAMBA_X64
    constexpr int64_t tile_turns = 100'000;
    const platform::CpuFeatures cpu = platform::cpu_features();
    if (cpu.avx2) c.avx2_fma = arithmetic_rate(pool, avx2_fma, vector_turns);
    if (cpu.avx512) c.avx512_fma = arithmetic_rate(pool, avx512_fma, vector_turns);
    if (cpu.avx512_vnni) c.avx512_vnni = arithmetic_rate(pool, avx512_vnni, vector_turns);
    if (platform::allow_amx()) {
        c.amx_bf16 = arithmetic_rate(pool, amx_bf16, tile_turns);
        c.amx_int8 = arithmetic_rate(pool, amx_int8, tile_turns);
    }
#elif defined(__aarch64__)
    c.neon_fma = arithmetic_rate(pool, neon_fma, vector_turns);
#endif

    const MemoryLoops& loops = memory_loops();
    // Floats a thread: 512 MiB of all threads together but at least 16 MiB each, and 1 MiB.
    const size_t far = std::max((size_t{1} << 27) / static_cast<size_t>(threads) / 4096 * 4096, size_t{1} << 22);
    constexpr size_t near = size_t{1} << 18;
    // No power of two, so that the eight streams do not fall into the same sets of the cache.
    const size_t streamed = far - 8 * 64 * 37;
    Buffer<float> memory(far * static_cast<size_t>(threads), "the memory whose bandwidth is measured");
    // Written first: memory that was never written is one page of zeros, read from the cache.
    pool.run([&](int worker) { std::fill_n(memory.data() + static_cast<size_t>(worker) * far, far, 1.0f); });
    std::atomic<uint64_t> sink{0};
    c.read = best_rate(pool, [&](int worker) {
        const float* mine = memory.data() + static_cast<size_t>(worker) * far;
        sink.fetch_add(loops.read(reinterpret_cast<const uint64_t*>(mine), streamed / 2));
        return static_cast<double>(streamed * sizeof(float));
    });
    c.read_write = best_rate(pool, [&](int worker) {
        loops.update(memory.data() + static_cast<size_t>(worker) * far, streamed);
        return 2.0 * sizeof(float) * static_cast<double>(streamed);
    });
    c.cache_read_write = best_rate(pool, [&](int worker) {
        constexpr int passes = 100;
        for (int pass = 0; pass < passes; ++pass) loops.update(memory.data() + static_cast<size_t>(worker) * far, near);
        return 2.0 * sizeof(float) * static_cast<double>(near) * passes;
    });
    return c;
}

}  // namespace

double Ceilings::arithmetic(mamba_isa isa, WeightType type) const {
    // F32 and F16 weights are never rounded to what the matrix units take; integer dot products are for quantized ones.
    const bool exact = type == WeightType::f32 || type == WeightType::f16;
    switch (isa) {
        case MAMBA_ISA_AVX2: return avx2_fma;
        case MAMBA_ISA_AVX512: return exact || type == WeightType::bf16 || avx512_vnni == 0 ? avx512_fma : avx512_vnni;
        case MAMBA_ISA_AMX: return exact ? avx512_fma : amx_bf16;
        case MAMBA_ISA_NEON: return neon_fma;
        default: return 0;
    }
}

double Ceilings::bandwidth(Traffic traffic) const {
    return traffic == Traffic::read ? read : traffic == Traffic::read_write ? read_write : cache_read_write;
}

std::vector<std::pair<std::string, double>> Ceilings::fields() const {
    std::vector<std::pair<std::string, double>> all{
        {"avx2_fma", avx2_fma}, {"avx512_fma", avx512_fma}, {"avx512_vnni", avx512_vnni}, {"amx_bf16", amx_bf16},
        {"amx_int8", amx_int8}, {"neon_fma", neon_fma},     {"read", read},               {"read_write", read_write},
        {"cache_read_write", cache_read_write},
    };
    all.erase(std::remove_if(all.begin(), all.end(), [](const auto& field) { return field.second == 0; }), all.end());
    return all;
}

const Ceilings& ceilings(int threads) {
    static std::map<int, Ceilings> measured;
    const auto found = measured.find(threads);
    return found != measured.end() ? found->second : measured.emplace(threads, measure(threads)).first->second;
}

}  // namespace mamba::bench
