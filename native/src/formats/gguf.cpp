#include "formats/gguf.h"

#include <array>
#include <unordered_set>

namespace mamba {
namespace {

constexpr size_t smallest_entry = 8 + 4 + 1;           // key length, type, one byte
constexpr size_t smallest_tensor = 8 + 4 + 8 + 4 + 8;  // name length, dimensions, one of them, type, offset
constexpr uint32_t most_dimensions = 4;
// Far beyond real files: in memory an entry takes ten times its shortest form in a file.
constexpr uint64_t most_entries = 1 << 16, most_tensors = 1 << 20;

// Names of ggml_type, for messages; the gaps are types that were removed.
constexpr std::array<const char*, 40> ggml_type_names{
    "F32", "F16", "Q4_0", "Q4_1", "", "", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS",
    "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M", "BF16", "", "", "", "TQ1_0", "TQ2_0",
    "", "", "", "MXFP4"};

std::string type_name(uint32_t type) {
    const bool named = type < ggml_type_names.size() && *ggml_type_names[type] != '\0';
    return named ? ggml_type_names[type] : "number " + std::to_string(type);
}

void check_count(const ByteReader& reader, uint64_t count, size_t smallest, uint64_t most, const char* what) {
    if (count > reader.remaining() / smallest) {
        fail(MAMBA_BAD_FORMAT, quote(reader.file()), " is cut short or damaged: it claims ", count, " ", what, ", more than fit in the file");
    }
    if (count > most) fail(MAMBA_BAD_FORMAT, quote(reader.file()), " has ", count, " ", what, "; more than ", most, " are not read");
}

struct Placed {
    StoredTensor tensor;
    uint64_t offset, bytes;
};

Placed read_tensor_info(ByteReader& reader, const SourceFile& file) {
    Placed placed;
    StoredTensor& tensor = placed.tensor;
    tensor.file = &file.name;
    tensor.mapping = file.mapping.get();
    tensor.name = reader.text(reader.read<uint64_t>("a tensor's name"), "a tensor's name");
    const auto refuse = [&](const auto&... what) {
        fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the tensor ", quote(tensor.name), " ", what...);
    };
    const auto dimensions = reader.read<uint32_t>("a tensor's shape");
    if (dimensions > most_dimensions) refuse("has ", dimensions, " dimensions");
    tensor.shape.resize(dimensions);
    for (size_t i = dimensions; i-- > 0;) {  // the file has the fastest first
        const auto dimension = reader.read<uint64_t>("a tensor's shape");
        if (dimension == 0 || dimension > (uint64_t{1} << 62)) refuse("has a dimension of ", dimension);
        tensor.shape[i] = static_cast<int64_t>(dimension);
    }
    const auto type = reader.read<uint32_t>("a tensor's type");
    tensor.type_name = type_name(type);
    tensor.type = weight_type(type);
    placed.offset = reader.read<uint64_t>("a tensor's offset");
    if (!tensor.type) {
        fail(MAMBA_UNSUPPORTED, quote(file.name), ": the tensor ", quote(tensor.name), " has the type ", tensor.type_name,
             ", which is not supported yet: use a file in F32, F16, BF16, Q8_0, Q6_K or Q4_K");
    }
    const BlockShape block = block_shape(*tensor.type);
    const auto count = element_count(tensor.shape);
    const int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (!count || row % block.weights != 0) {
        refuse("of shape ", to_string(tensor.shape), " cannot be stored as ", tensor.type_name);
    }
    const uint64_t blocks = static_cast<uint64_t>(*count / block.weights);
    if (blocks > file.bytes.size() / block.bytes) refuse("of shape ", to_string(tensor.shape), " is larger than the whole file");
    placed.bytes = blocks * block.bytes;
    return placed;
}

}  // namespace

GgufFile read_gguf(const SourceFile& file) {
    ByteReader reader(file.name, file.bytes);
    if (reader.text(gguf_magic.size(), "the file's magic") != gguf_magic) fail(MAMBA_BAD_FORMAT, quote(file.name), " is not a GGUF file");
    const auto version = reader.read<uint32_t>("the version");
    if (version != 0 && (version & 0xffffu) == 0) fail(MAMBA_UNSUPPORTED, quote(file.name), " is a big-endian GGUF file; convert it to little-endian");
    if (version != 2 && version != 3) fail(MAMBA_UNSUPPORTED, quote(file.name), " is GGUF version ", version, "; versions 2 and 3 are read");
    const auto tensor_count = reader.read<uint64_t>("the number of tensors");
    const auto entry_count = reader.read<uint64_t>("the number of metadata keys");
    check_count(reader, entry_count, smallest_entry, most_entries, "metadata keys");
    check_count(reader, tensor_count, smallest_tensor, most_tensors, "tensors");

    GgufFile gguf;
    std::unordered_set<std::string> keys;
    for (uint64_t i = 0; i < entry_count; ++i) {
        gguf.metadata.push_back(read_metadata_entry(reader));
        const std::string& key = gguf.metadata.back().key;
        if (!keys.insert(key).second) fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the metadata key ", quote(key), " appears twice");
    }
    const int64_t alignment = MetadataView(file.name, gguf.metadata).integer(gguf_alignment_key).value_or(gguf_default_alignment);
    if (alignment < 1 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0) {
        fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: ", gguf_alignment_key, " is ", alignment, ", which is no power of two up to 2^20");
    }

    std::vector<Placed> placed;
    for (uint64_t i = 0; i < tensor_count; ++i) placed.push_back(read_tensor_info(reader, file));
    const uint64_t step = static_cast<uint64_t>(alignment);
    const uint64_t start = (reader.position() + step - 1) / step * step;
    const uint64_t held = file.bytes.size() > start ? file.bytes.size() - start : 0;
    std::vector<Extent> extents;
    for (Placed& next : placed) {
        const auto refuse = [&](const auto&... what) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is cut short or damaged: the tensor ", quote(next.tensor.name), " ", what...);
        };
        if (next.offset % step != 0) refuse("begins at offset ", next.offset, ", which is no multiple of the alignment ", alignment);
        if (next.offset > held || next.bytes > held - next.offset) {
            refuse("takes ", next.bytes, " bytes at offset ", next.offset, " of the data, which has ", held);
        }
        next.tensor.data = file.bytes.subspan(static_cast<size_t>(start + next.offset), static_cast<size_t>(next.bytes));
        extents.push_back({next.offset, next.offset + next.bytes, gguf.tensors.tensors().size()});
        gguf.tensors.add(std::move(next.tensor));
    }
    refuse_overlap(file.name, gguf.tensors, std::move(extents));
    return gguf;
}

uint32_t ggml_type(WeightType type) {
    switch (type) {
        case WeightType::f32: return 0;
        case WeightType::f16: return 1;
        case WeightType::q8_0: return 8;
        case WeightType::q4_k: return 12;
        case WeightType::q6_k: return 14;
        case WeightType::bf16: return 30;
    }
    fail(MAMBA_INVALID_ARGUMENT, "weight type ", static_cast<int32_t>(type), " is unknown");
}

std::optional<WeightType> weight_type(uint32_t ggml_type) {
    switch (ggml_type) {
        case 0: return WeightType::f32;
        case 1: return WeightType::f16;
        case 8: return WeightType::q8_0;
        case 12: return WeightType::q4_k;
        case 14: return WeightType::q6_k;
        case 30: return WeightType::bf16;
        default: return std::nullopt;
    }
}

uint32_t gguf_file_type(WeightType type) {
    switch (type) {
        case WeightType::f32: return 0;
        case WeightType::f16: return 1;
        case WeightType::q8_0: return 7;
        case WeightType::q4_k: return 15;
        case WeightType::q6_k: return 18;
        case WeightType::bf16: return 32;
    }
    fail(MAMBA_INVALID_ARGUMENT, "weight type ", static_cast<int32_t>(type), " is unknown");
}

}  // namespace mamba
