// Short work at load time on threads that live as long as the call. The engine has its own pool.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/platform.h"

namespace mamba {

// Calls work(i) once for every i < count, on at most one thread a processor (the caller's among them), in no promised order.
// The first exception ends the loop and is thrown again here.
template <typename Work>
void parallel_for(int64_t count, const Work& work) {
    std::atomic<int64_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto run = [&] {
        try {
            for (int64_t i = next++; i < count; i = next++) work(i);
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            next = count;
        }
    };
    std::vector<std::thread> threads;
    try {
        const int64_t wanted = std::min<int64_t>(count, platform::processor_count());
        for (int64_t i = 1; i < wanted; ++i) threads.emplace_back(run);
    } catch (const std::exception&) {
        // The system has no more threads to give: fewer do the same work.
    }
    run();
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace mamba
