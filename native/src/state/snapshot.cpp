#include "state/snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "backends/cpu/kernels.h"
#include "base/hash.h"
#include "base/text.h"

namespace mamba {
namespace {

static_assert(std::endian::native == std::endian::little, "snapshots are copied as they lie in memory");

constexpr char magic[8] = {'M', 'A', 'M', 'B', 'A', 'S', 'E', 'S'};
constexpr uint32_t first_version = 1, plain_version = 2, current_version = 3;

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

// Before each section of version 3.
struct SectionHead {
    char tag[8];
    uint64_t length;
};
static_assert(sizeof(SectionHead) == 16);

constexpr std::string_view step_sums_tag{"STEPSUMS", 8}, policy_tag{"POLICY\0", 8};

// Begins the section of a policy.
struct PolicyHead {
    int64_t window;
    float retention, insertion, norm_scale;
    int32_t layer_value_count;
    int64_t origin;
};
static_assert(sizeof(PolicyHead) == 32);

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

size_t step_sums_bytes(int64_t count) { return sizeof(int64_t) + static_cast<size_t>(count) * sizeof(double); }

size_t policy_bytes(const Policy& policy) {
    return sizeof(PolicyHead) + (policy.values().size() + static_cast<size_t>(policy.state_floats())) * sizeof(float) +
           static_cast<size_t>(policy.step_sums()) * sizeof(double);
}

// Of all sections.
size_t sections_size(const State& state) {
    size_t size = 0;
    if (state.tracking.on()) size += sizeof(SectionHead) + step_sums_bytes(state.tracking.count);
    if (state.policy.on()) size += sizeof(SectionHead) + policy_bytes(*state.policy.rule);
    return size;
}

// Writes the head of a section; returns where its bytes go.
std::byte* begin_section(std::byte* out, std::string_view tag, size_t length) {
    SectionHead section{};
    std::copy_n(tag.data(), sizeof section.tag, section.tag);
    section.length = length;
    std::memcpy(out, &section, sizeof section);
    return out + sizeof section;
}

std::byte* save_step_sums(const Tracking& tracking, std::byte* out) {
    out = begin_section(out, step_sums_tag, step_sums_bytes(tracking.count));
    std::vector<double> sums(static_cast<size_t>(tracking.count));
    tracking.read(sums.data());
    std::memcpy(out, &tracking.tokens, sizeof tracking.tokens);
    std::memcpy(out + sizeof tracking.tokens, sums.data(), sums.size() * sizeof(double));
    return out + step_sums_bytes(tracking.count);
}

void load_step_sums(const std::byte* bytes, size_t length, int64_t step_sums, State& state) {
    Tracking& tracking = state.tracking;
    if (tracking.on()) fail(MAMBA_BAD_FORMAT, "the saved session holds sums of its step sizes twice");
    if (step_sums == 0 || length != step_sums_bytes(step_sums)) {
        fail(MAMBA_BAD_FORMAT, "the saved session's sums of step sizes take ", length, " bytes, this model's ", step_sums_bytes(step_sums));
    }
    tracking.start(step_sums, state.device());
    std::memcpy(&tracking.tokens, bytes, sizeof tracking.tokens);
    std::vector<double> sums(static_cast<size_t>(step_sums));
    std::memcpy(sums.data(), bytes + sizeof tracking.tokens, sums.size() * sizeof(double));
    // What became NaN or infinite is saved and loaded as it is: such a session is to be looked at too.
    const bool sane = std::all_of(sums.begin(), sums.end(), [](double sum) { return !(sum < 0); });
    if (!sane || tracking.tokens < 0 || tracking.tokens > state.token_count) {
        fail(MAMBA_BAD_FORMAT, "the saved session's sums of step sizes over ", tracking.tokens, " tokens are none");
    }
    tracking.write(sums.data());
}

std::byte* save_policy(const State& state, std::byte* out) {
    const PolicyState& policy = state.policy;
    const mamba_policy& asked = policy.rule->asked();
    const PolicyHead head{asked.window, asked.retention, asked.insertion, asked.norm_scale, asked.layer_value_count, policy.origin};
    out = begin_section(out, policy_tag, policy_bytes(*policy.rule));
    const auto put = [&](const void* from, size_t size) {
        if (size != 0) std::memcpy(out, from, size);
        out += size;
    };
    put(&head, sizeof head);
    put(policy.rule->values().data(), policy.rule->values().size() * sizeof(float));
    // The device's are gathered first: they need not be aligned here.
    Buffer<float> gathered;
    if (policy.newest.states() != nullptr) {
        gathered = Buffer<float>(static_cast<size_t>(policy.rule->state_floats()), "a saved session's policy");
        policy.read_states(state.state_floats(), state.hidden_floats(), gathered.data());
    }
    const Buffer<float>& states = gathered.empty() ? policy.states : gathered;
    put(states.data(), states.bytes());
    put(policy.steps.data(), policy.steps.bytes());
    return out;
}

std::shared_ptr<const Policy> make_policy(int32_t kind, const PolicyHead& head, const std::vector<float>& values, const Model& model) {
    mamba_policy asked{};
    asked.struct_size = sizeof asked;
    asked.kind = kind;
    asked.window = head.window;
    asked.retention = head.retention;
    asked.insertion = head.insertion;
    asked.norm_scale = head.norm_scale;
    asked.layer_value_count = head.layer_value_count;
    try {
        return Policy::make(asked, values.data(), values.size(), model);
    } catch (const Error& error) {
        if (error.code() != MAMBA_INVALID_ARGUMENT) throw;  // a lack of memory says nothing about the file
        fail(MAMBA_BAD_FORMAT, "the saved session's policy is none: ", error.message());
    }
}

void load_policy(const std::byte* bytes, size_t length, int32_t kind, const Model& model, State& state) {
    if (state.policy.on()) fail(MAMBA_BAD_FORMAT, "the saved session holds a policy twice");
    PolicyHead head;
    if (kind == MAMBA_POLICY_NONE || length < sizeof head) fail(MAMBA_BAD_FORMAT, "the saved session's section of a policy belongs to none");
    std::memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    const auto layers = static_cast<uint64_t>(model.config.layer_count());
    const uint64_t count = layers * static_cast<uint64_t>(std::max(head.layer_value_count, 0));
    if (count > (length - sizeof head) / sizeof(float)) {
        fail(MAMBA_BAD_FORMAT, "the saved session's policy has ", length, " bytes, too few for its layers' values");
    }
    std::vector<float> values(static_cast<size_t>(count));
    const auto get = [&](void* to, size_t size) {
        if (size != 0) std::memcpy(to, bytes, size);
        bytes += size;
    };
    get(values.data(), values.size() * sizeof(float));
    PolicyState policy(make_policy(kind, head, values, model), state.token_count, state.device());
    if (length != policy_bytes(*policy.rule)) {
        fail(MAMBA_BAD_FORMAT, "the saved session's policy has ", length, " bytes, of this model it would have ", policy_bytes(*policy.rule));
    }
    Buffer<float> states(static_cast<size_t>(policy.rule->state_floats()), "a saved session's policy");
    get(states.data(), states.bytes());
    policy.write_states(state.state_floats(), state.hidden_floats(), states.data());
    get(policy.steps.data(), policy.steps.bytes());
    // Blocks begin on the chunk grid: the first one at the latest at the next place of it, or a window behind the first token.
    const bool sane_origin = head.origin >= 0 && head.origin % chunk_tokens == 0 &&
                             head.origin <= std::max(head.window, state.token_count + chunk_tokens);
    const bool sane_steps = std::all_of(policy.steps.begin(), policy.steps.end(), [](double sum) { return !(sum < 0); });
    if ((policy.rule->is_window() && !sane_origin) || !sane_steps || (!policy.rule->uses_ring() && state.pending > 0)) {
        fail(MAMBA_BAD_FORMAT, "what the saved session's policy has gathered cannot be");
    }
    if (policy.rule->is_window()) policy.origin = head.origin;
    state.policy = std::move(policy);
}

void load_sections(const std::byte* bytes, size_t length, int64_t step_sums, int32_t policy_kind, const Model* model, State& state) {
    while (length > 0) {
        SectionHead section;
        if (length < sizeof section) fail(MAMBA_BAD_FORMAT, "the saved session ends within the head of a section: it is damaged");
        std::memcpy(&section, bytes, sizeof section);
        bytes += sizeof section;
        length -= sizeof section;
        const std::string_view tag(section.tag, sizeof section.tag);
        const std::string name = quote(tag.substr(0, tag.find_last_not_of('\0') + 1));
        if (section.length > length) fail(MAMBA_BAD_FORMAT, "the saved session's section ", name, " ends behind the file: it is damaged");
        const auto size = static_cast<size_t>(section.length);
        if (tag == step_sums_tag) load_step_sums(bytes, size, step_sums, state);
        else if (tag == policy_tag && model != nullptr) load_policy(bytes, size, policy_kind, *model, state);
        else fail(MAMBA_MISMATCH, "the session was saved with a section ", name, ", which this version of the library does not know");
        bytes += size;
        length -= size;
    }
}

}  // namespace

size_t snapshot_size(const State& state) { return saved_size(state.used_floats(), state.hidden_floats()) + sections_size(state); }

void save_snapshot(const State& state, const std::array<uint64_t, 2>& fingerprint, std::byte* out) {
    Header header{};
    std::memcpy(header.magic, magic, sizeof magic);
    header.version = sections_size(state) > 0 ? current_version : plain_version;
    header.policy_kind = state.policy.kind();
    header.fingerprint[0] = fingerprint[0];
    header.fingerprint[1] = fingerprint[1];
    header.token_count = state.token_count;
    header.token_hash = state.token_hash;
    header.state_floats = static_cast<uint64_t>(state.used_floats());
    header.hidden_floats = state.hidden_floats();
    std::memcpy(out, &header, sizeof header);
    std::byte* const values = out + sizeof header;
    std::byte* const hidden = values + static_cast<size_t>(state.used_floats()) * sizeof(float);
    std::byte* end = hidden + state.hidden_floats() * sizeof(float);
    state.read(values, hidden);
    if (state.tracking.on()) end = save_step_sums(state.tracking, end);
    if (state.policy.on()) end = save_policy(state, end);
    const uint64_t sum = checksum(out, static_cast<size_t>(end - out));
    std::memcpy(end, &sum, sizeof sum);
}

void load_snapshot(const std::byte* bytes, size_t length, const std::array<uint64_t, 2>& fingerprint, State& state,
                   int64_t step_sums, const Model* model) {
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
    if (header.state_floats != static_cast<uint64_t>(floats) || header.hidden_floats != state.hidden_floats() || length < expected ||
        (header.version < current_version && length != expected)) {
        fail(MAMBA_BAD_FORMAT, "the saved session has ", length, " bytes, this model's would have ", expected, ": it is cut short or damaged");
    }
    uint64_t sum;
    std::memcpy(&sum, bytes + length - sizeof sum, sizeof sum);
    if (sum != checksum(bytes, length - sizeof sum)) fail(MAMBA_BAD_FORMAT, "the saved session is damaged: its checksum does not match");
    const bool takes_policy = header.version == current_version && model != nullptr;
    if (header.policy_kind < MAMBA_POLICY_NONE || header.policy_kind > (takes_policy ? MAMBA_POLICY_TOKEN_FILTER : MAMBA_POLICY_NONE)) {
        fail(MAMBA_MISMATCH, "the session was saved with long-context policy ", header.policy_kind, ", which this version does not have");
    }
    if (header.token_count < 0 || header.token_count > most_tokens) fail(MAMBA_BAD_FORMAT, "the saved session claims ", header.token_count, " tokens");
    const std::byte* const values = bytes + sizeof header;
    state.token_count = header.token_count;
    state.write(values, entries, values + static_cast<size_t>(floats) * sizeof(float));
    state.token_hash = header.token_hash;
    state.tracking.stop();
    state.policy = PolicyState();
    const std::byte* const sections = bytes + expected - sizeof sum;
    load_sections(sections, static_cast<size_t>(bytes + length - sizeof sum - sections), step_sums, header.policy_kind, model, state);
    if (state.policy.kind() != header.policy_kind) fail(MAMBA_BAD_FORMAT, "the saved session names a policy and does not hold it");
}

}  // namespace mamba
