// A table whose Q8_0 goes by integer dot products. Included where `table` and matmul_q8_vnni of an instruction set are known.

void matmul_vnni(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t x_stride, int64_t rows, const float* bias, bool add,
                 float* y, int64_t y_stride, float* scratch) {
    if (w.type == WeightType::q8_0) matmul_q8_vnni(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
    else matmul(w, begin, end, x, x_stride, rows, bias, add, y, y_stride, scratch);
}

constexpr Kernels vnni_table = [] {
    Kernels kernels = table;
    kernels.matmul = matmul_vnni;
    return kernels;
}();
