#include "engine/thread_pool.h"

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/platform.h"

namespace mamba {
namespace {

// Turns of spinning before a thread sleeps. Between two steps of decoding the wait is short, and waking costs more than it.
constexpr int spins_for_job = 500;
constexpr int spins_at_barrier = 2000;

// Returns when the value is no longer `old`.
void await_change(const std::atomic<uint32_t>& value, uint32_t old, int spins) noexcept {
    for (int i = 0; i < spins; ++i) {
        if (value.load(std::memory_order_acquire) != old) return;
        platform::pause();
    }
    while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

// With more threads than processors, who spins keeps the one he waits for from running.
ThreadPool::ThreadPool(int threads) : spins_(threads <= platform::processor_count()) {
    workers_.reserve(static_cast<size_t>(threads));
    try {
        for (int i = 0; i < threads; ++i) workers_.emplace_back([this, i] { loop(i); });
    } catch (const std::system_error&) {
        stop();
        fail(MAMBA_OUT_OF_MEMORY, "the system gave ", workers_.size(), " of ", threads, " threads; ask for fewer (thread_count)");
    } catch (...) {
        stop();  // a thread that is destroyed unjoined ends the process
        throw;
    }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    job_.fetch_add(1, std::memory_order_release);
    job_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::loop(int worker) {
    uint32_t seen = 0;
    for (;;) {
        await_change(job_, seen, spins_ ? spins_for_job : 0);
        ++seen;
        if (stopping_.load(std::memory_order_relaxed)) return;
        (*body_)(worker);
        if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
    }
}

void ThreadPool::run(const std::function<void(int)>& body) {
    body_ = &body;
    running_.store(static_cast<uint32_t>(size()), std::memory_order_relaxed);
    job_.fetch_add(1, std::memory_order_release);
    job_.notify_all();
    for (uint32_t left; (left = running_.load(std::memory_order_acquire)) != 0;) running_.wait(left, std::memory_order_acquire);
}

void ThreadPool::barrier() noexcept {
    const uint32_t phase = phase_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<uint32_t>(size())) {
        arrived_.store(0, std::memory_order_relaxed);
        phase_.store(phase + 1, std::memory_order_release);
        phase_.notify_all();
    } else {
        await_change(phase_, phase, spins_ ? spins_at_barrier : 0);
    }
}

Range ThreadPool::share(int worker, int64_t count, int64_t grain) const noexcept {
    const int64_t pieces = (count + grain - 1) / grain;
    const int64_t threads = size();
    return {std::min(count, pieces * worker / threads * grain), std::min(count, pieces * (worker + 1) / threads * grain)};
}

}  // namespace mamba
