// Norms, gates, softplus and the convolution on Vec16. Included by kernels_simd.inl.

// 1 / sqrt(mean(x^2) + eps)
MAMBA_ALWAYS_INLINE Vec16 rms_scale(const float* x, int64_t d, float eps) {
    Vec16 squares = zero();
    for (int64_t i = 0; i < d; i += lanes) {
        const Vec16 v = load_upto(x + i, lanes_at(i, d));
        squares = fma(v, v, squares);
    }
    return broadcast(1.0f / square_root(sum(squares) / static_cast<float>(d) + eps));
}

void rms_norm(const float* x, const float* weight, float eps, int64_t d, float* y) {
    const Vec16 scale = rms_scale(x, d, eps);
    for (int64_t i = 0; i < d; i += lanes) {
        const int64_t n = lanes_at(i, d);
        Vec16 v = load_upto(x + i, n) * scale;
        if (weight != nullptr) v = v * load_upto(weight + i, n);
        store_upto(y + i, v, n);
    }
}

void gated_norm(float* y, const float* z, const float* weight, float eps, int64_t d_inner, int64_t group, bool norm_before_gate) {
    if (weight == nullptr) group = d_inner;
    for (int64_t g = 0; g < d_inner; g += group, y += group, z += group) {
        const float* w = weight != nullptr ? weight + g : nullptr;
        if (w != nullptr && norm_before_gate) rms_norm(y, w, eps, group, y);
        for (int64_t i = 0; i < group; i += lanes) {
            const int64_t n = lanes_at(i, group);
            store_upto(y + i, load_upto(y + i, n) * silu(load_upto(z + i, n)), n);
        }
        if (w != nullptr && !norm_before_gate) rms_norm(y, w, eps, group, y);
    }
}

void softplus_clamped(float* x, const float* bias, float low, float high, int64_t n) {
    for (int64_t i = 0; i < n; i += lanes) {
        const int64_t count = lanes_at(i, n);
        Vec16 v = load_upto(x + i, count);
        if (bias != nullptr) v = v + load_upto(bias + i, count);
        store_upto(x + i, min(broadcast(high), max(broadcast(low), softplus(v))), count);
    }
}

// ---- Convolution: a block of tokens at a time, so that every input is loaded once and the taps stay in registers.

// Where the input of token t lies, t >= 1 - d_conv.
MAMBA_ALWAYS_INLINE const float* convolution_input(const Convolution& c, int64_t t) {
    return t < 0 ? c.window + (t + c.d_conv - 1) * c.channels : c.in + t * c.in_stride;
}

// `count` tokens from t, all channels; `taps` is d_conv, or 0 where that is no constant.
template <int taps, int count>
MAMBA_NOINLINE void convolve_tokens(const Convolution& call, int64_t t) {
    const Convolution c = call;  // a copy, which stores of vectors cannot change
    for (int64_t i = c.begin; i < c.end; i += lanes) {
        const int64_t n = lanes_at(i, c.end);
        const Vec16 bias = c.bias != nullptr ? load_upto(c.bias + i, n) : zero();
        Vec16 total[count];
        if constexpr (taps != 0) {
            Vec16 weight[taps], in[taps + count - 1];
            MAMBA_UNROLL
            for (int k = 0; k < taps; ++k) weight[k] = load_upto(c.weight + k * c.channels + i, n);
            MAMBA_UNROLL
            for (int k = 0; k < taps + count - 1; ++k) in[k] = load_upto(convolution_input(c, t + k - (taps - 1)) + i, n);
            MAMBA_UNROLL
            for (int m = 0; m < count; ++m) {
                total[m] = bias;
                MAMBA_UNROLL
                for (int k = 0; k < taps; ++k) total[m] = fma(weight[k], in[m + k], total[m]);
            }
        } else {
            MAMBA_UNROLL
            for (int m = 0; m < count; ++m) total[m] = bias;
            for (int64_t k = 0; k < c.d_conv; ++k) {
                const Vec16 weight = load_upto(c.weight + k * c.channels + i, n);
                MAMBA_UNROLL
                for (int m = 0; m < count; ++m) {
                    total[m] = fma(weight, load_upto(convolution_input(c, t + m + k - (c.d_conv - 1)) + i, n), total[m]);
                }
            }
        }
        silu(total);
        MAMBA_UNROLL
        for (int m = 0; m < count; ++m) store_upto(c.out + (t + m) * c.out_stride + i, total[m], n);
    }
}

template <int taps>
MAMBA_ALWAYS_INLINE void convolve(const Convolution& c) {
    constexpr int block = 4;
    int64_t t = 0;
    for (; t + block <= c.tokens; t += block) convolve_tokens<taps, block>(c, t);
    for (; t < c.tokens; ++t) convolve_tokens<taps, 1>(c, t);
}

void convolution(const Convolution& c) {
    if (c.d_conv == 4) convolve<4>(c);
    else convolve<0>(c);
}
