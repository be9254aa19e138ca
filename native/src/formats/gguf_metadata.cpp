#include "formats/gguf_metadata.h"

#include <limits>

namespace mamba {
namespace {

// Bytes of a value of that type; 0 for text and array, whose length is in the file.
size_t value_bytes(GgufType type) {
    switch (type) {
        case GgufType::u8: case GgufType::i8: case GgufType::boolean: return 1;
        case GgufType::u16: case GgufType::i16: return 2;
        case GgufType::u32: case GgufType::i32: case GgufType::f32: return 4;
        case GgufType::u64: case GgufType::i64: case GgufType::f64: return 8;
        case GgufType::text: case GgufType::array: break;
    }
    return 0;
}

GgufType read_type(ByteReader& reader, std::string_view key) {
    const auto type = reader.read<uint32_t>("a metadata type");
    if (type > static_cast<uint32_t>(GgufType::f64)) {
        fail(MAMBA_BAD_FORMAT, quote(reader.file()), " is damaged: the metadata key ", quote(key), " has the unknown type ", type);
    }
    return static_cast<GgufType>(type);
}

void skip_text(ByteReader& reader) { reader.take(reader.read<uint64_t>("a metadata string"), "a metadata string"); }

void skip_array(ByteReader& reader, std::string_view key) {
    const GgufType type = read_type(reader, key);
    if (type == GgufType::array) fail(MAMBA_UNSUPPORTED, quote(reader.file()), ": the metadata key ", quote(key), " is an array of arrays");
    const auto count = reader.read<uint64_t>("a metadata array");
    const size_t bytes = type == GgufType::text ? sizeof(uint64_t) : value_bytes(type);
    if (count > reader.remaining() / bytes) {
        fail(MAMBA_BAD_FORMAT, quote(reader.file()), " is cut short or damaged: the metadata array ", quote(key), " claims ", count, " items, more than fit in the file");
    }
    if (type != GgufType::text) {
        reader.take(count * bytes, "a metadata array");
    } else {
        for (uint64_t i = 0; i < count; ++i) skip_text(reader);
    }
}

template <typename T>
MetadataEntry make(std::string key, GgufType type, const T& value) {
    MetadataEntry entry{std::move(key), std::vector<std::byte>(sizeof(uint32_t) + sizeof(T))};
    std::memcpy(entry.value.data(), &type, sizeof(uint32_t));
    std::memcpy(entry.value.data() + sizeof(uint32_t), &value, sizeof(T));
    return entry;
}

}  // namespace

MetadataEntry read_metadata_entry(ByteReader& reader) {
    MetadataEntry entry;
    entry.key = reader.text(reader.read<uint64_t>("a metadata key"), "a metadata key");
    const size_t first = reader.position();
    const GgufType type = read_type(reader, entry.key);
    if (type == GgufType::array) {
        skip_array(reader, entry.key);
    } else if (type == GgufType::text) {
        skip_text(reader);
    } else {
        reader.take(value_bytes(type), "a metadata value");
    }
    const Bytes value = reader.bytes().subspan(first, reader.position() - first);
    entry.value.assign(value.begin(), value.end());
    return entry;
}

std::vector<MetadataEntry> read_metadata_records(Bytes packed) {
    const std::string name = "the metadata to write";
    ByteReader reader(name, packed);
    std::vector<MetadataEntry> entries;
    try {
        while (reader.remaining() != 0) entries.push_back(read_metadata_entry(reader));
    } catch (const Error& error) {
        throw Error(MAMBA_INVALID_ARGUMENT, error.message());
    }
    return entries;
}

const MetadataEntry* MetadataView::find(std::string_view key) const {
    for (const MetadataEntry& entry : entries_) {
        if (entry.key == key) return &entry;
    }
    return nullptr;
}

std::optional<int64_t> MetadataView::integer(std::string_view key) const {
    const MetadataEntry* entry = find(key);
    if (entry == nullptr) return std::nullopt;
    ByteReader reader(file_, entry->value);
    switch (static_cast<GgufType>(reader.read<uint32_t>("a metadata type"))) {
        case GgufType::u8: return reader.read<uint8_t>("a metadata value");
        case GgufType::i8: return reader.read<int8_t>("a metadata value");
        case GgufType::u16: return reader.read<uint16_t>("a metadata value");
        case GgufType::i16: return reader.read<int16_t>("a metadata value");
        case GgufType::u32: return reader.read<uint32_t>("a metadata value");
        case GgufType::i32: return reader.read<int32_t>("a metadata value");
        case GgufType::i64: return reader.read<int64_t>("a metadata value");
        case GgufType::u64: {
            const auto value = reader.read<uint64_t>("a metadata value");
            if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return static_cast<int64_t>(value);
            break;
        }
        default: break;
    }
    fail(MAMBA_BAD_FORMAT, quote(file_), ": the metadata key ", quote(key), " is no integer of 63 bits");
}

std::optional<double> MetadataView::real(std::string_view key) const {
    const MetadataEntry* entry = find(key);
    if (entry == nullptr) return std::nullopt;
    ByteReader reader(file_, entry->value);
    switch (static_cast<GgufType>(reader.read<uint32_t>("a metadata type"))) {
        case GgufType::f32: return reader.read<float>("a metadata value");
        case GgufType::f64: return reader.read<double>("a metadata value");
        default: fail(MAMBA_BAD_FORMAT, quote(file_), ": the metadata key ", quote(key), " is no floating point number");
    }
}

std::optional<bool> MetadataView::boolean(std::string_view key) const {
    const MetadataEntry* entry = find(key);
    if (entry == nullptr) return std::nullopt;
    ByteReader reader(file_, entry->value);
    if (static_cast<GgufType>(reader.read<uint32_t>("a metadata type")) != GgufType::boolean) {
        fail(MAMBA_BAD_FORMAT, quote(file_), ": the metadata key ", quote(key), " is no boolean");
    }
    return reader.read<uint8_t>("a metadata value") != 0;
}

std::optional<std::string> MetadataView::text(std::string_view key) const {
    const MetadataEntry* entry = find(key);
    if (entry == nullptr) return std::nullopt;
    ByteReader reader(file_, entry->value);
    if (static_cast<GgufType>(reader.read<uint32_t>("a metadata type")) != GgufType::text) {
        fail(MAMBA_BAD_FORMAT, quote(file_), ": the metadata key ", quote(key), " is no string");
    }
    return std::string(reader.text(reader.read<uint64_t>("a metadata string"), "a metadata string"));
}

int64_t MetadataView::require_integer(std::string_view key) const {
    const auto value = integer(key);
    if (!value) fail(MAMBA_BAD_FORMAT, quote(file_), " lacks the metadata key ", quote(key));
    return *value;
}

MetadataEntry make_u32(std::string key, uint32_t value) { return make(std::move(key), GgufType::u32, value); }
MetadataEntry make_u64(std::string key, uint64_t value) { return make(std::move(key), GgufType::u64, value); }
MetadataEntry make_f32(std::string key, float value) { return make(std::move(key), GgufType::f32, value); }
MetadataEntry make_boolean(std::string key, bool value) { return make(std::move(key), GgufType::boolean, static_cast<uint8_t>(value)); }

MetadataEntry make_text(std::string key, std::string_view value) {
    MetadataEntry entry = make(std::move(key), GgufType::text, static_cast<uint64_t>(value.size()));
    const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
    entry.value.insert(entry.value.end(), bytes, bytes + value.size());
    return entry;
}

void replace(std::vector<MetadataEntry>& entries, MetadataEntry entry) {
    for (MetadataEntry& present : entries) {
        if (present.key == entry.key) {
            present = std::move(entry);
            return;
        }
    }
    entries.push_back(std::move(entry));
}

}  // namespace mamba
