#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/platform.h"
#include "base/text.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace mamba::test {
namespace {

TEST(Platform, MemoryIsZeroedAndAligned) {
    for (const size_t count : {size_t{1}, size_t{1000}, size_t{3} << 20}) {
        Buffer<float> buffer(count, "a buffer");
        EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
        EXPECT_EQ(buffer[0], 0.0f);
        EXPECT_EQ(buffer[count - 1], 0.0f);
        buffer[count - 1] = 1;
        const Buffer<float> copy = buffer.clone("a copy");
        EXPECT_EQ(copy[count - 1], 1.0f);
    }
    EXPECT_EQ(Buffer<float>(0, "nothing").data(), nullptr);
}

TEST(Platform, MoreMemoryThanThereIsIsRefused) {
    expect_error(MAMBA_OUT_OF_MEMORY, {"the giant", "MiB", "can be had"}, [] { Buffer<std::byte>(size_t{1} << 50, "the giant"); });
    expect_error(MAMBA_OUT_OF_MEMORY, {"the giant", "addressed"}, [] { Buffer<double>(std::numeric_limits<size_t>::max() / 4, "the giant"); });
}

TEST(Platform, TheMachineIsDescribed) {
    EXPECT_GE(platform::processor_count(), 1);
    EXPECT_FALSE(platform::processor_name().empty());
    EXPECT_GT(platform::total_memory(), uint64_t{64} << 20);
    EXPECT_GT(platform::available_memory(), 0u);
    EXPECT_LE(platform::available_memory(), platform::total_memory());
    const platform::CpuFeatures features = platform::cpu_features();
    EXPECT_LE(features.avx512, features.avx2);
    EXPECT_LE(features.amx, features.avx512);
    EXPECT_EQ(features.neon, MAMBA_ARM64 != 0);
    EXPECT_LE(features.dotprod, features.neon);
    EXPECT_LE(features.i8mm, features.dotprod);
#if defined(__linux__)
    EXPECT_GT(platform::resident_bytes(), 0u);
    EXPECT_GE(platform::peak_resident_bytes(), platform::resident_bytes());
#endif
}

TEST(Platform, MappedFilesKeepTheirBytesWhenForgotten) {
    TemporaryDirectory directory;
    std::string content(100000, 'x');
    std::iota(content.begin(), content.end(), '\0');
    const auto file = platform::MappedFile::open(directory.write("file", content));
    ASSERT_EQ(file->size(), content.size());
    file->forget(1, file->size());
    file->forget(file->size(), 5);
    file->forget(5000, 10);
    EXPECT_EQ(std::memcmp(file->data(), content.data(), content.size()), 0);
    EXPECT_EQ(platform::MappedFile::open(directory.write("empty", ""))->size(), 0u);
    expect_error(MAMBA_NOT_FOUND, {"cannot open", "none"}, [&] { platform::MappedFile::open(directory.file("none")); });
    EXPECT_EQ(platform::path_kind(directory.path()), platform::PathKind::directory);
    EXPECT_EQ(platform::path_kind(directory.file("empty")), platform::PathKind::file);
    EXPECT_EQ(platform::path_kind(directory.file("none")), platform::PathKind::missing);
}

TEST(Platform, FilesAppearWholeOrNotAtAll) {
    TemporaryDirectory directory;
    const std::string path = directory.write("file", "before");
    {
        platform::AtomicFile file(path);
        file.write("half", 4);
        EXPECT_EQ(file.position(), 4u);
        EXPECT_EQ(read_file(path), "before");
    }
    EXPECT_EQ(read_file(path), "before");
    EXPECT_EQ(directory.file_count(), 1u);
    platform::AtomicFile file(path);
    file.write("after", 5);
    file.commit();
    EXPECT_EQ(read_file(path), "after");
    EXPECT_EQ(directory.file_count(), 1u);
}

TEST(Hash, EveryBitOfAnInputCounts) {
    std::string data(300, 'a');
    const Hash128 whole = hash128(data.data(), data.size());
    EXPECT_EQ(hash128(data.data(), data.size()), whole);
    EXPECT_NE(hash128(data.data(), data.size(), 1), whole);
    EXPECT_NE(hash128(data.data(), data.size() - 1), whole);
    for (size_t i = 0; i < data.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            data[i] = static_cast<char>('a' ^ (1 << bit));
            const Hash128 changed = hash128(data.data(), data.size());
            EXPECT_NE(changed[0], whole[0]) << i;
            EXPECT_NE(changed[1], whole[1]) << i;
            data[i] = 'a';
        }
    }
    // The value is part of saved states: it must never change.
    EXPECT_EQ(hash128("mamba", 5)[0], 4716316514463656959u);
    EXPECT_NE(hash128("", 0)[0], hash128("\0", 1)[0]);
}

TEST(Parallel, EveryIndexOnceAndTheFirstErrorOut) {
    std::vector<std::atomic<int>> counts(1000);
    parallel_for(1000, [&](int64_t i) { ++counts[static_cast<size_t>(i)]; });
    for (const auto& count : counts) EXPECT_EQ(count, 1);
    expect_error(MAMBA_IO, {"seven"}, [] {
        parallel_for(1000, [](int64_t i) {
            if (i == 7) fail(MAMBA_IO, "seven");
        });
    });
    parallel_for(0, [](int64_t) { FAIL(); });
}

TEST(Text, NamesAreMadeFitForMessages) {
    EXPECT_EQ(quote("a\nb\x7f"), "'a?b?'");
    EXPECT_EQ(quote(std::string(200, 'x')).size(), 125u);
}

}  // namespace
}  // namespace mamba::test
