#include "engine/cpu_backend.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "engine/top.h"
#include "state/statistics.h"

namespace mamba {
namespace {

// Rows of logits computed at a time when only their largest entries are wanted.
constexpr int64_t top_rows = 16;

}  // namespace

CpuBackend::CpuBackend(const Model& model, bool alone, const StateLayout& layout, mamba_isa isa, int threads, int64_t rows)
    : model_(model), layout_(layout), kernels_(select_kernels(isa)), states_(layout.floats, layout.entry_floats), weights_(model, kernels_, alone),
      pool_(threads), work_(model.config, rows, pool_.size(), weights_.operand_row_bytes()), forward_(model, weights_, layout, kernels_, pool_, work_) {}

void CpuBackend::make_room(int64_t rows, const BatchOutput& output) {
    if (output.top == nullptr) return;
    const auto floats = static_cast<size_t>(std::min(rows, top_rows) * model_.config.padded_vocab_size);
    if (top_logits_.size() < floats) top_logits_ = Buffer<float>(floats, "the rows of logits to choose from");
}

void CpuBackend::gather(const std::vector<LogitsRow>& rows, size_t begin, size_t end) {
    const int64_t d = model_.config.d_model;
    for (size_t i = begin; i < end; ++i) {
        const float* hidden = rows[i].state != nullptr ? rows[i].state->hidden.data() : work_.normed.data() + rows[i].row * d;
        std::copy_n(hidden, d, work_.gathered.data() + static_cast<int64_t>(i - begin) * d);
    }
}

void CpuBackend::emit(const std::vector<LogitsRow>& logits, const std::vector<LogitsRow>& top, const BatchOutput& output) {
    const int64_t v = model_.config.padded_vocab_size;
    for (size_t begin = 0, end; begin < logits.size(); begin = end) {
        const size_t most = std::min(logits.size(), begin + static_cast<size_t>(work_.rows));
        for (end = begin + 1; end < most && logits[end].out == logits[end - 1].out + 1;) ++end;
        gather(logits, begin, end);
        forward_.head(work_.gathered.data(), static_cast<int64_t>(end - begin), output.logits + logits[begin].out * v);
    }
    for (size_t begin = 0, end; begin < top.size(); begin = end) {
        end = std::min(top.size(), begin + static_cast<size_t>(top_rows));
        gather(top, begin, end);
        forward_.head(work_.gathered.data(), static_cast<int64_t>(end - begin), top_logits_.data());
        for (size_t i = begin; i < end; ++i) {
            const uint32_t* mask = output.masks == nullptr ? nullptr : output.masks + top[i].out * output.mask_words;
            select_top(top_logits_.data() + static_cast<int64_t>(i - begin) * v, model_.config.vocab_size, mask, output.mask_words,
                       output.top_k, output.top + top[i].out * output.top_k);
        }
    }
}

void CpuBackend::measure(const State& state, int64_t layer, mamba_head_statistics* heads) {
    const auto index = static_cast<size_t>(layer);
    const LayerState& place = layout_.layers[index];
    // Where nothing waits and nothing is to be taken away the state is read in place.
    const float* values = state.values.data() + place.ssm;
    Buffer<float> copy;
    if (state.pending > 0 || state.policy.kind() == MAMBA_POLICY_DIFFERENCE_WINDOW) {
        copy = Buffer<float>(static_cast<size_t>(place.ssm_floats), "a copy of a layer's state");
        copy_layer_state(state, layer, copy.data());
        values = copy.data();
    }
    measure_state(model_.config, values, heads);
    const double* const sums = state.tracking.on() ? state.tracking.sums.data() + place.step_sums : nullptr;
    const Policy* const policy = state.policy.rule.get();
    measure_decay(model_.config, model_.layers[index], sums, state.tracking.tokens, heads,
                  policy != nullptr ? static_cast<double>(policy->decay_scale(index)) : 1,
                  policy != nullptr ? static_cast<double>(policy->log_retention()) : 0);
}

double CpuBackend::measure_bandwidth() {
    // Several times the largest last-level cache; each thread walks eight streams at once, as the decode kernels do.
    constexpr int64_t streams = 8, words_a_stream = (int64_t{1} << 22) + 8 * 1237, repeats = 5;
    const int64_t words_a_thread = streams * words_a_stream;
    Buffer<uint64_t> memory(static_cast<size_t>(pool_.size() * words_a_thread), "the bandwidth measurement");
    // Written first: memory that was never written is one page of zeros, read from the cache.
    pool_.run([&](int worker) { std::fill_n(memory.data() + worker * words_a_thread, words_a_thread, uint64_t{1}); });
    std::atomic<uint64_t> sink{0};
    double best = 0;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        pool_.run([&](int worker) {
            const uint64_t* base = memory.data() + worker * words_a_thread;
            uint64_t sums[streams] = {};
            for (int64_t i = 0; i < words_a_stream; i += 8) {
                for (int64_t s = 0; s < streams; ++s) {
                    const uint64_t* line = base + s * words_a_stream + i;
                    sums[s] += line[0] + line[1] + line[2] + line[3] + line[4] + line[5] + line[6] + line[7];
                }
            }
            uint64_t sum = 0;
            for (const uint64_t s : sums) sum += s;
            sink.fetch_add(sum, std::memory_order_relaxed);
        });
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        best = std::max(best, static_cast<double>(memory.bytes()) / seconds);
    }
    return best;
}

}  // namespace mamba
