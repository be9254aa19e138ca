// Elementary functions on Vec16, the same operations in every instruction set and so the same bits.

constexpr int64_t lanes = blocking::lanes;
constexpr int64_t part_lanes = lanes / passes;

MAMBA_ALWAYS_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
MAMBA_ALWAYS_INLINE int64_t lanes_at(int64_t i, int64_t n) { return smaller(n - i, lanes); }
MAMBA_ALWAYS_INLINE Vec16 load_upto(const float* p, int64_t n) { return n == lanes ? load(p) : load_first(p, n); }
MAMBA_ALWAYS_INLINE void store_upto(float* p, Vec16 a, int64_t n) {
    if (n == lanes) store(p, a);
    else store_first(p, a, n);
}

constexpr int64_t cache_line = 64;

// exp(sign x) for sign x <= 88.37, within 1 ulp; below -87.3 subnormal, and at last 0. The argument is (n + f) ln 2 with |f| <= 1/2: adding
// 1.5 * 2^23 rounds x log2(e) to nearest even, log2(e) comes in two parts so that f is exact, and 2^f = 1 + f q(f), q minimax for the
// relative error (Remez): 3e-9. `count` of them side by side: one chain of dependent operations leaves the processor waiting.
template <int sign = 1, int count>
MAMBA_ALWAYS_INLINE void exp_decay(Vec16 (&x)[count]) {
    constexpr float q[] = {0x1.5f0beep-10f, 0x1.3b2daep-7f, 0x1.c6af76p-5f, 0x1.ebfbdcp-3f, 0x1.62e43p-1f, 1};
    const Vec16 magic = broadcast(0x1.8p23f), high = broadcast(sign * 0x1.715476p0f), low = broadcast(sign * 0x1.4ae0cp-26f);
    Vec16 n[count], f[count], p[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) x[i] = sign > 0 ? max(broadcast(-105.0f), x[i]) : min(broadcast(105.0f), x[i]);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) n[i] = fma(x[i], high, magic) - magic;
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) f[i] = fma(x[i], low, fms(x[i], high, n[i]));
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) p[i] = broadcast(0x1.41a7bp-13f);
    MAMBA_UNROLL
    for (const float coefficient : q) {
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) p[i] = fma(p[i], f[i], broadcast(coefficient));
    }
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) x[i] = scale_by_power(p[i], n[i]);
}
MAMBA_ALWAYS_INLINE Vec16 exp_decay(Vec16 x) {
    Vec16 one[] = {x};
    exp_decay(one);
    return one[0];
}

// 2^t for finite t <= 0, within 2.5e-7; below -126 subnormal, and at last 0. t = n + f with whole n and -1 < f <= 0, which is exact, and
// 2^f = 1 + f q(f), q minimax (Remez) for the relative error where rounding leaves room, with q(0) = ln 2: so decays just below 1, whose
// errors add up over many tokens, keep their rate.
template <int count>
MAMBA_ALWAYS_INLINE void exp2_decay(Vec16 (&t)[count]) {
    constexpr float q[] = {0x1.2fd004p-7f, 0x1.c5846ep-5f, 0x1.ebf0eep-3f, 0x1.62e43p-1f, 1};
    Vec16 f[count], p[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) f[i] = below_ceiling(t[i]);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) p[i] = broadcast(0x1.fc1ac2p-11f);
    MAMBA_UNROLL
    for (const float coefficient : q) {
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) p[i] = fma(p[i], f[i], broadcast(coefficient));
    }
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) t[i] = scale_by_power(p[i], t[i] - f[i]);
}

// v * sigmoid(v). Below -87, where it is less than 2e-36, it stays as it is there: exp(-v) stays finite.
template <int count>
MAMBA_ALWAYS_INLINE void silu(Vec16 (&v)[count]) {
    Vec16 e[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) e[i] = v[i] = max(broadcast(-87.0f), v[i]);
    exp_decay<-1>(e);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) v[i] = v[i] / (broadcast(1.0f) + e[i]);
}
MAMBA_ALWAYS_INLINE Vec16 silu(Vec16 v) {
    Vec16 one[] = {v};
    silu(one);
    return one[0];
}

// log(1 + exp(v)) = max(v, 0) + log1p(u) with u = exp(-|v|) <= 1, which is v itself above 20 to the last bit.
// log1p(u) = 2 atanh(s), s = u / (2 + u) <= 1/3; atanh(s) = s + s z q(z), z = s^2, q minimax (Remez): 5e-9.
MAMBA_ALWAYS_INLINE Vec16 softplus(Vec16 v) {
    const Vec16 u = exp_decay(min(v, zero() - v));
    const Vec16 s = u / (broadcast(2.0f) + u);
    const Vec16 z = s * s;
    Vec16 q = fma(broadcast(0.140122294f), z, broadcast(0.139995709f));
    q = fma(q, z, broadcast(0.200108498f));
    q = fma(q, z, broadcast(0.333332062f));
    const Vec16 twice = s + s;
    return max(zero(), v) + fma(twice * z, q, twice);
}
