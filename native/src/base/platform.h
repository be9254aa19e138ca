// Everything that is not standard C++: the only place where operating systems, compilers and processors differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#if defined(_MSC_VER) && !defined(__clang__)
#  define MAMBA_RESTRICT __restrict
#  define MAMBA_NOINLINE __declspec(noinline)
#  define MAMBA_ALWAYS_INLINE __forceinline
#else
#  define MAMBA_RESTRICT __restrict__
#  define MAMBA_NOINLINE __attribute__((noinline))
#  define MAMBA_ALWAYS_INLINE inline __attribute__((always_inline))
#endif

#if defined(__x86_64__) || defined(_M_X64)
#  define MAMBA_X64 1
#else
#  define MAMBA_X64 0
#endif

#if defined(__aarch64__) || defined(_M_ARM64)
#  define MAMBA_ARM64 1
#else
#  define MAMBA_ARM64 0
#endif

namespace mamba::platform {

// Zeroed, 64-byte aligned memory (huge pages asked for where large). More than the machine has to give is refused with
// MAMBA_OUT_OF_MEMORY before the operating system is asked, so that an overcommitting kernel cannot kill the process later.
void* allocate(size_t bytes, const char* what);
void release(void* memory, size_t bytes) noexcept;
// Of memory between the two: its values are not needed any more, so the pages that lie within may leave the resident set.
void discard(const void* memory, size_t bytes) noexcept;
// Between the two, a build with the address sanitizer reports every access to memory that is kept for later; others do nothing.
void forbid_access(const void* memory, size_t bytes) noexcept;
void allow_access(const void* memory, size_t bytes) noexcept;

// Bytes that can still be had without swapping; and in all.
uint64_t available_memory();
uint64_t total_memory();
// Resident set of this process now and at its highest; 0 where the system does not say.
uint64_t resident_bytes();
uint64_t peak_resident_bytes();

// Processors this process may run on (affinity and, on Linux, the CPU quota of its control group), at least 1.
int processor_count();
std::string processor_name();

// Instruction sets that this processor has and this operating system saves.
struct CpuFeatures {
    bool avx2 = false;      // AVX2 + FMA + F16C
    bool avx_vnni = false;  // integer dot products in AVX2's registers
    bool avx512 = false;    // AVX-512 F, BW, DQ, VL
    bool avx512_vnni = false;
    bool amx = false;       // tile, BF16, INT8, beside AVX-512 with VNNI and BF16; before its first tile a process must ask: allow_amx
    bool neon = false;      // arm64: every one
    bool dotprod = false;   // arm64: SDOT
    bool i8mm = false;      // arm64: SMMLA, and dotprod
};
// Asked once: under a hypervisor the question takes tens of microseconds.
const CpuFeatures& cpu_features();
// Asks the operating system for AMX in this process, now and on its later threads; true when it may be used. Without it the first tile
// instruction ends the process.
bool allow_amx() noexcept;

// One turn of a spin wait.
void pause() noexcept;

// A whole file, read-only, mapped. Paths here and below are UTF-8. Truncating the file from outside while it is mapped is outside of what
// can be caught.
class MappedFile {
public:
    static std::shared_ptr<MappedFile> open(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const std::byte* data() const noexcept { return data_; }
    size_t size() const noexcept { return size_; }
    const std::string& path() const noexcept { return path_; }
    // Tells the system that [offset, offset + bytes) will not be read again soon: its pages leave the resident set.
    void forget(size_t offset, size_t bytes) const noexcept;

private:
    MappedFile() = default;
    std::string path_;
    const std::byte* data_ = nullptr;
    size_t size_ = 0;
};

enum class PathKind { missing, file, directory, other };
PathKind path_kind(const std::string& path);

// A variable of the environment, UTF-8; empty where there is none.
std::string environment(const char* name);

// Shared libraries that are opened at run time, and stay until the process ends: drivers below them do not survive being unloaded.
// NULL where that fails; `reason` then holds the system's words.
void* open_library(const std::string& path, std::string& reason);
void* find_symbol(void* library, const char* name);
// libNAME.so, libNAME.dylib, NAME.dll.
std::string library_file(const std::string& name);
// The directory of the library or program that this code is a part of, with a separator at its end; empty where the system does not say.
std::string own_directory();

// Writes a file that appears under its name whole or not at all: a temporary file beside it, flushed, then renamed over it.
// Destroyed without commit(), it leaves nothing behind.
class AtomicFile {
public:
    explicit AtomicFile(std::string path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    void write(const void* data, size_t bytes);
    uint64_t position() const noexcept { return position_; }
    void commit();

private:
    std::string path_, temporary_;
    void* file_ = nullptr;
    uint64_t position_ = 0;
};

}  // namespace mamba::platform
