// Elementary functions on Vec16, the same operations in every instruction set and so the same bits.

constexpr int64_t lanes = blocking::lanes;

MAMBA_ALWAYS_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
MAMBA_ALWAYS_INLINE int64_t lanes_at(int64_t i, int64_t n) { return smaller(n - i, lanes); }
MAMBA_ALWAYS_INLINE Vec16 load_upto(const float* p, int64_t n) { return n == lanes ? load(p) : load_first(p, n); }
MAMBA_ALWAYS_INLINE void store_upto(float* p, Vec16 a, int64_t n) {
    if (n == lanes) store(p, a);
    else store_first(p, a, n);
}

constexpr int64_t cache_line = 64;

// exp(x) for x <= 88.37, within 1 ulp; 0 or subnormal below -87.3. x = (n + f) ln 2 with |f| <= 1/2: adding
// 1.5 * 2^23 rounds x / ln 2 to nearest even, log2(e) comes in two parts so that f is exact, and 2^f = 1 + f q(f), q minimax for the
// relative error (Remez): 3e-9. `count` of them side by side: one chain of dependent operations leaves the processor waiting.
template <int count>
MAMBA_ALWAYS_INLINE void exp_decay(Vec16 (&x)[count]) {
    constexpr float q[] = {0x1.5f0beep-10f, 0x1.3b2daep-7f, 0x1.c6af76p-5f, 0x1.ebfbdcp-3f, 0x1.62e43p-1f, 1};
    const Vec16 magic = broadcast(0x1.8p23f), log2_e = broadcast(0x1.715476p0f);
    Vec16 n[count], f[count], p[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) n[i] = fma(x[i], log2_e, magic) - magic;
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) f[i] = fma(x[i], log2_e, zero() - n[i]);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) f[i] = fma(x[i], broadcast(0x1.4ae0cp-26f), f[i]);
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

// 2^t for t <= 0, within 2.1e-7; 0 or subnormal below -126. t = n + f with 0 <= f < 1, and 2^f = 1 + f q(f), q minimax for the relative error under
// three conditions: 1 at f = 0, 2 at f = 1 and, within 1e-6, the slope there. So decays just below 1, whose errors add up over many tokens,
// decay at the right rate.
template <int count>
MAMBA_ALWAYS_INLINE void exp2_decay(Vec16 (&t)[count]) {
    constexpr float q[] = {0x1.23482cp-7f, 0x1.c9e86ap-5f, 0x1.ebcc96p-3f, 0x1.62e50cp-1f, 1};
    Split split[count];
    Vec16 p[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) split[i] = split_at_floor(t[i]);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) p[i] = broadcast(0x1.f84e5cp-10f);
    MAMBA_UNROLL
    for (const float coefficient : q) {
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) p[i] = fma(p[i], split[i].fraction, broadcast(coefficient));
    }
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) t[i] = scale_by_power(p[i], split[i].power);
}

// v * sigmoid(v). Below -87, where it is less than 2e-36, it stays as it is there: exp(-v) and its reciprocal keep normal.
MAMBA_ALWAYS_INLINE Vec16 silu(Vec16 v) {
    v = max(broadcast(-87.0f), v);
    return v * reciprocal(broadcast(1.0f) + exp_decay(zero() - v));
}

// log(1 + exp(v)) = max(v, 0) + log1p(u) with u = exp(-|v|) <= 1, which is v itself above 20 to the last bit.
// log1p(u) = 2 atanh(s), s = u / (2 + u) <= 1/3; atanh(s) = s + s z q(z), z = s^2, q minimax (Remez): 5e-9.
MAMBA_ALWAYS_INLINE Vec16 softplus(Vec16 v) {
    const Vec16 u = exp_decay(min(v, zero() - v));
    const Vec16 s = u * reciprocal(broadcast(2.0f) + u);
    const Vec16 z = s * s;
    Vec16 q = fma(broadcast(0.140122294f), z, broadcast(0.139995709f));
    q = fma(q, z, broadcast(0.200108498f));
    q = fma(q, z, broadcast(0.333332062f));
    const Vec16 twice = s + s;
    return max(zero(), v) + fma(twice * z, q, twice);
}
