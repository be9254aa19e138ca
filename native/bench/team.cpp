#include "team.h"

#include <map>
#include <memory>

#include "base/platform.h"

namespace mamba::bench {

ThreadPool& team(int threads) {
    static std::map<int, std::unique_ptr<ThreadPool>> pools;
    std::unique_ptr<ThreadPool>& pool = pools[threads];
    if (!pool) pool = std::make_unique<ThreadPool>(threads);
    return *pool;
}

std::vector<int> thread_counts() {
    const int all = platform::processor_count();
    return all == 1 ? std::vector<int>{1} : std::vector<int>{1, all};
}

}  // namespace mamba::bench
