#include "engine/policy_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "state/statistics.h"

namespace mamba {
namespace {

// Steps [begin, end) of each token, which one thread computes: a step is what has a dt of its own, a head of Mamba-2 or a channel of
// Mamba-1, with so many values of state.
struct Share {
    int64_t begin, end, state_floats;

    void copy_states(float* to, const float* from) const {
        std::memcpy(to + begin * state_floats, from + begin * state_floats, static_cast<size_t>((end - begin) * state_floats) * sizeof(float));
    }
    void clear_states(float* states) const { std::fill_n(states + begin * state_floats, (end - begin) * state_floats, 0.0f); }
};

double dot(const float* a, const float* b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

// The two kinds of block, as the policies need them.
struct HeadsPiece {
    const Kernels& kernels;
    Mamba2Scan s;
    float* dt;
    float* scratch;

    int64_t tokens() const { return s.tokens; }
    int64_t position() const { return s.first_position; }
    int64_t dt_stride() const { return s.dt_stride; }
    float* state() const { return s.state; }
    Share share() const { return {s.head_begin, s.head_end, s.head_dim * s.d_state}; }

    HeadsPiece part(int64_t first, int64_t count) const {
        HeadsPiece p = *this;
        p.s.tokens = count;
        p.s.first_position += first;
        p.s.x += first * s.stride;
        p.s.b += first * s.stride;
        p.s.c += first * s.stride;
        p.s.dt += first * s.dt_stride;
        p.s.y += first * s.y_stride;
        p.dt += first * s.dt_stride;
        p.s.ring.pending = pending_after(s.ring.pending, s.first_position, first);
        return p;
    }
    void scan(float* state, bool outputs) const {
        Mamba2Scan call = s;
        call.state = state;
        if (!outputs) call.y = nullptr;
        kernels.mamba2_scan(call, scratch);
    }
    // Whether the states change, or the tokens only wait in the ring.
    bool changes_states() const { return pending_after(s.ring.pending, s.first_position, s.tokens) == 0; }

    // A single token into the state at once, and then y of that state: a token whose dt is 0 brings nothing and takes nothing.
    void advance_now() const {
        HeadsPiece call = *this;
        call.s.first_position = ring_entries - 1;
        call.s.ring.pending = 0;
        call.scan(s.state, false);
    }
    void read_now(const float* no_steps) const {
        HeadsPiece call = *this;
        call.s.first_position = call.s.ring.pending = 0;
        call.s.dt = no_steps;
        call.scan(s.state, true);
    }
    // Calls f(head, its values in a state, how many).
    template <typename F>
    void for_heads(const F& f) const {
        const int64_t floats = s.head_dim * s.d_state;
        for (int64_t head = s.head_begin; head < s.head_end; ++head) f(head, s.state + head * floats, floats);
    }

    void leave_gate() {}
    void gate() const {}
    // y of token t less what a state from before, `since` sums of dt ago, still gives.
    void subtract(int64_t t, const float* before, const double* since) const {
        for (int64_t head = s.head_begin; head < s.head_end; ++head) {
            const float* c = s.c + t * s.stride + head / s.heads_a_group * s.d_state;
            const double left = std::exp(static_cast<double>(s.a[head]) * since[head]);
            for (int64_t p = head * s.head_dim; p < (head + 1) * s.head_dim; ++p) {
                float& y = s.y[t * s.y_stride + p];
                y = static_cast<float>(static_cast<double>(y) - left * dot(c, before + p * s.d_state, s.d_state));
            }
        }
    }
    void scale_outputs(float scale) const {
        for (int64_t t = 0; t < s.tokens; ++t) {
            float* const y = s.y + t * s.y_stride;
            for (int64_t p = s.head_begin * s.head_dim; p < s.head_end * s.head_dim; ++p) y[p] *= scale;
        }
    }
};

struct ChannelsPiece {
    const Kernels& kernels;
    Mamba1Channels c;
    float* dt;
    int64_t first_position;
    const float* gates = nullptr;  // those that leave_gate() took

    int64_t tokens() const { return c.tokens; }
    int64_t position() const { return first_position; }
    int64_t dt_stride() const { return c.dt_stride; }
    float* state() const { return c.state; }
    Share share() const { return {c.begin, c.end, c.d_state}; }

    ChannelsPiece part(int64_t first, int64_t count) const {
        ChannelsPiece p = *this;
        p.c.tokens = count;
        p.c.v += first * c.v_stride;
        p.c.dt += first * c.dt_stride;
        p.c.b += first * c.b_stride;
        p.c.c += first * c.c_stride;
        if (c.z != nullptr) p.c.z += first * c.z_stride;
        if (gates != nullptr) p.gates += first * c.z_stride;
        p.c.y += first * c.y_stride;
        p.dt += first * c.dt_stride;
        p.first_position += first;
        return p;
    }
    void scan(float* state, bool outputs) const {
        Mamba1Channels call = c;
        call.state = state;
        if (!outputs) call.y = nullptr;
        kernels.mamba1(call);
    }
    bool changes_states() const { return true; }

    void advance_now() const { scan(c.state, false); }
    void read_now(const float* no_steps) const {
        ChannelsPiece call = *this;
        call.c.dt = no_steps;
        call.scan(c.state, true);
    }
    template <typename F>
    void for_heads(const F& f) const {
        for (int64_t i = c.begin; i < c.end; i += block_channels) {
            f(i / block_channels, c.state + i * c.d_state, (std::min(i + block_channels, c.end) - i) * c.d_state);
        }
    }

    // The kernel gates what it gives out, and what is subtracted comes before.
    void leave_gate() { gates = std::exchange(c.z, nullptr); }
    void gate() const {
        for (int64_t t = 0; t < c.tokens; ++t) {
            for (int64_t i = c.begin; i < c.end; ++i) {
                const double z = static_cast<double>(gates[t * c.z_stride + i]);
                float& y = c.y[t * c.y_stride + i];
                y = static_cast<float>(static_cast<double>(y) * (z / (1 + std::exp(-z))));
            }
        }
    }
    void subtract(int64_t t, const float* before, const double* since) const {
        const float* const read = c.c + t * c.c_stride;
        for (int64_t i = c.begin; i < c.end; ++i) {
            double sum = 0;
            for (int64_t n = 0; n < c.d_state; ++n) {
                const int64_t at = i * c.d_state + n;
                sum += static_cast<double>(read[n]) * std::exp(static_cast<double>(c.a[at]) * since[i]) * static_cast<double>(before[at]);
            }
            float& y = c.y[t * c.y_stride + i];
            y = static_cast<float>(static_cast<double>(y) - sum);
        }
    }
    void scale_outputs(float scale) const {
        for (int64_t t = 0; t < c.tokens; ++t) {
            float* const y = c.y + t * c.y_stride;
            for (int64_t i = c.begin; i < c.end; ++i) y[i] *= scale;
        }
    }
};

// ---- Step sizes

template <typename Piece>
void scale_steps(const Piece& piece, float scale) {
    const Share share = piece.share();
    for (int64_t t = 0; t < piece.tokens(); ++t) {
        float* const dt = piece.dt + t * piece.dt_stride();
        for (int64_t i = share.begin; i < share.end; ++i) dt[i] *= scale;
    }
}

// Tokens of the prompt whose dt is below its least are skipped: with a dt of 0 nothing decays and nothing enters.
template <typename Piece>
void filter_steps(const Piece& piece, int64_t prompt, const float* least) {
    const Share share = piece.share();
    for (int64_t t = 0; t < std::min(piece.tokens(), prompt - piece.position()); ++t) {
        float* const dt = piece.dt + t * piece.dt_stride();
        for (int64_t i = share.begin; i < share.end; ++i) {
            if (dt[i] < least[i]) dt[i] = 0;
        }
    }
}

// ---- Windows

// Calls f(part) for the parts of blocks, which begin and end on the chunk grid.
template <typename Piece, typename F>
void for_block_parts(const WindowBlocks& blocks, const Piece& piece, const F& f) {
    for (int64_t first = 0; first < piece.tokens();) {
        const int64_t position = piece.position() + first;
        const int64_t count = std::min(piece.tokens() - first, blocks.next(position) - position);
        f(piece.part(first, count));
        first += count;
    }
}

// Two states get the same tokens. Where a block begins, the one that has been gathered since the block before is the one that is read from
// there on, and the other begins anew.
template <typename Piece>
void scan_restarting(PolicyState& policy, size_t layer, const Piece& piece) {
    const WindowBlocks blocks = policy.blocks();
    const Share share = piece.share();
    float* const newest = policy.states.data() + policy.rule->layer(layer).states;
    for_block_parts(blocks, piece, [&](const Piece& part) {
        if (blocks.begins_at(part.position()) && blocks.block(part.position()) > 0) {
            share.copy_states(part.state(), newest);
            share.clear_states(newest);
        }
        part.scan(part.state(), true);
        // The newest state is read by nobody yet: single tokens come to it when the ring does.
        if (part.position() >= blocks.origin && part.changes_states()) part.scan(newest, false);
    });
}

// What the difference-window holds of a layer: the whole state as it was where the block before the newest one began, and where the newest
// did, and the sums of dt since.
template <typename Float, typename Double>
struct Difference {
    Float *before, *newest;
    Double *since_before, *since_newest;

    Difference(Float* states, Double* steps, const Policy& rule, size_t layer)
        : before(states + rule.layer(layer).states), newest(before + rule.layer_floats()), since_before(steps + rule.layer(layer).steps),
          since_newest(since_before + rule.step_count()) {}
};

template <typename Piece>
void scan_difference(PolicyState& policy, size_t layer, Piece piece) {
    const WindowBlocks blocks = policy.blocks();
    const Share share = piece.share();
    const Difference<float, double> own(policy.states.data(), policy.steps.data(), *policy.rule, layer);
    piece.leave_gate();
    for_block_parts(blocks, piece, [&](const Piece& part) {
        if (blocks.begins_at(part.position())) {
            share.copy_states(own.before, own.newest);
            share.copy_states(own.newest, part.state());
            for (int64_t i = share.begin; i < share.end; ++i) own.since_before[i] = std::exchange(own.since_newest[i], 0.0);
        }
        part.scan(part.state(), true);
        const int64_t block = blocks.block(part.position());
        for (int64_t t = 0; block >= 0 && t < part.tokens(); ++t) {
            const float* const dt = part.dt + t * part.dt_stride();
            for (int64_t i = share.begin; i < share.end; ++i) {
                own.since_before[i] += static_cast<double>(dt[i]);
                own.since_newest[i] += static_cast<double>(dt[i]);
            }
            if (block > 0) part.subtract(t, own.before, own.since_before);
        }
        part.gate();
    });
}

// ---- Norms

// The Frobenius norm; its lanes are summed side by side, in one order.
double norm(const float* values, int64_t count) {
    constexpr int64_t lanes = 8;
    double sums[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        for (int64_t k = 0; k < lanes; ++k) sums[k] += static_cast<double>(values[i + k]) * static_cast<double>(values[i + k]);
    }
    for (; i < count; ++i) sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    double sum = 0;
    for (const double part : sums) sum += part;
    return std::sqrt(sum);
}

// h = h~ min(1, cap / ||h~||) after every token, so there is no chunked form.
template <typename Piece>
void scan_capped(const PolicyState& policy, size_t layer, const Piece& piece) {
    const float* const caps = policy.rule->layer(layer).values;
    const double scale = static_cast<double>(policy.rule->asked().norm_scale);
    for (int64_t t = 0; t < piece.tokens(); ++t) {
        const Piece token = piece.part(t, 1);
        token.advance_now();
        token.for_heads([&](int64_t head, float* values, int64_t count) {
            const double cap = scale * static_cast<double>(caps[head]), size = norm(values, count);
            if (!(size > cap)) return;
            // Towards zero, so that rounding does not leave the norm above its cap.
            const float factor = std::nextafter(static_cast<float>(cap / size), 0.0f);
            for (int64_t i = 0; i < count; ++i) values[i] *= factor;
        });
        token.read_now(policy.rule->no_steps());
    }
}

template <typename Piece>
void scan(PolicyState& policy, size_t layer, const Piece& piece) {
    switch (policy.kind()) {
        case MAMBA_POLICY_RESTART_WINDOW: return scan_restarting(policy, layer, piece);
        case MAMBA_POLICY_DIFFERENCE_WINDOW: return scan_difference(policy, layer, piece);
        case MAMBA_POLICY_STATE_NORM: return scan_capped(policy, layer, piece);
        case MAMBA_POLICY_DELTA_SCALE: scale_steps(piece, *policy.rule->layer(layer).values); break;
        case MAMBA_POLICY_TOKEN_FILTER: filter_steps(piece, policy.rule->asked().window, policy.rule->layer(layer).values); break;
        default: break;
    }
    piece.scan(piece.state(), true);
    if (policy.rule->output_scale() != 1) piece.scale_outputs(policy.rule->output_scale());
}

// Mamba2Scan or Mamba1Channels.
template <typename Call>
void change(const PolicyState& policy, size_t layer, Call& call) {
    const Policy::Layer& own = policy.rule->layer(layer);
    if (!own.a.empty()) call.a = own.a.data();
    if (!own.d.empty()) call.d = own.d.data();
    call.log_retention = policy.rule->log_retention();
}

}  // namespace

void apply_policy(const PolicyState& policy, size_t layer, Mamba2Scan& s) {
    if (policy.on()) change(policy, layer, s);
}

void scan_under_policy(const Kernels& kernels, PolicyState& policy, size_t layer, Mamba2Scan s, float* dt, float* scratch) {
    change(policy, layer, s);
    scan(policy, layer, HeadsPiece{kernels, s, dt, scratch});
}

void scan_under_policy(const Kernels& kernels, PolicyState& policy, size_t layer, Mamba1Channels c, float* dt, int64_t position) {
    change(policy, layer, c);
    scan(policy, layer, ChannelsPiece{kernels, c, dt, position});
}

void fold_under_policy(const Kernels& kernels, PolicyState& policy, size_t layer, Mamba2Scan s, int64_t position, float* scratch) {
    // A window's first block begins on the chunk grid, where nothing waits: all that waits lies on one side of it.
    if (policy.kind() != MAMBA_POLICY_RESTART_WINDOW || position <= policy.origin) return;
    s.state = policy.states.data() + policy.rule->layer(layer).states;
    kernels.mamba2_fold(s, scratch);
}

void reduce_to_window(const PolicyState& policy, size_t layer, const Model& model, int64_t position, float* state) {
    if (policy.kind() != MAMBA_POLICY_DIFFERENCE_WINDOW || policy.blocks().block(position - 1) <= 0) return;
    const Difference<const float, const double> own(policy.states.data(), policy.steps.data(), *policy.rule, layer);
    const Vector& a = model.layers[layer].a;
    const int64_t floats = policy.rule->layer_floats(), a_step = floats / policy.rule->step_count();
    const bool a_value_each = static_cast<int64_t>(a.size()) == floats;
    for (int64_t i = 0; i < floats; ++i) {
        const int64_t step = i / a_step;
        const double log_decay = static_cast<double>(a[static_cast<size_t>(a_value_each ? i : step)]) * own.since_before[step];
        state[i] = static_cast<float>(static_cast<double>(state[i]) - std::exp(log_decay) * static_cast<double>(own.before[i]));
    }
}

}  // namespace mamba
