// GGUF's typed key-value records, kept as they stand in the file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/model.h"

namespace mamba {

enum class GgufType : uint32_t {
    u8 = 0, i8 = 1, u16 = 2, i16 = 3, u32 = 4, i32 = 5, f32 = 6, boolean = 7, text = 8, array = 9, u64 = 10, i64 = 11, f64 = 12
};

// One record: key, type word, value. `reader` stands after it.
MetadataEntry read_metadata_entry(ByteReader& reader);
// Records one after another until the end: what mamba_model_write takes. Throws MAMBA_INVALID_ARGUMENT.
std::vector<MetadataEntry> read_metadata_records(Bytes packed);

// Typed access. Each throws MAMBA_BAD_FORMAT naming key and file when the key holds something of another kind.
class MetadataView {
public:
    MetadataView(const std::string& file, const std::vector<MetadataEntry>& entries) : file_(file), entries_(entries) {}

    bool has(std::string_view key) const { return find(key) != nullptr; }
    std::optional<int64_t> integer(std::string_view key) const;  // any integer type
    std::optional<double> real(std::string_view key) const;      // F32 or F64
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    // Throws where the key is missing.
    int64_t require_integer(std::string_view key) const;
    const std::string& file() const noexcept { return file_; }

private:
    const MetadataEntry* find(std::string_view key) const;
    const std::string& file_;
    const std::vector<MetadataEntry>& entries_;
};

MetadataEntry make_u32(std::string key, uint32_t value);
MetadataEntry make_u64(std::string key, uint64_t value);
MetadataEntry make_f32(std::string key, float value);
MetadataEntry make_boolean(std::string key, bool value);
MetadataEntry make_text(std::string key, std::string_view value);
// Puts the entry in the place of the one with its key, or at the end.
void replace(std::vector<MetadataEntry>& entries, MetadataEntry entry);

}  // namespace mamba
