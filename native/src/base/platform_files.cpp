// Files that are mapped to be read and files that are written whole: Windows and POSIX.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>

#include "base/error.h"
#include "base/platform.h"

#if defined(_WIN32)
#  define WIN32_LEAN_AND_MEAN
#  if !defined(NOMINMAX)
#    define NOMINMAX
#  endif
#  include <windows.h>
#else
#  include <fcntl.h>
#  include <sys/mman.h>
#  include <sys/stat.h>
#  include <unistd.h>
#endif

namespace mamba::platform {
namespace {

std::filesystem::path native_path(const std::string& utf8) {
    return std::filesystem::path(std::u8string(utf8.begin(), utf8.end()));
}

[[noreturn]] void fail_with(int error, const char* action, const std::string& path) {
#if defined(_WIN32)
    const bool missing = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
#else
    const bool missing = error == ENOENT || error == ENOTDIR;
#endif
    fail(missing ? MAMBA_NOT_FOUND : MAMBA_IO, "cannot ", action, " '", path, "': ", std::system_category().message(error));
}

#if defined(_WIN32)
int last_error() { return static_cast<int>(GetLastError()); }
HANDLE as_handle(void* file) { return static_cast<HANDLE>(file); }
#else
int last_error() { return errno; }
// A descriptor kept in a pointer: 0 is a valid one, so it is stored plus one.
int as_descriptor(void* file) { return static_cast<int>(reinterpret_cast<intptr_t>(file)) - 1; }
void* from_descriptor(int descriptor) { return reinterpret_cast<void*>(static_cast<intptr_t>(descriptor) + 1); }
#endif

}  // namespace

PathKind path_kind(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(native_path(path), error);
    if (status.type() == std::filesystem::file_type::not_found || status.type() == std::filesystem::file_type::none) return PathKind::missing;
    if (std::filesystem::is_directory(status)) return PathKind::directory;
    return std::filesystem::is_regular_file(status) ? PathKind::file : PathKind::other;
}

#if defined(_WIN32)

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
    std::shared_ptr<MappedFile> mapped(new MappedFile);
    mapped->path_ = path;
    const HANDLE file = CreateFileW(native_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) fail_with(last_error(), "open", path);
    LARGE_INTEGER size{};
    int error = GetFileSizeEx(file, &size) ? 0 : last_error();
    if (error == 0 && size.QuadPart > 0) {
        const HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
        const void* view = mapping != nullptr ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : nullptr;
        if (view == nullptr) error = last_error();
        if (mapping != nullptr) CloseHandle(mapping);
        mapped->data_ = static_cast<const std::byte*>(view);
        mapped->size_ = view != nullptr ? static_cast<size_t>(size.QuadPart) : 0;
    }
    CloseHandle(file);
    if (error != 0) fail_with(error, "map", path);
    return mapped;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) UnmapViewOfFile(data_);
}

void MappedFile::forget(size_t offset, size_t bytes) const noexcept {
    // Unlocking pages that are not locked is how Windows is asked to take them out of the working set.
    if (offset < size_) VirtualUnlock(const_cast<std::byte*>(data_) + offset, std::min(bytes, size_ - offset));
}

#else

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
    std::shared_ptr<MappedFile> mapped(new MappedFile);
    mapped->path_ = path;
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail_with(last_error(), "open", path);
    struct stat status {};
    int error = fstat(file, &status) == 0 ? 0 : last_error();
    if (error == 0 && !S_ISREG(status.st_mode)) error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    if (error == 0 && status.st_size > 0) {
        void* view = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, file, 0);
        if (view == MAP_FAILED) {
            error = last_error();
        } else {
            mapped->data_ = static_cast<const std::byte*>(view);
            mapped->size_ = static_cast<size_t>(status.st_size);
        }
    }
    ::close(file);
    if (error != 0) fail_with(error, "map", path);
    return mapped;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::forget(size_t offset, size_t bytes) const noexcept {
    // Whole pages inside the range only: their neighbours may be in use. Shared and clean, so the data stays in the page cache.
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    if (offset >= size_) return;
    const size_t end = offset + std::min(bytes, size_ - offset);
    const size_t first = (offset + page - 1) / page * page;
    const size_t last = end == size_ ? end : end / page * page;
    if (first < last) madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

#endif

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
    std::random_device random;
    constexpr int attempts = 16;
    for (int attempt = 1;; ++attempt) {
        std::ostringstream name;
        name << path_ << '.' << std::hex << random() << ".tmp";
        temporary_ = name.str();
#if defined(_WIN32)
        const HANDLE file =
            CreateFileW(native_path(temporary_).c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
        if (file != INVALID_HANDLE_VALUE) {
            file_ = file;
            return;
        }
        if (last_error() != ERROR_FILE_EXISTS || attempt == attempts) fail_with(last_error(), "write", path_);
#else
        const int file = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0) {
            file_ = from_descriptor(file);
            return;
        }
        if (last_error() != EEXIST || attempt == attempts) fail_with(last_error(), "write", path_);
#endif
    }
}

AtomicFile::~AtomicFile() {
    if (file_ == nullptr) return;
#if defined(_WIN32)
    CloseHandle(as_handle(file_));
    DeleteFileW(native_path(temporary_).c_str());
#else
    ::close(as_descriptor(file_));
    ::unlink(temporary_.c_str());
#endif
}

void AtomicFile::write(const void* data, size_t bytes) {
    constexpr size_t most = size_t{1} << 30;  // of one call to the system
    const char* next = static_cast<const char*>(data);
    while (bytes > 0) {
#if defined(_WIN32)
        DWORD written = 0;
        if (!WriteFile(as_handle(file_), next, static_cast<DWORD>(std::min(bytes, most)), &written, nullptr)) {
            fail_with(last_error(), "write", path_);
        }
#else
        const ssize_t written = ::write(as_descriptor(file_), next, std::min(bytes, most));
        if (written < 0) {
            if (errno == EINTR) continue;
            fail_with(last_error(), "write", path_);
        }
#endif
        next += written;
        bytes -= static_cast<size_t>(written);
        position_ += static_cast<uint64_t>(written);
    }
}

void AtomicFile::commit() {
#if defined(_WIN32)
    if (!FlushFileBuffers(as_handle(file_))) fail_with(last_error(), "write", path_);
    CloseHandle(as_handle(std::exchange(file_, nullptr)));
    if (!MoveFileExW(native_path(temporary_).c_str(), native_path(path_).c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        const int error = last_error();
        DeleteFileW(native_path(temporary_).c_str());
        fail_with(error, "write", path_);
    }
#else
    if (fsync(as_descriptor(file_)) != 0) fail_with(last_error(), "write", path_);
    ::close(as_descriptor(std::exchange(file_, nullptr)));
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
        const int error = last_error();
        ::unlink(temporary_.c_str());
        fail_with(error, "write", path_);
    }
    // The new name itself must reach the disk; a file system that cannot do this has still renamed.
    const size_t slash = path_.find_last_of('/');
    const std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const int folder = ::open(directory.c_str(), O_RDONLY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        ::close(folder);
    }
#endif
}

}  // namespace mamba::platform
