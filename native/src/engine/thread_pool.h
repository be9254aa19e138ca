// The engine's own threads. The calling thread never computes, it only waits: AMX tile state on a thread that .NET owns would
// overflow that thread's small signal stack at its next exception and end the process (docs/architecture.md, "Threads").
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace mamba {

struct Range {
    int64_t begin, end;
    bool empty() const { return begin >= end; }
};

class ThreadPool {
public:
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const noexcept { return static_cast<int>(workers_.size()); }

    // Runs body(worker) once on every thread and returns when all have ended. `body` may not throw. One run at a time.
    void run(const std::function<void(int worker)>& body);

    // For use inside a body, by every worker: nobody passes until all have come.
    void barrier() noexcept;

    // Worker's contiguous share of `count` things, cut at multiples of `grain`.
    Range share(int worker, int64_t count, int64_t grain = 1) const noexcept;

private:
    void loop(int worker);
    void stop() noexcept;

    const bool spins_;
    std::vector<std::thread> workers_;
    const std::function<void(int)>* body_ = nullptr;
    std::atomic<bool> stopping_{false};
    // A cache line each: they are written by different threads.
    alignas(64) std::atomic<uint32_t> job_{0};
    alignas(64) std::atomic<uint32_t> running_{0};
    alignas(64) std::atomic<uint32_t> arrived_{0};
    alignas(64) std::atomic<uint32_t> phase_{0};
};

}  // namespace mamba
