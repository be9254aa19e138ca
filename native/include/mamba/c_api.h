/* MambaConnector native core: the C ABI. The only header that crosses the border to .NET.
 *
 * Conventions
 *  - Every struct starts with `struct_size`: the caller sets it to sizeof its own view of the struct; the library reads and
 *    writes no further. Structs that come in arrays have none: the size of an element is passed beside the array. Structs
 *    hold only fixed-width numbers and fixed arrays: no pointers, strings, bools or unions.
 *  - Text is UTF-8 bytes with an explicit length, never zero-terminated. Booleans are int32_t, 0 or 1.
 *  - Constructors return the handle, or NULL with a status. Every other call returns MAMBA_OK or a negative mamba_result.
 *    `status` may be NULL; otherwise it receives the code and one sentence that names the thing and the way out.
 *  - Nothing throws, aborts or exits. A failed call changes nothing: model, engine and every session are as before it.
 *  - A model is immutable and may be used from any thread. An engine runs one evaluation at a time: concurrent calls wait.
 *    A session belongs to one caller at a time. A child keeps its parent alive: free them in any order.
 *  - Evaluation runs on threads that the library owns; the caller's thread only waits. `mamba_progress` is called on the
 *    caller's thread.
 *  - The ABI grows by addition: new functions, new fields at a struct's end, new enum values. Nothing is renumbered.
 */
#ifndef MAMBA_C_API_H
#define MAMBA_C_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#  if defined(MAMBA_BUILD)
#    define MAMBA_API __declspec(dllexport)
#  else
#    define MAMBA_API __declspec(dllimport)
#  endif
#else
#  define MAMBA_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mamba_model mamba_model;     /* weights and metadata of one checkpoint */
typedef struct mamba_engine mamba_engine;   /* a model on a device: threads, scratch memory, kernels */
typedef struct mamba_session mamba_session; /* one recurrent state, of constant size at any length */
typedef struct mamba_cancellation mamba_cancellation; /* a wish to stop, raised from any thread, never lowered */

typedef enum mamba_result {
    MAMBA_OK = 0,
    MAMBA_INVALID_ARGUMENT = -1,
    MAMBA_NOT_FOUND = -2,        /* no such file, key, device, layer */
    MAMBA_IO = -3,
    MAMBA_BAD_FORMAT = -4,       /* the file is not what it claims to be */
    MAMBA_UNSUPPORTED = -5,      /* well formed, but not something this build runs; the message names it */
    MAMBA_OUT_OF_MEMORY = -6,    /* host or device */
    MAMBA_DEVICE = -7,           /* driver or device error */
    MAMBA_CANCELLED = -8,
    MAMBA_MISMATCH = -9,         /* a state of another model, version or layout */
    MAMBA_NOT_ROLLBACKABLE = -10,/* further back than the session's recent past reaches */
    MAMBA_BUFFER_TOO_SMALL = -11,
    MAMBA_INTERNAL = -12
} mamba_result;

typedef enum mamba_device_kind { MAMBA_DEVICE_CPU = 0, MAMBA_DEVICE_CUDA = 1 } mamba_device_kind;

typedef enum mamba_isa { /* of the CPU kernels */
    MAMBA_ISA_AUTO = 0, MAMBA_ISA_SCALAR = 1, MAMBA_ISA_AVX2 = 2, MAMBA_ISA_AVX512 = 3, MAMBA_ISA_AMX = 4, MAMBA_ISA_NEON = 5
} mamba_isa;

typedef enum mamba_weight_type {
    MAMBA_WEIGHT_AS_STORED = 0, MAMBA_WEIGHT_F32 = 1, MAMBA_WEIGHT_F16 = 2, MAMBA_WEIGHT_BF16 = 3,
    MAMBA_WEIGHT_Q8_0 = 4, MAMBA_WEIGHT_Q6_K = 5, MAMBA_WEIGHT_Q4_K = 6
} mamba_weight_type;

typedef enum mamba_architecture {
    MAMBA_ARCH_UNKNOWN = 0, MAMBA_ARCH_MAMBA1 = 1, MAMBA_ARCH_MAMBA2 = 2, MAMBA_ARCH_FALCON_MAMBA = 3,
    MAMBA_ARCH_GRANITE_HYBRID = 4, MAMBA_ARCH_FALCON_H1 = 5, MAMBA_ARCH_NEMOTRON_H = 6, MAMBA_ARCH_JAMBA = 7,
    MAMBA_ARCH_ZAMBA2 = 8, MAMBA_ARCH_BAMBA = 9, MAMBA_ARCH_MAMBA3 = 10
} mamba_architecture;

typedef enum mamba_policy_kind { /* long-context policies; arXiv 2410.07145 and successors */
    MAMBA_POLICY_NONE = 0, MAMBA_POLICY_RESTART_WINDOW = 1, MAMBA_POLICY_DIFFERENCE_WINDOW = 2, MAMBA_POLICY_FORGET_MORE = 3,
    MAMBA_POLICY_STATE_NORM = 4, MAMBA_POLICY_DELTA_SCALE = 5, MAMBA_POLICY_DECAY_SCALE = 6, MAMBA_POLICY_TOKEN_FILTER = 7
} mamba_policy_kind;

typedef enum mamba_merge { /* of states of texts that were each read alone, u_1 .. u_n; see mamba_session_merge */
    MAMBA_MERGE_CONCATENATE = 0, /* as if u_1 .. u_n followed each other (CASO) */
    MAMBA_MERGE_CYCLIC = 1,      /* mean over the n rotations of that order (PICASO-R) */
    MAMBA_MERGE_ALL_ORDERS = 2   /* mean over all n! orders (PICASO-S); its time grows with n^2, that of the others with n */
} mamba_merge;

typedef struct mamba_status {
    uint32_t struct_size;
    int32_t code;              /* mamba_result */
    int32_t message_length;    /* bytes of message */
    uint8_t message[1012];
} mamba_status;

typedef struct mamba_device_info {
    uint32_t struct_size;
    int32_t kind;              /* mamba_device_kind */
    int32_t index;             /* among devices of its kind */
    int32_t usable;            /* 0: `reason` says why not */
    int32_t isa;               /* CPU: the best mamba_isa this processor and build can run */
    int32_t compute_capability;/* CUDA: 10 * major + minor */
    int32_t unit_count;        /* CPU: processors the process may use; CUDA: multiprocessors */
    int32_t name_length, reason_length;
    int64_t memory_bytes, free_bytes;
    uint8_t name[128];
    uint8_t reason[256];
} mamba_device_info;

typedef struct mamba_model_info {
    uint32_t struct_size;
    int32_t architecture;      /* mamba_architecture */
    int32_t weight_type;       /* of the matrices: mamba_weight_type */
    int32_t layer_count, d_model, d_inner, d_state, d_conv, dt_rank, head_count, head_dim, group_count;
    int32_t vocab_size;        /* tokens that mean something */
    int32_t padded_vocab_size; /* rows of the head: the length of a row of logits */
    int32_t tied_embeddings;
    int64_t training_length;   /* tokens; 0 when the checkpoint does not say */
    int64_t parameter_count;
    int64_t weight_bytes;      /* of the stored weights, a tied table counted once: read once a decoded token at batch 1 */
    int64_t state_bytes;       /* of one session */
    int64_t state_growth_bytes;/* a token; 0 for pure Mamba, KV cache of the attention layers for hybrids */
    uint64_t fingerprint[2];   /* of architecture, shapes and weights: a saved state names it */
} mamba_model_info;

typedef struct mamba_shape { /* a model of random weights, initialised as the papers do */
    uint32_t struct_size;
    int32_t architecture, layer_count, d_model, d_state, d_conv, expand, head_dim, group_count, vocab_size, weight_type;
    uint64_t seed;
} mamba_shape;

typedef struct mamba_engine_options {
    uint32_t struct_size;
    int32_t device_kind, device_index;
    int32_t isa;               /* forced, or MAMBA_ISA_AUTO */
    int32_t thread_count;      /* 0: one a processor */
    int32_t max_batch_tokens;  /* of one evaluation; larger inputs are sliced; 0: the library chooses */
    int32_t rollback_tokens;   /* tokens that each session can always undo, unless it is told otherwise; 0: no rollback */
    int32_t weight_type;       /* convert on load, or MAMBA_WEIGHT_AS_STORED */
} mamba_engine_options;

typedef struct mamba_engine_info {
    uint32_t struct_size;
    int32_t device_kind, device_index, isa, thread_count, max_batch_tokens, rollback_tokens;
    int64_t memory_bytes;      /* held by the engine beside the model: weights in its own order, and work */
    int64_t evaluations, tokens_evaluated;
} mamba_engine_info;

/* One session's part of a batch. tokens[token_offset .. +token_count) are appended to its state. A session may stand in a
 * batch once. */
typedef struct mamba_batch_item {
    uint64_t session;          /* mamba_session_id */
    int64_t token_offset;
    int32_t token_count;       /* 0 with logits_count 1: the logits after the last consumed token, again */
    int32_t logits_count;      /* of the last this many tokens: 0 none, 1 the last, token_count all */
    int64_t logits_offset;     /* in rows of padded_vocab_size floats */
    int64_t top_offset;        /* with top_k > 0: in rows of top_k entries, one a requested logits row */
} mamba_batch_item;

typedef struct mamba_batch {
    uint32_t struct_size;
    int32_t item_count;
    int32_t item_size;         /* sizeof(mamba_batch_item) as the caller sees it */
    int32_t reserved;          /* 0 */
    int64_t token_count;       /* length of the token array */
    int64_t logits_capacity;   /* floats; 0: full rows are not wanted */
    int32_t top_k;             /* > 0: the k largest of each requested row as (id, logit), reduced on the device */
    int32_t mask_words;        /* > 0: `masks` holds this many 32-bit words for each top row; only set bits may be chosen */
    int64_t top_capacity;      /* entries */
} mamba_batch;

typedef struct mamba_top_entry { int32_t token; float logit; } mamba_top_entry;

typedef struct mamba_session_info {
    uint32_t struct_size;
    int32_t on_device;         /* 0: offloaded to host memory */
    int64_t token_count;       /* consumed since the state was empty */
    int64_t state_bytes;       /* with what its policy has gathered, and the tracked sums */
    int64_t rollback_available;/* tokens that mamba_session_rollback can undo now */
    uint64_t token_hash;       /* chain over all consumed tokens */
} mamba_session_info;

/* Per session; values of each layer follow in the array given beside it, [layer_count, layer_value_count]. "Heads" of Mamba-1 are blocks
 * of 64 channels, the last one maybe smaller; of Mamba-2 the model's own. */
typedef struct mamba_policy {
    uint32_t struct_size;
    int32_t kind;              /* mamba_policy_kind */
    int64_t window;            /* tokens. Windows: r, a positive multiple of 64; what is read is the last r to 2 r tokens. Token filter:
                                * the length of the prompt: positions below it are filtered */
    float retention;           /* forget-more: g_a, its ln is added to the log-decay; in (0, 1] */
    float insertion;           /* forget-more: g_B, scales what the scan adds to the skip; in [1e-6, 1] */
    float norm_scale;          /* state-norm: kappa, multiplies the caps; positive */
    int32_t layer_value_count; /* values a layer: delta and decay scales 1, in [1e-6, 1e6]; state-norm's caps [heads]; token filter's least
                                * dt, below which a token is skipped, [heads] of Mamba-2 or [d_inner] of Mamba-1; other kinds 0 */
} mamba_policy;

/* Of the state of one layer's head now; "heads" as in mamba_policy. The last three need mamba_session_set_tracking, and are NaN without.
 * They begin anew where a policy is set, and are of the decays alone, as the policy scales them and adds to them: what a window drops and
 * what state-norm's caps take is not in them, so under a window the retention of a token that it has dropped is not 0. */
typedef struct mamba_head_statistics {
    float norm, variance, max_abs, rms;
    float retention;           /* exp(A * sum dt) since then: what the decays leave of the first token; mean over a Mamba-1 block */
    float horizon;             /* tokens: 1/e memory at the mean decay since then; infinite where nothing decays */
    double log_retention;      /* A * sum dt since then; mean over a Mamba-1 block */
} mamba_head_statistics;

/* Called between slices of long work, on the thread that asked for it; return 0 to cancel. */
typedef int32_t (*mamba_progress)(int64_t done, int64_t total, uint64_t context);

/* Changes when something that was there changes meaning; additions leave it. */
MAMBA_API int32_t mamba_abi_version(void);
/* The layout that this build gave the structs above: a line `struct field offset size` for every field and
 * `struct * 0 size` for every struct. *length receives the bytes needed. */
MAMBA_API int32_t mamba_abi_layout(uint8_t* text, size_t capacity, size_t* length, mamba_status* status);

/* Cancellation. */
MAMBA_API mamba_cancellation* mamba_cancellation_new(mamba_status* status);
MAMBA_API void mamba_cancellation_request(mamba_cancellation* cancellation);
MAMBA_API void mamba_cancellation_free(mamba_cancellation* cancellation);

/* Devices. The first is the CPU. A backend that cannot be used is listed with its reason. */
MAMBA_API int32_t mamba_device_count(void);
MAMBA_API int32_t mamba_device_get(int32_t index, mamba_device_info* info, mamba_status* status);

/* Models: a directory (Hugging Face or state-spaces layout) or a GGUF file, memory-mapped. A GGUF file that holds a
 * vocabulary and no tensors opens too (layer_count 0): it has metadata, and no engine. */
MAMBA_API mamba_model* mamba_model_open(const uint8_t* path, size_t path_length, mamba_status* status);
MAMBA_API mamba_model* mamba_model_random(const mamba_shape* shape, mamba_status* status);
MAMBA_API void mamba_model_free(mamba_model* model);
MAMBA_API int32_t mamba_model_get_info(const mamba_model* model, mamba_model_info* info, mamba_status* status);
/* Metadata keys, by index: the file's own for GGUF, those that mamba_model_write would write for a directory. *length
 * receives the bytes needed. */
MAMBA_API int64_t mamba_model_metadata_count(const mamba_model* model);
MAMBA_API int32_t mamba_model_get_metadata_key(const mamba_model* model, int64_t index, uint8_t* key, size_t capacity,
                                               size_t* length, mamba_status* status);
/* Raw GGUF metadata by key, little-endian as in the file (type word first). *length receives the bytes needed. */
MAMBA_API int32_t mamba_model_get_metadata(const mamba_model* model, const uint8_t* key, size_t key_length,
                                           uint8_t* value, size_t capacity, size_t* length, mamba_status* status);
/* Writes a GGUF file, atomically (a temporary file beside it, then renamed), with the given weight type and extra metadata:
 * `metadata` is a packed sequence of GGUF key/value records that replace those of the same key. */
MAMBA_API int32_t mamba_model_write(const mamba_model* model, const uint8_t* path, size_t path_length, int32_t weight_type,
                                    const uint8_t* metadata, size_t metadata_length, mamba_progress progress, uint64_t context,
                                    mamba_status* status);

/* Engines. */
MAMBA_API mamba_engine* mamba_engine_new(mamba_model* model, const mamba_engine_options* options, mamba_status* status);
MAMBA_API void mamba_engine_free(mamba_engine* engine);
MAMBA_API int32_t mamba_engine_get_info(const mamba_engine* engine, mamba_engine_info* info, mamba_status* status);
/* Advances every session of the batch by its tokens and returns the logits asked for. All or nothing: on failure or
 * cancellation no session has moved. logits: [rows, padded_vocab_size]; top: [rows, top_k], largest first, padding ids left
 * out. `cancellation` may be NULL; it is looked at before each slice. */
MAMBA_API int32_t mamba_engine_evaluate(mamba_engine* engine, const mamba_batch* batch, const mamba_batch_item* items,
                                        const int32_t* tokens, const uint32_t* masks, float* logits, mamba_top_entry* top,
                                        mamba_cancellation* cancellation, mamba_status* status);
/* The same for one session, with what one layer did written out for inspection (slow). values: [token_count, heads, 4]:
 * dt, log-decay dt * A, ||B||, ||x||, the first two as the session's policy makes them (a window's cut is not in a decay); "heads" as in
 * mamba_policy, of a Mamba-1 block the means of dt and log-decay. */
MAMBA_API int32_t mamba_engine_trace(mamba_engine* engine, mamba_session* session, const int32_t* tokens, int32_t token_count,
                                     int32_t layer, float* values, size_t capacity, mamba_status* status);
/* Measured on this engine's device, bytes a second: the ceiling that decode is judged by. */
MAMBA_API double mamba_engine_measure_bandwidth(mamba_engine* engine, mamba_status* status);

/* Sessions. */
MAMBA_API mamba_session* mamba_session_new(mamba_engine* engine, mamba_status* status);
MAMBA_API mamba_session* mamba_session_clone(const mamba_session* session, mamba_status* status);
MAMBA_API void mamba_session_free(mamba_session* session);
MAMBA_API uint64_t mamba_session_id(const mamba_session* session); /* for mamba_batch_item; never reused */
MAMBA_API int32_t mamba_session_get_info(const mamba_session* session, mamba_session_info* info, mamba_status* status);
MAMBA_API int32_t mamba_session_reset(mamba_session* session, mamba_status* status);
/* From now on the session can undo this many tokens instead of the engine's rollback_tokens; its clones inherit it. With 0 it
 * keeps nothing: it frees what it had and copies nothing while it advances. More than before holds once as many tokens have
 * been consumed. */
MAMBA_API int32_t mamba_session_set_rollback_tokens(mamba_session* session, int64_t tokens, mamba_status* status);
/* Undoes the last `count` tokens exactly, or changes nothing. */
MAMBA_API int32_t mamba_session_rollback(mamba_session* session, int64_t count, mamba_status* status);
/* On a device: with to_host the session moves to page-locked host memory, and its place on the device is free for others; without,
 * it moves back, which its next evaluation does unasked. Both return while the copy is under way; other sessions go on meanwhile.
 * On the CPU a session is always where it is to be. */
MAMBA_API int32_t mamba_session_offload(mamba_session* session, int32_t to_host, mamba_status* status);
/* Serialised state: versioned header (model fingerprint, policy, counts), tensors, checksum. */
MAMBA_API int64_t mamba_session_saved_size(const mamba_session* session);
MAMBA_API int32_t mamba_session_save(const mamba_session* session, uint8_t* buffer, size_t capacity, size_t* length,
                                     mamba_status* status);
MAMBA_API mamba_session* mamba_session_load(mamba_engine* engine, const uint8_t* buffer, size_t length, mamba_status* status);
/* Experimental. A new session whose states are made of those of 1 to 256 sessions of this engine (mamba_session_id), each of which has read its text
 * alone, from an empty state, under no policy, and with mamba_session_set_tracking from its first token on; they stay as they are, and belong
 * to the caller during the call. To a layer a text u is the map S -> P_u S + H_u, with H_u the session's state and P_u = exp(A sum_u dt); what is
 * made is the mean over the orders of `merge` of these maps, one after another from zero (arXiv 2502.17605), summed in FP64. For one layer, and but for
 * the d_conv - 1 inputs that the convolution lacks where a text begins, that is the state behind the texts one after another; in later
 * layers it is not: their inputs depend on what came before.
 * The window of the convolution is the last session's with MAMBA_MERGE_CONCATENATE, and zeros, as at the beginning of a text, otherwise. Until the
 * new session reads a token, its logits are those of the last one. Its token count is the sum of theirs. It has read no text: its token hash is
 * a chain over `merge` and the hashes, in order, so that neither it nor what is saved of it passes for a text's. Tracking is on, with the sums
 * of all, so that it can be merged in its turn; nothing in front of the merge can be undone. Nothing is merged on a device: MAMBA_UNSUPPORTED. */
MAMBA_API mamba_session* mamba_session_merge(mamba_engine* engine, const uint64_t* sessions, int32_t session_count, int32_t merge,
                                             mamba_status* status);

/* Long context. layer_values: [layer_count, policy->layer_value_count] or NULL; layer_value_count: floats in all of it. A policy may be
 * set at any position and holds from the next token on, as new; clones, saved sessions and reset keep it, the first two with what it has
 * gathered. Rollback keeps the policy in force: with what it had gathered by then, and where it was set behind what is left, set there
 * anew. A window that is set on a session that has read something begins at the next multiple of 64, and until r tokens behind that the
 * state still holds what came before. On a device a difference-window is MAMBA_UNSUPPORTED. */
MAMBA_API int32_t mamba_session_set_policy(mamba_session* session, const mamba_policy* policy, const float* layer_values,
                                           size_t layer_value_count, mamba_status* status);
MAMBA_API int32_t mamba_session_get_policy(const mamba_session* session, mamba_policy* policy, mamba_status* status);
/* The layer_values that were set. *length receives how many there are. */
MAMBA_API int32_t mamba_session_get_policy_values(const mamba_session* session, float* values, size_t capacity, size_t* length,
                                                  mamba_status* status);
/* Sums of dt of every head from now on (or no longer), for mamba_session_get_statistics. Clones and saved sessions keep them; reset and
 * mamba_session_set_policy begin them anew. */
MAMBA_API int32_t mamba_session_set_tracking(mamba_session* session, int32_t on, mamba_status* status);
/* heads: [heads of the layer], each `head_size` = sizeof(mamba_head_statistics) as the caller sees it; capacity in heads. */
MAMBA_API int32_t mamba_session_get_statistics(const mamba_session* session, int32_t layer, mamba_head_statistics* heads,
                                               size_t head_size, size_t capacity, mamba_status* status);
/* The layer's SSM state as it is read, under a window without what the window has left, as floats [d_inner, d_state] (Mamba-1) or
 * [heads, head_dim, d_state] (Mamba-2). */
MAMBA_API int32_t mamba_session_copy_layer_state(const mamba_session* session, int32_t layer, float* values, size_t capacity,
                                                 size_t* length, mamba_status* status);

#ifdef __cplusplus
}
#endif
#endif
