// Included by each loops_*.cpp in a namespace of its own: plain loops, which the compiler turns into that file's vectors.

constexpr size_t streams = 8;

uint64_t read(const uint64_t* memory, size_t words) {
    constexpr size_t line = 8;
    const size_t part = words / streams;
    uint64_t sums[streams][line] = {};
    for (size_t i = 0; i < part; i += line) {
        for (size_t s = 0; s < streams; ++s) {
            const uint64_t* from = memory + s * part + i;
            for (size_t k = 0; k < line; ++k) sums[s][k] += from[k];
        }
    }
    uint64_t sum = 0;
    for (const auto& of_stream : sums) {
        for (const uint64_t value : of_stream) sum += value;
    }
    return sum;
}

void update(float* memory, size_t floats) {
    constexpr size_t line = 16;
    const size_t part = floats / streams;
    for (size_t i = 0; i < part; i += line) {
        for (size_t s = 0; s < streams; ++s) {
            float* at = memory + s * part + i;
            for (size_t k = 0; k < line; ++k) at[k] = at[k] * 0.5f + 1.0f;
        }
    }
}
