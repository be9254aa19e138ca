#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "base/text.h"
#include "formats/gguf.h"
#include "model/convert.h"
#include "model/gguf_config.h"
#include "model/layer_table.h"
#include "model/seal.h"

namespace mamba {
namespace {

constexpr size_t staging_bytes = size_t{16} << 20;
constexpr const char* extra_source = "the metadata to write";

struct Output {
    const WeightRef* weight;
    Shape shape;        // outermost first
    WeightType type;
    uint64_t bytes, offset;
};

uint64_t aligned(uint64_t bytes) { return (bytes + gguf_default_alignment - 1) / gguf_default_alignment * gguf_default_alignment; }

std::vector<Output> plan(const Model& model, const std::vector<WeightRef>& weights, WeightType type) {
    std::vector<Output> outputs;
    uint64_t offset = 0;
    for (const WeightRef& weight : weights) {
        Output output{&weight, {}, WeightType::f32, 0, offset};
        if (weight.matrix != nullptr) {
            output.type = converted_type(*weight.matrix, type);
            output.shape = {weight.matrix->rows, weight.matrix->cols};
            output.bytes = static_cast<uint64_t>(weight.matrix->rows) * row_bytes(output.type, weight.matrix->cols);
        } else {
            // llama.cpp has no place for these norms in a Mamba-1 model and takes them for ones.
            const bool left_out = weight.spec != nullptr && weight.spec->ones_when_missing &&
                                  std::all_of(weight.vector->begin(), weight.vector->end(), [](float value) { return value == 1.0f; });
            if (left_out) continue;
            output.shape = weight.spec != nullptr ? gguf_shape(*weight.spec, model.config) : Shape{static_cast<int64_t>(weight.vector->size())};
            output.bytes = weight.vector->bytes();
        }
        offset = aligned(offset + output.bytes);
        outputs.push_back(std::move(output));
    }
    return outputs;
}

WeightType most_common_type(const std::vector<Output>& outputs, WeightType otherwise) {
    WeightType common = otherwise;
    uint64_t most = 0;
    for (const WeightType type : all_weight_types) {
        uint64_t bytes = 0;
        for (const Output& output : outputs) bytes += output.weight->matrix != nullptr && output.type == type ? output.bytes : 0;
        if (bytes > most) {
            most = bytes;
            common = type;
        }
    }
    return common;
}

// The model's own metadata, then what describes it, then what the caller replaces. What the caller says must not change the model.
std::vector<MetadataEntry> merge_metadata(const Model& model, WeightType type, Bytes extra) {
    std::vector<MetadataEntry> entries;
    for (const MetadataEntry& entry : model.metadata) {
        if (entry.key != gguf_alignment_key) entries.push_back(entry);
    }
    if (model.layers.empty()) {  // a vocabulary
        for (MetadataEntry& entry : read_metadata_records(extra)) replace(entries, std::move(entry));
        return entries;
    }
    for (MetadataEntry& entry : describe(model.config, type)) replace(entries, std::move(entry));
    for (MetadataEntry& entry : read_metadata_records(extra)) replace(entries, std::move(entry));

    const std::string source = extra_source;
    const MetadataView merged(source, entries);
    ModelConfig described;
    try {
        described = config_from_metadata(merged);
    } catch (const Error& error) {
        throw Error(MAMBA_INVALID_ARGUMENT, error.message());
    }
    ModelConfig expected = model.config;
    expected.training_length = described.training_length;  // is the caller's to say
    described.padded_vocab_size = expected.padded_vocab_size;
    described.tied_embeddings = expected.tied_embeddings;
    if (!(described == expected) || (merged.has(gguf_alignment_key) && merged.integer(gguf_alignment_key) != int64_t{gguf_default_alignment})) {
        fail(MAMBA_INVALID_ARGUMENT, extra_source, " replaces a key that says how the weights are stored or used; only descriptions can be replaced");
    }
    return entries;
}

template <typename T>
void append_number(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}
void append_text(std::string& out, std::string_view text) {
    append_number<uint64_t>(out, text.size());
    out += text;
}

// Everything before the weights.
std::string header(const std::vector<MetadataEntry>& entries, const std::vector<Output>& outputs) {
    std::string out(gguf_magic);
    append_number<uint32_t>(out, gguf_version);
    append_number<uint64_t>(out, outputs.size());
    append_number<uint64_t>(out, entries.size());
    for (const MetadataEntry& entry : entries) {
        append_text(out, entry.key);
        out.append(reinterpret_cast<const char*>(entry.value.data()), entry.value.size());
    }
    for (const Output& output : outputs) {
        append_text(out, output.weight->gguf_name);
        append_number<uint32_t>(out, static_cast<uint32_t>(output.shape.size()));
        for (size_t i = output.shape.size(); i-- > 0;) append_number<uint64_t>(out, static_cast<uint64_t>(output.shape[i]));
        append_number<uint32_t>(out, ggml_type(output.type));
        append_number<uint64_t>(out, output.offset);
    }
    out.resize(static_cast<size_t>(aligned(out.size())));
    return out;
}

class Writer {
public:
    Writer(const Model& model, platform::AtomicFile& file, WriteProgress progress, uint64_t total)
        : model_(model), file_(file), progress_(progress), total_(total) {}

    void write(const void* data, size_t bytes) {
        file_.write(data, bytes);
        report();
    }
    void write(const Output& output) {
        if (output.weight->matrix != nullptr) {
            write_matrix(*output.weight->matrix, output.type, output.weight->gguf_name);
        } else {
            write_vector(*output.weight);
        }
        const std::byte padding[gguf_default_alignment] = {};
        file_.write(padding, static_cast<size_t>(aligned(output.bytes) - output.bytes));
    }

private:
    void report() {
        if (progress_.callback == nullptr) return;
        if (progress_.callback(static_cast<int64_t>(file_.position()), static_cast<int64_t>(total_), progress_.context) == 0) {
            fail(MAMBA_CANCELLED, "writing was cancelled; nothing is left of the file");
        }
    }

    // Converted by all processors, a stretch of rows at a time, and written from the caller's thread.
    void write_matrix(const Matrix& matrix, WeightType type, const std::string& name) {
        const size_t bytes = row_bytes(type, matrix.cols);
        const int64_t stretch = std::max<int64_t>(1, static_cast<int64_t>(staging_bytes / bytes)), step = conversion_step(matrix);
        const platform::MappedFile* mapping = file_of(model_, matrix.data);
        std::vector<std::byte> staging(static_cast<size_t>(std::min(stretch, matrix.rows)) * bytes);
        for (int64_t first = 0; first < matrix.rows; first += stretch) {
            const int64_t rows = std::min(stretch, matrix.rows - first);
            parallel_for((rows + step - 1) / step, [&](int64_t turn) {
                const int64_t begin = turn * step;
                convert_rows(matrix, first + begin, std::min(step, rows - begin), type, name, staging.data() + static_cast<size_t>(begin) * bytes);
            });
            if (mapping != nullptr) mapping->forget(static_cast<size_t>(matrix.row(first) - mapping->data()), static_cast<size_t>(rows) * matrix.row_bytes);
            write(staging.data(), static_cast<size_t>(rows) * bytes);
        }
    }

    void write_vector(const WeightRef& weight) {
        const Vector& vector = *weight.vector;
        if (weight.spec == nullptr || weight.spec->transform != Transform::tap_major) return write(vector.data(), vector.bytes());
        const auto taps = static_cast<size_t>(model_.config.d_conv), channels = static_cast<size_t>(model_.config.conv_channels());
        std::vector<float> turned(vector.size());
        for (size_t c = 0; c < channels; ++c) {
            for (size_t k = 0; k < taps; ++k) turned[c * taps + k] = vector[k * channels + c];
        }
        write(turned.data(), turned.size() * sizeof(float));
    }

    const Model& model_;
    platform::AtomicFile& file_;
    WriteProgress progress_;
    uint64_t total_;
};

}  // namespace

void write_gguf(const Model& model, const std::string& path, WeightType type, const std::byte* metadata, size_t metadata_length, WriteProgress progress) {
    const std::vector<WeightRef> weights = list_weights(model);
    const std::vector<Output> outputs = plan(model, weights, type);
    const std::string start = header(merge_metadata(model, most_common_type(outputs, model.weight_type), {metadata, metadata_length}), outputs);
    uint64_t total = start.size();
    for (const Output& output : outputs) total += aligned(output.bytes);

    platform::AtomicFile file(path);
    Writer writer(model, file, progress, total);
    writer.write(start.data(), start.size());
    for (const Output& output : outputs) writer.write(output);
    file.commit();
}

}  // namespace mamba
