// Memory and processor: Linux, Windows and, with less detail, any POSIX system. Files: platform_files.cpp.
#include "base/platform.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include "base/error.h"

#if defined(_WIN32)
#  define WIN32_LEAN_AND_MEAN
#  if !defined(NOMINMAX)
#    define NOMINMAX
#  endif
#  include <windows.h>
#  include <malloc.h>
#  include <psapi.h>
#else
#  include <sys/mman.h>
#  include <sys/resource.h>
#  include <unistd.h>
#  if defined(__linux__)
#    include <sched.h>
#    include <sys/auxv.h>
#  elif defined(__APPLE__)
#    include <sys/sysctl.h>
#  endif
#endif

#if defined(_MSC_VER)
#  include <intrin.h>
#elif MAMBA_X64
#  include <cpuid.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#  define MAMBA_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define MAMBA_ADDRESS_SANITIZER 1
#  endif
#endif

#if defined(MAMBA_ADDRESS_SANITIZER)
#  include <sanitizer/asan_interface.h>
#endif

namespace mamba::platform {
namespace {

constexpr size_t cache_line = 64;
constexpr size_t huge_page = size_t{2} << 20;
// Below this an allocation is not worth a look at the machine's free memory.
constexpr size_t checked_from = size_t{1} << 20;
// From here on memory comes straight from the system, in huge pages. Not under AddressSanitizer, which watches malloc alone.
#if defined(MAMBA_ADDRESS_SANITIZER)
constexpr size_t mapped_from = SIZE_MAX;
#else
constexpr size_t mapped_from = 2 * huge_page;
#endif

std::string in_mebibytes(uint64_t bytes) {
    std::ostringstream text;
    text << (bytes + (1u << 20) - 1) / (1u << 20) << " MiB";
    return text.str();
}

#if defined(__linux__)
// "max" and unreadable files give `otherwise`.
uint64_t number_in(const std::string& path, uint64_t otherwise) {
    std::ifstream file(path);
    uint64_t value = 0;
    return file >> value ? value : otherwise;
}

// The number after `key` in a file of "key value" lines; 0 when it is not there.
uint64_t field_in(const std::string& path, const std::string& key) {
    std::ifstream file(path);
    std::string word;
    while (file >> word) {
        uint64_t value = 0;
        if (word == key) return file >> value ? value : 0;
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return 0;
}

// The directories of this process's control group (version 2) from its own up to the root; each can set a limit.
std::vector<std::string> control_groups() {
    std::vector<std::string> groups;
    std::ifstream file("/proc/self/cgroup");
    std::string line;
    while (std::getline(file, line)) {
        if (line.rfind("0::/", 0) != 0) continue;
        for (std::string path = line.substr(3); !path.empty(); path.erase(path.find_last_of('/'))) groups.push_back("/sys/fs/cgroup" + path);
    }
    groups.push_back("/sys/fs/cgroup");
    return groups;
}

// What the memory control groups still allow; page cache counts as free, for the kernel drops it first.
uint64_t control_group_available() {
    uint64_t available = UINT64_MAX;
    const auto limit_by = [&](uint64_t limit, uint64_t used, uint64_t cache) {
        if (limit == UINT64_MAX) return;
        used -= std::min(used, cache);
        available = std::min(available, limit - std::min(limit, used));
    };
    for (const std::string& group : control_groups()) {
        const std::string statistics = group + "/memory.stat";
        limit_by(number_in(group + "/memory.max", UINT64_MAX), number_in(group + "/memory.current", 0),
                 field_in(statistics, "active_file") + field_in(statistics, "inactive_file"));
    }
    const std::string first_version = "/sys/fs/cgroup/memory/";
    limit_by(number_in(first_version + "memory.limit_in_bytes", UINT64_MAX), number_in(first_version + "memory.usage_in_bytes", 0),
             field_in(first_version + "memory.stat", "total_active_file") + field_in(first_version + "memory.stat", "total_inactive_file"));
    return available;
}

int control_group_processors() {
    int processors = std::numeric_limits<int>::max();
    const auto limit_by = [&](double quota, double period) {
        if (quota > 0 && period > 0) processors = std::min(processors, std::max(1, static_cast<int>((quota + period - 1) / period)));
    };
    for (const std::string& group : control_groups()) {
        std::ifstream file(group + "/cpu.max");  // "max 100000" or "quota period"
        double quota = 0, period = 0;
        if (file >> quota >> period) limit_by(quota, period);
    }
    const std::string first_version = "/sys/fs/cgroup/cpu/";
    limit_by(static_cast<double>(static_cast<int64_t>(number_in(first_version + "cpu.cfs_quota_us", 0))),
             static_cast<double>(number_in(first_version + "cpu.cfs_period_us", 0)));
    return processors;
}
#endif

#if MAMBA_X64
std::array<uint32_t, 4> cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    std::array<uint32_t, 4> registers{};
#  if defined(_MSC_VER)
    int values[4];
    __cpuidex(values, static_cast<int>(leaf), static_cast<int>(subleaf));
    std::memcpy(registers.data(), values, sizeof(values));
#  else
    __cpuid_count(leaf, subleaf, registers[0], registers[1], registers[2], registers[3]);
#  endif
    return registers;
}

// XCR0: the register sets that the operating system saves.
uint64_t saved_registers() {
#  if defined(_MSC_VER)
    return _xgetbv(0);
#  else
    uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<uint64_t>(high) << 32) | low;
#  endif
}
#endif

#if MAMBA_ARM64 && defined(__APPLE__)
bool says_yes(const char* name) {
    int value = 0;
    size_t bytes = sizeof value;
    return sysctlbyname(name, &value, &bytes, nullptr, 0) == 0 && value != 0;
}
#endif

}  // namespace

void discard([[maybe_unused]] const void* memory, [[maybe_unused]] size_t bytes) noexcept {
#if defined(__linux__)
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const uintptr_t first = (reinterpret_cast<uintptr_t>(memory) + page - 1) / page * page;
    const uintptr_t last = (reinterpret_cast<uintptr_t>(memory) + bytes) / page * page;
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#endif
}

void* allocate(size_t bytes, const char* what) {
    if (bytes == 0) return nullptr;
    if (bytes >= checked_from) {
        const uint64_t available = available_memory();
        if (bytes > available) {
            fail(MAMBA_OUT_OF_MEMORY, what, " needs ", in_mebibytes(bytes), " of memory, and ", in_mebibytes(available), " of ",
                 in_mebibytes(total_memory()), " can be had: close other programs or choose a smaller model");
        }
    }
    void* memory = nullptr;
#if defined(_WIN32)
    if (bytes >= mapped_from) {
        memory = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    } else {
        memory = _aligned_malloc(bytes, cache_line);
        if (memory != nullptr) std::memset(memory, 0, bytes);
    }
#else
    if (bytes >= mapped_from) {
        if (bytes > SIZE_MAX - 2 * huge_page) fail(MAMBA_OUT_OF_MEMORY, what, " needs more memory than can be addressed");
        // Maps one huge page more than asked for, then gives back what lies before and after the aligned part.
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t length = (bytes + page - 1) / page * page;
        void* mapping = mmap(nullptr, length + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapping != MAP_FAILED) {
            const size_t before = (huge_page - reinterpret_cast<uintptr_t>(mapping) % huge_page) % huge_page;
            char* start = static_cast<char*>(mapping) + before;
            if (before != 0) munmap(mapping, before);
            if (before != huge_page) munmap(start + length, huge_page - before);
#  if defined(MADV_HUGEPAGE)
            madvise(start, length, MADV_HUGEPAGE);
#  endif
            memory = start;
        }
    } else if (posix_memalign(&memory, cache_line, bytes) == 0) {
        std::memset(memory, 0, bytes);
    } else {
        memory = nullptr;
    }
#endif
    if (memory == nullptr) fail(MAMBA_OUT_OF_MEMORY, what, " needs ", in_mebibytes(bytes), " of memory, which the system refused");
    return memory;
}

void release(void* memory, size_t bytes) noexcept {
    if (memory == nullptr) return;
#if defined(_WIN32)
    if (bytes >= mapped_from) {
        VirtualFree(memory, 0, MEM_RELEASE);
    } else {
        _aligned_free(memory);
    }
#else
    if (bytes >= mapped_from) {
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        munmap(memory, (bytes + page - 1) / page * page);
    } else {
        std::free(memory);
    }
#endif
}

#if defined(MAMBA_ADDRESS_SANITIZER)
void forbid_access(const void* memory, size_t bytes) noexcept { __asan_poison_memory_region(memory, bytes); }
void allow_access(const void* memory, size_t bytes) noexcept { __asan_unpoison_memory_region(memory, bytes); }
#else
void forbid_access(const void*, size_t) noexcept {}
void allow_access(const void*, size_t) noexcept {}
#endif

#if defined(_WIN32)

uint64_t available_memory() {
    MEMORYSTATUSEX status{};
    status.dwLength = sizeof(status);
    return GlobalMemoryStatusEx(&status) ? std::min(status.ullAvailPhys, status.ullAvailPageFile) : UINT64_MAX;
}

uint64_t total_memory() {
    MEMORYSTATUSEX status{};
    status.dwLength = sizeof(status);
    return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}

uint64_t resident_bytes() {
    PROCESS_MEMORY_COUNTERS counters{};
    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof(counters)) ? counters.WorkingSetSize : 0;
}

uint64_t peak_resident_bytes() {
    PROCESS_MEMORY_COUNTERS counters{};
    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof(counters)) ? counters.PeakWorkingSetSize : 0;
}

#elif defined(__linux__)

uint64_t available_memory() {
    const uint64_t kibibytes = field_in("/proc/meminfo", "MemAvailable:");
    return std::min(kibibytes == 0 ? UINT64_MAX : kibibytes * 1024, control_group_available());
}

uint64_t total_memory() {
    uint64_t total = field_in("/proc/meminfo", "MemTotal:") * 1024;
    for (const std::string& group : control_groups()) total = std::min(total, number_in(group + "/memory.max", total));
    return std::min(total, number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", total));
}

uint64_t resident_bytes() { return field_in("/proc/self/status", "VmRSS:") * 1024; }
uint64_t peak_resident_bytes() { return field_in("/proc/self/status", "VmHWM:") * 1024; }

#else

uint64_t total_memory() {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : 0;
}

uint64_t available_memory() {
    const uint64_t total = total_memory();  // what is free is not part of POSIX
    return total == 0 ? UINT64_MAX : total;
}

uint64_t resident_bytes() { return 0; }

uint64_t peak_resident_bytes() {
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#  if defined(__APPLE__)
    return static_cast<uint64_t>(usage.ru_maxrss);
#  else
    return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
#  endif
}

#endif

int processor_count() {
    int count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(_WIN32)
    DWORD_PTR process = 0, system = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process != 0) {
        int allowed = 0;
        for (; process != 0; process &= process - 1) ++allowed;
        count = std::min(std::max(count, 1), allowed);
    }
#elif defined(__linux__)
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) count = CPU_COUNT(&allowed);
    count = std::min(count, control_group_processors());
#endif
    return std::max(count, 1);
}

std::string processor_name() {
#if MAMBA_X64
    if (cpuid(0x80000000u)[0] >= 0x80000004u) {
        char brand[49] = {};
        for (uint32_t part = 0; part < 3; ++part) {
            const auto registers = cpuid(0x80000002u + part);
            std::memcpy(brand + 16 * part, registers.data(), 16);
        }
        const std::string name = brand;
        const size_t first = name.find_first_not_of(' ');
        if (first != std::string::npos) return name.substr(first, name.find_last_not_of(' ') + 1 - first);
    }
    return "x64 processor";
#elif MAMBA_ARM64
    return "arm64 processor";
#else
    return "processor";
#endif
}

static CpuFeatures ask_for_features() {
    CpuFeatures features;
#if MAMBA_X64
    if (cpuid(0)[0] < 7) return features;
    const uint32_t base = cpuid(1)[2];
    const auto has = [](uint32_t bits, int bit) { return ((bits >> bit) & 1u) != 0; };
    if (!has(base, 27)) return features;  // OSXSAVE: without it XCR0 cannot be read
    const auto extended = cpuid(7);
    const uint64_t saved = saved_registers();
    const bool ymm = (saved & 0x6u) == 0x6u;
    const bool zmm = (saved & 0xe6u) == 0xe6u;
    const bool tiles = (saved & 0x60000u) == 0x60000u;
    features.avx2 = ymm && has(base, 12) && has(base, 29) && has(extended[1], 5);
    features.avx512 = features.avx2 && zmm && has(extended[1], 16) && has(extended[1], 17) && has(extended[1], 30) && has(extended[1], 31);
    features.avx512_vnni = features.avx512 && has(extended[2], 11);
    const uint32_t more = extended[0] >= 1 ? cpuid(7, 1)[0] : 0;
    features.avx_vnni = features.avx2 && has(more, 4);
    const bool avx512_bf16 = has(more, 5);
    features.amx = features.avx512_vnni && avx512_bf16 && tiles && has(extended[3], 22) && has(extended[3], 24) && has(extended[3], 25);
#elif MAMBA_ARM64
    features.neon = true;
#  if defined(__linux__)
    features.dotprod = ((getauxval(AT_HWCAP) >> 20) & 1) != 0;                    // HWCAP_ASIMDDP
    features.i8mm = features.dotprod && ((getauxval(AT_HWCAP2) >> 13) & 1) != 0;  // HWCAP2_I8MM
#  elif defined(__APPLE__)
    features.dotprod = says_yes("hw.optional.arm.FEAT_DotProd");
    features.i8mm = features.dotprod && says_yes("hw.optional.arm.FEAT_I8MM");
#  elif defined(_WIN32)
    features.dotprod = IsProcessorFeaturePresent(43) != 0;                   // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
    features.i8mm = features.dotprod && IsProcessorFeaturePresent(66) != 0;  // PF_ARM_V82_I8MM_INSTRUCTIONS_AVAILABLE
#  endif
#endif
    return features;
}

const CpuFeatures& cpu_features() {
    static const CpuFeatures features = ask_for_features();
    return features;
}

bool allow_amx() noexcept {
#if MAMBA_X64 && defined(__linux__)
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return cpu_features().amx && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return false;  // elsewhere it was never tried
#endif
}

void pause() noexcept {
#if MAMBA_X64
#  if defined(_MSC_VER)
    _mm_pause();
#  else
    __builtin_ia32_pause();
#  endif
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#elif defined(_M_ARM64)
    __yield();
#endif
}

}  // namespace mamba::platform
