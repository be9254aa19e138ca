#include "backends/cuda/cublaslt.h"

#include <algorithm>
#include <memory>
#include <new>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace mamba::cuda {
namespace {

// From cublasLt.h and library_types.h.
constexpr int success = 0, compute_32f = 68;
constexpr int type_f32 = 0, type_f16 = 2, type_bf16 = 14;
constexpr int description_transpose_a = 3, preference_workspace = 1, preference_alignment_a = 5;
constexpr int32_t transposed = 1;
// Shapes whose algorithm is kept: prompts end in chunks of any length.
constexpr size_t most_plans = 512;

struct Algorithm {
    uint64_t data[8];
};

struct Heuristic {
    Algorithm algorithm;
    size_t workspace_bytes;
    int state;
    float waves;
    int reserved[4];
};

#if defined(_WIN32)
constexpr const char* names[] = {"cublasLt64_13.dll", "cublasLt64_12.dll", "cublasLt64_11.dll"};
void* open_library(const char* name) { return reinterpret_cast<void*>(LoadLibraryA(name)); }
void* find_symbol(void* library, const char* name) { return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name)); }
void close_library(void* library) { FreeLibrary(static_cast<HMODULE>(library)); }
#else
constexpr const char* names[] = {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"};
void* open_library(const char* name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }
void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
void close_library(void* library) { dlclose(library); }
#endif

int data_type(int32_t type) { return type == MAMBA_WEIGHT_F32 ? type_f32 : type == MAMBA_WEIGHT_F16 ? type_f16 : type_bf16; }

// The largest power of two up to 256 that divides an address.
uint32_t alignment_of(const void* at) {
    const auto address = reinterpret_cast<uintptr_t>(at) | 256;
    return static_cast<uint32_t>(address & (~address + 1));
}

}  // namespace

struct CublasLt::Functions {
    int (*create)(void** handle);
    int (*destroy)(void* handle);
    size_t (*version)();
    int (*description_create)(void** description, int compute_type, int scale_type);
    int (*description_destroy)(void* description);
    int (*description_set)(void* description, int attribute, const void* value, size_t bytes);
    int (*layout_create)(void** layout, int type, uint64_t rows, uint64_t cols, int64_t stride);
    int (*layout_destroy)(void* layout);
    int (*preference_create)(void** preference);
    int (*preference_destroy)(void* preference);
    int (*preference_set)(void* preference, int attribute, const void* value, size_t bytes);
    int (*heuristic)(void* handle, void* description, void* a, void* b, void* c, void* d, void* preference, int wanted, Heuristic* out,
                     int* found);
    int (*multiply)(void* handle, void* description, const void* alpha, const void* a, void* a_layout, const void* b, void* b_layout,
                    const void* beta, const void* c, void* c_layout, void* d, void* d_layout, const Algorithm* algorithm, void* workspace,
                    size_t workspace_bytes, cudaStream_t stream);

    // False where the library lacks one.
    bool find(void* library) {
        const auto get = [library](auto& function, const char* name) {
            function = reinterpret_cast<std::decay_t<decltype(function)>>(find_symbol(library, name));
            return function != nullptr;
        };
        return get(create, "cublasLtCreate") && get(destroy, "cublasLtDestroy") && get(version, "cublasLtGetVersion") &&
               get(description_create, "cublasLtMatmulDescCreate") && get(description_destroy, "cublasLtMatmulDescDestroy") &&
               get(description_set, "cublasLtMatmulDescSetAttribute") && get(layout_create, "cublasLtMatrixLayoutCreate") &&
               get(layout_destroy, "cublasLtMatrixLayoutDestroy") && get(preference_create, "cublasLtMatmulPreferenceCreate") &&
               get(preference_destroy, "cublasLtMatmulPreferenceDestroy") &&
               get(preference_set, "cublasLtMatmulPreferenceSetAttribute") && get(heuristic, "cublasLtMatmulAlgoGetHeuristic") &&
               get(multiply, "cublasLtMatmul");
    }
};

// A shape's descriptions and its algorithm; found false: the library has none.
struct CublasLt::Plan {
    explicit Plan(const Functions& f) : functions(f) {}
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
    ~Plan() {
        if (description != nullptr) functions.description_destroy(description);
        for (void* layout : {w, x, y}) {
            if (layout != nullptr) functions.layout_destroy(layout);
        }
    }

    const Functions& functions;
    void *description = nullptr, *w = nullptr, *x = nullptr, *y = nullptr;
    Heuristic chosen{};
    bool found = false;
};

CublasLt::CublasLt() {
    for (const char* name : names) {
        library_ = open_library(name);
        if (library_ == nullptr) continue;
        functions_ = new Functions;
        if (functions_->find(library_) && functions_->create(&handle_) == success) {
            version_ = functions_->version();
            return;
        }
        handle_ = nullptr;
        delete functions_;
        functions_ = nullptr;
        close_library(library_);
        library_ = nullptr;
    }
}

CublasLt::~CublasLt() {
    for (const auto& [key, plan] : plans_) delete plan;
    if (handle_ != nullptr) functions_->destroy(handle_);
    delete functions_;
    if (library_ != nullptr) close_library(library_);
}

// The library counts in columns: rows of y are its columns, so that it computes y' = w' (transposed, as it sees w) times x'.
CublasLt::Plan* CublasLt::plan(const Gemm& g, const Workspace& workspace) {
    const uint32_t alignments[4] = {alignment_of(g.w), alignment_of(g.x), alignment_of(g.y), alignment_of(g.y)};
    const int64_t aligned = alignments[0] | static_cast<int64_t>(alignments[1]) << 16 | static_cast<int64_t>(alignments[2]) << 32;
    const Key key = {g.type, g.m, g.n, g.k, g.x_stride, g.w_stride, g.y_stride, (g.narrow ? 2 : 0) + (g.add ? 1 : 0), aligned};
    const auto at = plans_.find(key);
    if (at != plans_.end()) return at->second;
    if (plans_.size() >= most_plans) {
        for (const auto& [old_key, plan] : plans_) delete plan;
        plans_.clear();
    }
    const Functions& f = *functions_;
    auto held = std::make_unique<Plan>(f);
    Plan* const p = held.get();
    plans_.emplace(key, p);
    held.release();
    const int type = data_type(g.type), y_type = g.narrow ? type : type_f32;
    void* preference = nullptr;
    bool ready = f.description_create(&p->description, compute_32f, type_f32) == success &&
                 f.description_set(p->description, description_transpose_a, &transposed, sizeof transposed) == success &&
                 f.layout_create(&p->w, type, static_cast<uint64_t>(g.k), static_cast<uint64_t>(g.n), g.w_stride) == success &&
                 f.layout_create(&p->x, type, static_cast<uint64_t>(g.k), static_cast<uint64_t>(g.m), g.x_stride) == success &&
                 f.layout_create(&p->y, y_type, static_cast<uint64_t>(g.n), static_cast<uint64_t>(g.m), g.y_stride) == success &&
                 f.preference_create(&preference) == success &&
                 f.preference_set(preference, preference_workspace, &workspace.bytes, sizeof workspace.bytes) == success;
    for (int i = 0; ready && i < 4; ++i) {
        ready = f.preference_set(preference, preference_alignment_a + i, &alignments[i], sizeof alignments[i]) == success;
    }
    int found = 0;
    p->found = ready && f.heuristic(handle_, p->description, p->w, p->x, p->y, p->y, preference, 1, &p->chosen, &found) == success &&
               found > 0 && p->chosen.state == success;
    if (preference != nullptr) f.preference_destroy(preference);
    return p;
}

bool CublasLt::multiply(const Queue& queue, const Gemm& g, const Workspace& workspace) {
    if (!available()) return false;
    const Plan* p = nullptr;
    try {
        p = plan(g, workspace);
    } catch (const std::bad_alloc&) {
        return false;  // a run under way needs no memory: the own kernels go on
    }
    if (!p->found) return false;
    const float alpha = 1, beta = g.add ? 1.0f : 0.0f;
    return functions_->multiply(handle_, p->description, &alpha, g.w, p->w, g.x, p->x, &beta, g.y, p->y, g.y, p->y, &p->chosen.algorithm,
                                workspace.data, workspace.bytes, queue.stream) == success;
}

}  // namespace mamba::cuda
