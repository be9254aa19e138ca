#include "state/snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "backends/cpu/kernels.h"
#include "base/hash.h"

namespace mamba {
namespace {

static_assert(std::endian::native == std::endian::little, "snapshots are copied as they lie in memory");

constexpr char magic[8] = {'M', 'A', 'M', 'B', 'A', 'S', 'E', 'S'};
constexpr uint32_t first_version = 1, current_version = 2;
constexpr int64_t most_tokens = int64_t{1} << 56;  // decades of reading; sums with it do not overflow

struct Header {
    char magic[8];
    uint32_t version;
    int32_t policy_kind;
    uint64_t fingerprint[2];
    int64_t token_count;
    uint64_t token_hash;
    uint64_t state_floats;
    uint64_t hidden_floats;
};
static_assert(sizeof(Header) == 64);

uint64_t checksum(const std::byte* bytes, size_t length) { return hash128(bytes, length)[0]; }

// Entries that the state's floats hold behind the layers', as far as can be: no more than tokens since the ring was last folded.
int64_t pending_entries(const Header& header, const State& state) {
    const auto floats = static_cast<uint64_t>(state.state_floats()), entry = static_cast<uint64_t>(state.entry_floats());
    if (header.version == first_version || entry == 0 || header.state_floats < floats) return 0;
    const uint64_t most = header.token_count < 0 ? 0 : static_cast<uint64_t>(header.token_count % ring_entries);
    return static_cast<int64_t>(std::min(most, (header.state_floats - floats) / entry));
}

// A saved session of so many floats.
size_t saved_size(int64_t floats, size_t hidden_floats) {
    return sizeof(Header) + (static_cast<size_t>(floats) + hidden_floats) * sizeof(float) + sizeof(uint64_t);
}

}  // namespace

size_t snapshot_size(const State& state) { return saved_size(state.used_floats(), state.hidden_floats()); }

void save_snapshot(const State& state, const std::array<uint64_t, 2>& fingerprint, std::byte* out) {
    Header header{};
    std::memcpy(header.magic, magic, sizeof magic);
    header.version = current_version;
    header.policy_kind = MAMBA_POLICY_NONE;
    header.fingerprint[0] = fingerprint[0];
    header.fingerprint[1] = fingerprint[1];
    header.token_count = state.token_count;
    header.token_hash = state.token_hash;
    header.state_floats = static_cast<uint64_t>(state.used_floats());
    header.hidden_floats = state.hidden_floats();
    std::memcpy(out, &header, sizeof header);
    std::byte* const values = out + sizeof header;
    std::byte* const hidden = values + static_cast<size_t>(state.used_floats()) * sizeof(float);
    std::byte* const end = hidden + state.hidden_floats() * sizeof(float);
    state.read(values, hidden);
    const uint64_t sum = checksum(out, static_cast<size_t>(end - out));
    std::memcpy(end, &sum, sizeof sum);
}

void load_snapshot(const std::byte* bytes, size_t length, const std::array<uint64_t, 2>& fingerprint, State& state) {
    Header header;
    if (length < sizeof header + sizeof(uint64_t)) fail(MAMBA_BAD_FORMAT, "a saved session has more than ", length, " bytes: this one is cut short");
    std::memcpy(&header, bytes, sizeof header);
    if (std::memcmp(header.magic, magic, sizeof magic) != 0) fail(MAMBA_BAD_FORMAT, "this is not a saved session: it does not begin with MAMBASES");
    if (header.version < first_version || header.version > current_version) {
        fail(MAMBA_MISMATCH, "the session was saved in version ", header.version, " of the format; this library reads versions ",
             first_version, " to ", current_version);
    }
    if (header.fingerprint[0] != fingerprint[0] || header.fingerprint[1] != fingerprint[1]) {
        fail(MAMBA_MISMATCH, "the session was saved from another model: a state means something only to the very weights that made it");
    }
    const int64_t entries = pending_entries(header, state), floats = state.state_floats() + entries * state.entry_floats();
    const size_t expected = saved_size(floats, state.hidden_floats());
    if (header.state_floats != static_cast<uint64_t>(floats) || header.hidden_floats != state.hidden_floats() || length != expected) {
        fail(MAMBA_BAD_FORMAT, "the saved session has ", length, " bytes, this model's would have ", expected, ": it is cut short or damaged");
    }
    uint64_t sum;
    std::memcpy(&sum, bytes + length - sizeof sum, sizeof sum);
    if (sum != checksum(bytes, length - sizeof sum)) fail(MAMBA_BAD_FORMAT, "the saved session is damaged: its checksum does not match");
    if (header.policy_kind != MAMBA_POLICY_NONE) {
        fail(MAMBA_MISMATCH, "the session was saved with long-context policy ", header.policy_kind, ", which this version does not have");
    }
    if (header.token_count < 0 || header.token_count > most_tokens) fail(MAMBA_BAD_FORMAT, "the saved session claims ", header.token_count, " tokens");
    const std::byte* const values = bytes + sizeof header;
    state.token_count = header.token_count;
    state.write(values, entries, values + static_cast<size_t>(floats) * sizeof(float));
    state.token_hash = header.token_hash;
}

}  // namespace mamba
