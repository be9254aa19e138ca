#include "model/seal.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"

namespace mamba {
namespace {

constexpr size_t piece_bytes = size_t{4} << 20;  // hashed as a unit: part of what the fingerprint means
constexpr size_t cached_bytes = size_t{32} << 10;
constexpr size_t alone_below = size_t{8} << 20;   // starting threads costs more than reading this much

struct HashedPiece {
    const WeightRef* weight;
    WeightType type;
    const std::byte* data;
    size_t bytes;
};

// True when a number has all exponent bits set: NaN or infinite. Written without a branch, so that it becomes vector code.
template <typename Word>
bool has_exponent(const std::byte* data, size_t bytes, Word exponent) {
    Word found = 0;
    for (size_t i = 0; i + sizeof(Word) <= bytes; i += sizeof(Word)) {
        Word word;
        std::memcpy(&word, data + i, sizeof(Word));
        found |= static_cast<Word>((word & exponent) == exponent);
    }
    return found != 0;
}

// `count` FP16 scales at `offset` of each block: what they multiply are small integers.
template <typename Block>
bool scales_finite(const std::byte* data, size_t bytes, size_t offset, size_t count) {
    for (size_t i = 0; i < bytes; i += sizeof(Block)) {
        if (has_exponent<uint16_t>(data + i + offset, count * sizeof(uint16_t), 0x7c00u)) return false;
    }
    return true;
}

bool all_finite(WeightType type, const std::byte* data, size_t bytes) {
    switch (type) {
        case WeightType::f32: return !has_exponent<uint32_t>(data, bytes, 0x7f800000u);
        case WeightType::f16: return !has_exponent<uint16_t>(data, bytes, 0x7c00u);
        case WeightType::bf16: return !has_exponent<uint16_t>(data, bytes, 0x7f80u);
        case WeightType::q8_0: return scales_finite<BlockQ8_0>(data, bytes, offsetof(BlockQ8_0, scale), 1);
        case WeightType::q6_k: return scales_finite<BlockQ6_K>(data, bytes, offsetof(BlockQ6_K, d), 1);
        case WeightType::q4_k: return scales_finite<BlockQ4_K>(data, bytes, offsetof(BlockQ4_K, d), 2);
    }
    return true;
}

// Hash and check share each stretch while it is in the cache.
Hash128 read_piece(const HashedPiece& piece, bool& finite) {
    Hash128 hash{};
    for (size_t first = 0; first < piece.bytes; first += cached_bytes) {
        const size_t bytes = std::min(cached_bytes, piece.bytes - first);
        const Hash128 part = hash128(piece.data + first, bytes, hash[0]);
        hash = {part[0], part[1] ^ std::rotl(hash[1], 1)};
    }
    // Whole blocks: those of quantized types are no divisors of the stretch.
    finite = all_finite(piece.type, piece.data, piece.bytes);
    return hash;
}

void append_pieces(std::vector<HashedPiece>& pieces, const WeightRef& weight) {
    const WeightType type = weight.matrix != nullptr ? weight.matrix->type : WeightType::f32;
    const std::byte* data = weight.matrix != nullptr ? weight.matrix->data : reinterpret_cast<const std::byte*>(weight.vector->data());
    const size_t bytes = weight.matrix != nullptr ? weight.matrix->bytes() : weight.vector->bytes();
    const size_t block = block_shape(type).bytes;
    const size_t step = piece_bytes / block * block;
    for (size_t first = 0; first < bytes; first += step) pieces.push_back({&weight, type, data + first, std::min(step, bytes - first)});
}

// What beside the weights decides what a model computes.
void append_config(std::vector<uint64_t>& words, const ModelConfig& config) {
    for (const int64_t number : {static_cast<int64_t>(config.architecture), config.d_model, config.d_inner, config.d_state, config.d_conv,
                                 config.dt_rank, config.head_count, config.head_dim, config.group_count, config.vocab_size,
                                 config.padded_vocab_size, int64_t{config.tied_embeddings}, int64_t{config.use_bias}, int64_t{config.use_conv_bias},
                                 int64_t{config.dt_b_c_norm}, int64_t{config.gated_norm}, int64_t{config.norm_before_gate}}) {
        words.push_back(static_cast<uint64_t>(number));
    }
    for (const float number : {config.norm_eps, config.dt_b_c_norm_eps, config.dt_min, config.dt_max}) words.push_back(std::bit_cast<uint32_t>(number));
    for (const LayerKind kind : config.layers) words.push_back(static_cast<uint64_t>(kind));
}

void count(Model& model, const std::vector<WeightRef>& weights) {
    model.parameter_count = 0;
    model.weight_bytes = 0;
    size_t most = 0;
    for (const WeightRef& weight : weights) {
        model.parameter_count += weight.matrix != nullptr ? weight.matrix->rows * weight.matrix->cols : static_cast<int64_t>(weight.vector->size());
        model.weight_bytes += static_cast<int64_t>(weight.matrix != nullptr ? weight.matrix->bytes() : weight.vector->bytes());
    }
    for (const WeightType type : all_weight_types) {
        size_t bytes = 0;
        for (const WeightRef& weight : weights) {
            if (weight.matrix != nullptr && weight.matrix->type == type) bytes += weight.matrix->bytes();
        }
        if (bytes > most) {
            most = bytes;
            model.weight_type = type;
        }
    }
}

}  // namespace

const platform::MappedFile* file_of(const Model& model, const std::byte* data) {
    for (const auto& file : model.files) {
        if (data >= file->data() && data < file->data() + file->size()) return file.get();
    }
    return nullptr;
}

void seal(Model& model, const std::string& source, Naming naming) {
    const std::vector<WeightRef> weights = list_weights(model);
    std::vector<HashedPiece> pieces;
    for (const WeightRef& weight : weights) append_pieces(pieces, weight);
    std::vector<Hash128> hashes(pieces.size());
    std::vector<char> finite(pieces.size());
    const auto work = [&](int64_t i) {
        const auto index = static_cast<size_t>(i);
        const HashedPiece& piece = pieces[index];
        bool is_finite = true;
        hashes[index] = read_piece(piece, is_finite);
        finite[index] = is_finite;
        if (const platform::MappedFile* file = file_of(model, piece.data)) file->forget(static_cast<size_t>(piece.data - file->data()), piece.bytes);
    };
    count(model, weights);
    if (model.weight_bytes < static_cast<int64_t>(alone_below)) {
        for (size_t i = 0; i < pieces.size(); ++i) work(static_cast<int64_t>(i));
    } else {
        parallel_for(static_cast<int64_t>(pieces.size()), work);
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
        if (!finite[i]) {
            fail(MAMBA_BAD_FORMAT, quote(source), " is damaged: the tensor ", quote(pieces[i].weight->name(naming)), " holds a weight that is not a finite number");
        }
    }

    std::vector<uint64_t> words;
    append_config(words, model.config);
    for (const WeightRef& weight : weights) {
        const Hash128 name = hash128(weight.gguf_name.data(), weight.gguf_name.size());
        const Matrix* matrix = weight.matrix;
        words.insert(words.end(), {name[0], name[1], matrix != nullptr ? static_cast<uint64_t>(matrix->type) : 0u,
                                   static_cast<uint64_t>(matrix != nullptr ? matrix->rows : 1),
                                   static_cast<uint64_t>(matrix != nullptr ? matrix->cols : static_cast<int64_t>(weight.vector->size()))});
    }
    for (const Hash128& hash : hashes) words.insert(words.end(), hash.begin(), hash.end());
    model.fingerprint = hash128(words.data(), words.size() * sizeof(uint64_t));
}

}  // namespace mamba
