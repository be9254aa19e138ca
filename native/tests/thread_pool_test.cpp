#include "engine/thread_pool.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>

namespace mamba {
namespace {

TEST(ThreadPool, RunsOnEveryThreadAndNotOnTheCaller) {
    for (const int threads : {1, 2, 3, 8}) {
        ThreadPool pool(threads);
        std::vector<std::thread::id> ids(static_cast<size_t>(threads));
        pool.run([&](int worker) { ids[static_cast<size_t>(worker)] = std::this_thread::get_id(); });
        const std::set<std::thread::id> distinct(ids.begin(), ids.end());
        EXPECT_EQ(distinct.size(), static_cast<size_t>(threads));
        EXPECT_EQ(distinct.count(std::this_thread::get_id()), 0u);
    }
}

TEST(ThreadPool, BarriersOrderPhases) {
    ThreadPool pool(4);
    std::vector<int> phase(4, 0);
    bool in_step = true;
    std::mutex lock;
    for (int run = 0; run < 20; ++run) {
        pool.run([&](int worker) {
            for (int i = 0; i < 50; ++i) {
                ++phase[static_cast<size_t>(worker)];
                pool.barrier();
                {
                    const std::lock_guard guard(lock);
                    for (const int other : phase) in_step = in_step && other == phase[static_cast<size_t>(worker)];
                }
                pool.barrier();
            }
        });
    }
    EXPECT_TRUE(in_step);
    EXPECT_EQ(phase[0], 1000);
}

TEST(ThreadPool, SharesCoverEverythingOnce) {
    for (const int threads : {1, 2, 3, 7}) {
        ThreadPool pool(threads);
        for (const int64_t count : {0, 1, 2, 15, 16, 17, 100, 1000}) {
            for (const int64_t grain : {1, 16}) {
                int64_t next = 0;
                for (int worker = 0; worker < threads; ++worker) {
                    const Range range = pool.share(worker, count, grain);
                    EXPECT_EQ(range.begin, next);
                    EXPECT_TRUE(range.begin % grain == 0 || range.begin == count);
                    next = range.end;
                }
                EXPECT_EQ(next, count);
            }
        }
    }
}

}  // namespace
}  // namespace mamba
