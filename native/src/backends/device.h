// The border between the core and a device's backend library (backends/cuda): a table of C functions over plain structs, found by one
// exported symbol. The core (engine/device_backend.cpp) is on one side, a library that is opened at run time (backends/device_library.h) on the
// other: they are built by different compilers, share no C++ type and no memory that one takes and the other frees, and no exception
// crosses. Both sides of one build ship together: another version is refused, not adapted to.
//
// What the library does: holds a model's weights and its sessions' states on one device, and advances states by rows of tokens.
// Batches, slices, undo, snapshots and what may be asked for are the core's: it checks every argument before it calls.
//
// Every function returns a mamba_result and, where that is not MAMBA_OK, fills `status`. Functions of one device_engine may be called from
// any thread, one after another: the library holds a lock of the engine's around each. Work is queued in the order of calls; what a call
// says it leaves under way is finished by the next that says it waits.
//
// After MAMBA_DEVICE the device has stopped working for this process (CUDA: a sticky error): every later call of any engine on it says so
// again, at once, and states on it are lost. After MAMBA_OUT_OF_MEMORY everything is as before the call.
#pragma once

#include <stdint.h>

namespace mamba::device {

// Of this header: every change of a struct or a meaning raises it.
constexpr int32_t interface_version = 3;
// Of the exported function of type GetTable.
constexpr char table_symbol[] = "mamba_device_table";
constexpr char cuda_library[] = "mamba_cuda";
// Of top(): entries of a row at most, where the vocabulary has more.
constexpr int32_t most_top = 1024;
// Of the ring of recent inputs (state/layout.h): tokens of Mamba-2 that wait to be brought into a state, at most.
constexpr int32_t ring_entries = 16;

struct Status {
    int32_t code;        // mamba_result
    char message[500];   // UTF-8, ends with a zero byte
};

// A device that this process can see.
struct Info {
    int32_t usable;              // 0: `reason` says why not
    int32_t compute_capability;  // 10 * major + minor
    int32_t unit_count;          // multiprocessors
    int64_t memory_bytes, free_bytes;
    char name[128];
    char reason[256];
};

// Host memory: [rows, cols] of mamba_weight_type, row after row, each row_bytes long (model/tensor.h). data NULL: there is none.
struct Matrix {
    const void* data;
    int64_t rows, cols, row_bytes;
    int32_t type;
    int32_t reserved;
};

// A layer's weights in host memory; shapes: model/model.h. Vectors are FP32; NULL: there is none.
struct Layer {
    Matrix in_proj, x_proj, dt_proj, out_proj;
    const float *norm, *in_proj_bias, *conv_weight, *conv_bias, *dt_bias, *a, *d, *dt_norm, *b_norm, *c_norm, *gated_norm, *out_proj_bias;
};

// All layers are of one kind: Mamba-1 where head_count is 0, else Mamba-2. Names and meanings: model/config.h.
struct Model {
    int64_t layer_count, d_model, d_inner, d_state, d_conv, dt_rank, head_count, head_dim, group_count, vocab_size, padded_vocab_size;
    float norm_eps, dt_b_c_norm_eps, dt_min, dt_max;
    int32_t dt_b_c_norm, gated_norm, norm_before_gate;
    int32_t reserved;
    Matrix embedding, head;  // head.data == embedding.data: one matrix
    const float* final_norm;
    const Layer* layers;
};

// A long-context policy as it was asked for: mamba_policy, checked, with its values, [layers, layer_value_count].
struct Policy {
    int32_t kind;  // mamba_policy_kind
    int32_t layer_value_count;
    int64_t window;
    float retention, insertion, norm_scale;
    int32_t reserved;
    const float* layer_values;
};

// Tokens of one session that are to be read in a row, or, without any, the session as it is. A run holds a session once.
struct Piece {
    int32_t slot;           // the session's state
    int32_t count;          // of tokens; of a run's at least 1
    int64_t position;       // of the first token in its session: those that it has read
    const int32_t* tokens;  // each below padded_vocab_size
    int32_t policy;         // what policy_take() gave, or -1
    int32_t newest;         // of a restart-window: the slot with the state that begins with the newest block, else -1
    int64_t origin;         // likewise: where blocks begin (state/policy.h)
    int32_t sums;           // what sums_take() gave, for the tokens' step sizes, or -1
    int32_t reserved;
};

// Over a head's state, or that of a block of 64 channels of Mamba-1, for mamba_head_statistics: of its values, and, of a session with sums, of
// what is left of the first token in them, of each value that has a decay of its own.
struct HeadSums {
    double sum, squares;
    double log_retention, retention;
    float max_abs;
    int32_t reserved;
};

// A hidden vector whose logits are wanted: row `row` of the last run (its pieces' tokens one after another), or, where slot is not -1, that
// of the last token that this state has read.
struct Row {
    int32_t slot;
    int32_t row;
};

struct TopEntry {  // mamba_top_entry
    int32_t token;
    float logit;
};

struct Engine;  // the library's own

struct Table {
    int32_t version;  // interface_version
    int32_t size;     // of this struct

    // ---- Devices
    // *count: those the driver shows. MAMBA_UNSUPPORTED where there is no driver, none that is new enough, or no device.
    int32_t (*device_count)(int32_t* count, Status* status);
    // A device that cannot be used is no error: info->usable is 0. MAMBA_NOT_FOUND where there is no device of this index.
    int32_t (*device_get)(int32_t index, Info* info, Status* status);

    // ---- Engines
    // Copies the weights to the device; `model` and what it points to may go afterwards. max_rows: tokens of a run at most.
    int32_t (*open)(int32_t index, const Model* model, int64_t max_rows, Engine** engine, Status* status);
    // Waits for what is under way, and frees everything, states too. NULL is nothing.
    void (*close)(Engine* engine);
    // Device memory held beside the weights and the states in use; and the weights' own.
    void (*memory)(Engine* engine, int64_t* working_bytes, int64_t* weight_bytes);
    // Bytes a second that reading device memory reaches now. Waits.
    int32_t (*bandwidth)(Engine* engine, double* bytes_per_second, Status* status);

    // ---- States: slots 0, 1, ... of the engine's pool, each the values of StateLayout and a hidden vector of d_model, FP32
    // A slot whose values are unspecified. The pool grows by need, and keeps what is given back.
    int32_t (*state_take)(Engine* engine, int32_t* slot, Status* status);
    // The same in page-locked host memory, for a state at rest: such a slot is for state_copy, state_read and state_give alone.
    int32_t (*state_take_host)(Engine* engine, int32_t* slot, Status* status);
    void (*state_give)(Engine* engine, int32_t slot);
    // To zeros: a state that has read nothing.
    int32_t (*state_clear)(Engine* engine, int32_t slot, Status* status);
    // `to` becomes as `from`. Both may be under way: copies and runs keep their order. Between the device and host memory the copy goes on
    // beside later runs, and only what uses either slot waits for it. Not from host memory to host memory.
    int32_t (*state_copy)(Engine* engine, int32_t from, int32_t to, Status* status);
    // Entries of the slot's ring of recent inputs that wait, as of the last call: at most the tokens that it has read % ring_entries.
    int32_t (*state_pending)(Engine* engine, int32_t slot, int32_t* entries, Status* status);
    // Brings them into the state, and into `newest` where that has begun.
    int32_t (*state_fold)(Engine* engine, const Piece* session, Status* status);
    // A layer's state as of the last token, [d_inner, d_state], and sums over its heads; tracked: tokens in the session's sums. The session
    // stays as it is. Both wait.
    int32_t (*state_read_layer)(Engine* engine, const Piece* session, int64_t layer, float* values, Status* status);
    int32_t (*state_measure)(Engine* engine, const Piece* session, int64_t layer, int64_t tracked, HeadSums* heads, Status* status);
    // Between the device and host memory, in the host's layout (state/layout.h) and in FP32: floats of it, and behind them the entries that
    // wait in the ring. position: tokens that the state has read. Both wait.
    int32_t (*state_read)(Engine* engine, int32_t slot, int64_t position, void* values, void* hidden, Status* status);
    int32_t (*state_write)(Engine* engine, int32_t slot, int64_t position, const void* values, int32_t entries, const void* hidden,
                           Status* status);

    // ---- What sessions are under
    // For pieces to name; of all layers. MAMBA_UNSUPPORTED for a kind that the device does not have.
    int32_t (*policy_take)(Engine* engine, const Policy* policy, int32_t* index, Status* status);
    void (*policy_give)(Engine* engine, int32_t index);
    // Sums of step sizes, FP64: of each layer one a head (Mamba-2) or channel (Mamba-1). From and to host memory; NULL: zeros. Reading waits.
    int32_t (*sums_take)(Engine* engine, int32_t* index, Status* status);
    void (*sums_give)(Engine* engine, int32_t index);
    int32_t (*sums_copy)(Engine* engine, int32_t from, int32_t to, Status* status);
    int32_t (*sums_read)(Engine* engine, int32_t index, double* values, Status* status);
    int32_t (*sums_write)(Engine* engine, int32_t index, const double* values, Status* status);

    // ---- Computing
    // Advances the pieces' states. Leaves the work under way: an error of the device may come from a later call.
    int32_t (*run)(Engine* engine, const Piece* pieces, int32_t count, Status* status);
    // out[i * stride ..]: padded_vocab_size logits of rows[i], in host memory. Waits.
    int32_t (*logits)(Engine* engine, const Row* rows, int32_t count, float* out, int64_t stride, Status* status);
    // The k largest logits of each row among the first vocab_size, the largest first and of equal ones the lower token, reduced on the device.
    // masks: mask_words words of 32 ids for each row, only set bits may be chosen; NULL: all may. What is missing of k is {-1, -inf}.
    // out: [count, k], host memory. Waits.
    int32_t (*top)(Engine* engine, const Row* rows, int32_t count, int32_t k, const uint32_t* masks, int32_t mask_words, TopEntry* out,
                   Status* status);
    // Waits for everything under way, and says whether it went well.
    int32_t (*wait)(Engine* engine, Status* status);
};

// The one symbol of a backend library, extern "C". NULL for a version that the library does not speak.
using GetTable = const Table* (*)(int32_t version);

}  // namespace mamba::device
