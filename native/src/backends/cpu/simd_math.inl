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

// Loops over the vectors of a register tile: unrolled, so that the tile is registers and not memory. Not under sanitizers,
// whose checks make unrolled tiles take minutes to compile.
#if defined(MAMBA_SANITIZED)
#  define MAMBA_UNROLL
#elif defined(__clang__)
#  define MAMBA_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#  define MAMBA_UNROLL _Pragma("GCC unroll 16")
#else
#  define MAMBA_UNROLL
#endif

// exp(x) for x <= 88.37, within 1.5 ulp; 0 below -87.3, where FP32 would be subnormal. x = n ln 2 + r with |r| <= ln 2 / 2;
// adding 1.5 * 2^23 rounds x / ln 2 to nearest even and leaves n in the low bits. ln 2 in two parts (Cody and Waite), then
// 1 + r + r^2 q(r) with q minimax for the relative error (Remez): 3e-9.
// `count` of them side by side: one chain of dependent operations leaves the processor waiting.
template <int count>
MAMBA_ALWAYS_INLINE void exp_decay(Vec16 (&x)[count]) {
    constexpr float q[] = {0x1.123a20p-7f, 0x1.5558f2p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f, 1, 1};
    const Vec16 magic = broadcast(0x1.8p23f);
    Vec16 rounded[count], r[count], p[count];
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) rounded[i] = fma(x[i], broadcast(0x1.715476p0f), magic);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) p[i] = rounded[i] - magic;  // n
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) r[i] = fma(p[i], broadcast(-0x1.63p-1f), x[i]);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) r[i] = fma(p[i], broadcast(0x1.bd0106p-13f), r[i]);
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) p[i] = broadcast(0x1.6a23cep-10f);
    MAMBA_UNROLL
    for (const float coefficient : q) {
        MAMBA_UNROLL
        for (int i = 0; i < count; ++i) p[i] = fma(p[i], r[i], broadcast(coefficient));
    }
    MAMBA_UNROLL
    for (int i = 0; i < count; ++i) x[i] = scale_by_power(p[i], rounded[i], x[i], broadcast(-87.3f));
}
MAMBA_ALWAYS_INLINE Vec16 exp_decay(Vec16 x) {
    Vec16 one[] = {x};
    exp_decay(one);
    return one[0];
}

constexpr float infinity = std::numeric_limits<float>::infinity();

// exp(x) for every x: infinite above 88.72283, NaN stays NaN.
MAMBA_ALWAYS_INLINE Vec16 exp(Vec16 x) { return where_greater(x, broadcast(0x1.62e42ep6f), broadcast(infinity), exp_decay(x)); }

// v * sigmoid(v); exp(-v) grows to infinity for very negative v and gives -0.
MAMBA_ALWAYS_INLINE Vec16 silu(Vec16 v) { return v / (broadcast(1.0f) + exp(zero() - v)); }

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
