#include "formats/safetensors.h"

#include <array>

#include "base/json.h"

namespace mamba {
namespace {

// Headers of real models are below 1 MiB. The bound keeps a forged one from filling the memory with JSON values.
constexpr uint64_t longest_header = uint64_t{16} << 20;

struct ElementType {
    std::string_view name;
    uint64_t bytes;
    std::optional<WeightType> type;
};
constexpr std::array<ElementType, 15> element_types{{
    {"F32", 4, WeightType::f32}, {"F16", 2, WeightType::f16}, {"BF16", 2, WeightType::bf16}, {"F64", 8, {}}, {"I64", 8, {}},
    {"U64", 8, {}},              {"I32", 4, {}},              {"U32", 4, {}},                {"I16", 2, {}}, {"U16", 2, {}},
    {"I8", 1, {}},               {"U8", 1, {}},               {"BOOL", 1, {}},               {"F8_E4M3", 1, {}}, {"F8_E5M2", 1, {}},
}};

const ElementType* find_type(std::string_view name) {
    for (const ElementType& type : element_types) {
        if (type.name == name) return &type;
    }
    return nullptr;
}

}  // namespace

void read_safetensors(const SourceFile& file, TensorTable& table) {
    ByteReader reader(file.name, file.bytes);
    const auto header_length = reader.read<uint64_t>("the header length");
    if (header_length > longest_header && header_length <= reader.remaining()) {
        fail(MAMBA_BAD_FORMAT, quote(file.name), " has a header of ", header_length, " bytes; more than ", longest_header, " are not read");
    }
    const Json header = parse_json(file.name, reader.text(header_length, "the header"));
    if (!header.is(Json::Kind::object)) fail(MAMBA_BAD_FORMAT, quote(file.name), " is not a safetensors file: its header is no JSON object");
    const Bytes data = file.bytes.subspan(reader.position());

    std::vector<Extent> extents;
    for (size_t i = 0; i < header.keys.size(); ++i) {
        const std::string& name = header.keys[i];
        const Json& entry = header.items[i];
        if (name == "__metadata__") continue;
        const auto refuse = [&](const auto&... what) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the tensor ", quote(name), " ", what...);
        };
        const Json* type_name = entry.find("dtype");
        const Json* shape = entry.find("shape");
        const Json* offsets = entry.find("data_offsets");
        if (type_name == nullptr || !type_name->is(Json::Kind::text) || shape == nullptr || !shape->is(Json::Kind::array) ||
            offsets == nullptr || !offsets->is(Json::Kind::array) || offsets->items.size() != 2) {
            refuse("lacks dtype, shape or data_offsets");
        }
        const ElementType* type = find_type(type_name->text);
        if (type == nullptr) refuse("has the unknown type ", quote(type_name->text));

        StoredTensor tensor;
        tensor.name = name;
        tensor.type_name = type_name->text;
        tensor.type = type->type;
        tensor.file = &file.name;
        tensor.mapping = file.mapping.get();
        for (const Json& dimension : shape->items) {
            if (!dimension.is(Json::Kind::integer) || dimension.integer < 0) refuse("has a dimension that is no count");
            tensor.shape.push_back(dimension.integer);
        }
        const Json &first = offsets->items[0], &last = offsets->items[1];
        if (!first.is(Json::Kind::integer) || !last.is(Json::Kind::integer) || first.integer < 0 || last.integer < first.integer) {
            refuse("has data_offsets that are no range");
        }
        const auto begin = static_cast<uint64_t>(first.integer), end = static_cast<uint64_t>(last.integer);
        if (end > data.size()) refuse("ends at byte ", end, " of the data, which has ", data.size(), ": the file is cut short or damaged");
        const auto count = element_count(tensor.shape);
        if (!count || static_cast<uint64_t>(*count) > data.size() / type->bytes || static_cast<uint64_t>(*count) * type->bytes != end - begin) {
            refuse("of shape ", to_string(tensor.shape), " and type ", type->name, " does not take the ", end - begin, " bytes it is given");
        }
        tensor.data = data.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
        if (begin != end) extents.push_back({begin, end, table.tensors().size()});
        table.add(std::move(tensor));
    }
    refuse_overlap(file.name, table, std::move(extents));
}

}  // namespace mamba
