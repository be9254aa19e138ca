// Splits `n` rows of x into as few register tiles as there can be, of at most `most` rows and nearly equal height: a low one waits for the
// weights longer than it computes with them. Calls f.template operator()<rows>(first row). Included inside unnamed namespaces.

template <int most>
constexpr int64_t row_tile_count(int64_t n) {
    return (n + most - 1) / most;
}

template <int most, typename F>
MAMBA_ALWAYS_INLINE void for_row_tiles(int64_t n, const F& f) {
    static_assert(most == 3 || most == 6);
    const int64_t count = row_tile_count<most>(n);
    for (int64_t i = 0, m = 0; i < count; ++i) {
        const int64_t height = (n - m + count - i - 1) / (count - i);
        if (height == 1) f.template operator()<1>(m);
        if (height == 2) f.template operator()<2>(m);
        if (height == 3) f.template operator()<3>(m);
        if constexpr (most > 3) {
            if (height == 4) f.template operator()<4>(m);
            if (height == 5) f.template operator()<5>(m);
            if (height == 6) f.template operator()<6>(m);
        }
        m += height;
    }
}
