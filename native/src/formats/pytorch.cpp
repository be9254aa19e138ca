#include "formats/pytorch.h"

#include <array>

#include "formats/pickle.h"
#include "formats/zip.h"

namespace mamba {
namespace {

struct StorageClass {
    std::string_view name, type_name;
    int64_t bytes;
    std::optional<WeightType> type;
};
constexpr std::array<StorageClass, 10> storage_classes{{
    {"FloatStorage", "F32", 4, WeightType::f32}, {"HalfStorage", "F16", 2, WeightType::f16}, {"BFloat16Storage", "BF16", 2, WeightType::bf16},
    {"DoubleStorage", "F64", 8, {}}, {"LongStorage", "I64", 8, {}}, {"IntStorage", "I32", 4, {}}, {"ShortStorage", "I16", 2, {}},
    {"CharStorage", "I8", 1, {}}, {"ByteStorage", "U8", 1, {}}, {"BoolStorage", "BOOL", 1, {}},
}};

const StorageClass* find_class(std::string_view name) {
    for (const StorageClass& storage : storage_classes) {
        if (storage.name == name) return &storage;
    }
    return nullptr;
}

// The elements of storage that the view reaches past its offset, or nullopt when that is no number.
std::optional<int64_t> reach(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    if (shape.size() != strides.size()) return std::nullopt;
    constexpr int64_t most = int64_t{1} << 60;
    int64_t last = 0;
    for (size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0 || strides[i] < 0) return std::nullopt;
        if (shape[i] == 0) return 0;
        if (strides[i] != 0 && shape[i] - 1 > (most - last) / strides[i]) return std::nullopt;
        last += (shape[i] - 1) * strides[i];
    }
    return last + 1;
}

bool is_contiguous(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    int64_t expected = 1;
    for (size_t i = shape.size(); i-- > 0;) {
        if (shape[i] == 1) continue;
        if (strides[i] != expected) return false;
        expected *= shape[i];
    }
    return true;
}

}  // namespace

void read_pytorch(const SourceFile& file, TensorTable& table) {
    if (!is_zip(file.bytes)) {
        fail(MAMBA_UNSUPPORTED, quote(file.name),
             " is not a zip archive, as torch.save has written since PyTorch 1.6: load it in PyTorch and save it again, or use safetensors");
    }
    const std::vector<ZipEntry> entries = read_zip(file);
    // All entries stand in one folder, named as the file was when it was saved: <folder>/data.pkl, <folder>/data/0, ...
    constexpr std::string_view pickle_name = "data.pkl";
    const ZipEntry* pickle = nullptr;
    std::unordered_map<std::string_view, Bytes> by_name;
    for (const ZipEntry& entry : entries) {
        if (!by_name.emplace(entry.name, entry.data).second) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the entry ", quote(entry.name), " appears twice");
        }
        const bool named = entry.name.size() >= pickle_name.size() && std::string_view(entry.name).substr(entry.name.size() - pickle_name.size()) == pickle_name;
        if (named && pickle == nullptr) pickle = &entry;
    }
    if (pickle == nullptr) fail(MAMBA_BAD_FORMAT, quote(file.name), " is not a PyTorch checkpoint: it holds no ", pickle_name);
    const std::string folder = pickle->name.substr(0, pickle->name.size() - pickle_name.size());
    if (const auto order = by_name.find(folder + "byteorder"); order != by_name.end()) {
        const std::string_view text(reinterpret_cast<const char*>(order->second.data()), order->second.size());
        if (text.substr(0, 6) != "little") fail(MAMBA_UNSUPPORTED, quote(file.name), " was saved on a big-endian machine");
    }

    for (const PickledTensor& pickled : read_state_dict(file.name, pickle->data)) {
        const auto refuse = [&](const auto&... what) {
            fail(MAMBA_BAD_FORMAT, quote(file.name), " is damaged: the tensor ", quote(pickled.name), " ", what...);
        };
        const StorageClass* storage = find_class(pickled.storage_class);
        if (storage == nullptr) refuse("has the unknown storage ", quote(pickled.storage_class));
        const std::string entry_name = folder + "data/" + std::string(pickled.storage_key);
        const auto entry = by_name.find(entry_name);
        if (entry == by_name.end()) refuse("points to the storage ", quote(entry_name), ", which is not there");
        const int64_t held = static_cast<int64_t>(entry->second.size()) / storage->bytes;
        if (pickled.storage_count < 0 || pickled.storage_count > held) {
            refuse("points to a storage of ", pickled.storage_count, " elements; the entry ", quote(entry_name), " holds ", held);
        }
        const auto used = reach(pickled.shape, pickled.strides);
        const auto count = element_count(pickled.shape);
        if (!used || !count || pickled.offset < 0 || pickled.offset > pickled.storage_count || *used > pickled.storage_count - pickled.offset) {
            refuse("of shape ", to_string(pickled.shape), " reaches outside its storage of ", pickled.storage_count, " elements");
        }
        // Strides of 0 could make a small file fill the memory.
        if (*count > *used) refuse("of shape ", to_string(pickled.shape), " shows elements of its storage more than once, which no trained weight does");
        StoredTensor tensor;
        tensor.name = pickled.name;
        tensor.type_name = storage->type_name;
        tensor.type = storage->type;
        tensor.shape = pickled.shape;
        if (*count != 0 && !is_contiguous(pickled.shape, pickled.strides)) tensor.strides = pickled.strides;
        tensor.data = entry->second.subspan(static_cast<size_t>(pickled.offset * storage->bytes), static_cast<size_t>(*used * storage->bytes));
        tensor.file = &file.name;
        tensor.mapping = file.mapping.get();
        table.add(std::move(tensor));
    }
}

}  // namespace mamba
