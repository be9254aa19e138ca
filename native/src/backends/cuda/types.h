// From a type of weights that is known at run time to one that is known at compile time.
#pragma once

#include "mamba/c_api.h"

// Executes the statement with kType as the constant for TYPE.
#define MAMBA_CUDA_FOR_TYPE(TYPE, ...)                                             \
    switch (TYPE) {                                                                \
        case MAMBA_WEIGHT_F32: { constexpr int kType = MAMBA_WEIGHT_F32; __VA_ARGS__; break; }    \
        case MAMBA_WEIGHT_F16: { constexpr int kType = MAMBA_WEIGHT_F16; __VA_ARGS__; break; }    \
        case MAMBA_WEIGHT_BF16: { constexpr int kType = MAMBA_WEIGHT_BF16; __VA_ARGS__; break; }  \
        case MAMBA_WEIGHT_Q8_0: { constexpr int kType = MAMBA_WEIGHT_Q8_0; __VA_ARGS__; break; }  \
        case MAMBA_WEIGHT_Q6_K: { constexpr int kType = MAMBA_WEIGHT_Q6_K; __VA_ARGS__; break; }  \
        case MAMBA_WEIGHT_Q4_K: { constexpr int kType = MAMBA_WEIGHT_Q4_K; __VA_ARGS__; break; }  \
        default: break;                                                            \
    }
