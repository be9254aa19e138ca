using NativeEngineInfo = MambaConnector.Native.Generated.MambaEngineInfo;

namespace MambaConnector;

/// <summary>What a model runs on, and how much it has done: a snapshot.</summary>
public sealed record MambaEngineInfo
{
    /// <summary>The device, as <see cref="MambaModelOptions.Device"/> names it.</summary>
    public required string Device { get; init; }

    /// <summary>The instruction set of the CPU kernels; on a device <see cref="MambaIsa.Auto"/>.</summary>
    public required MambaIsa Isa { get; init; }

    /// <summary>Threads of the engine's own pool; on a device 0.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>Tokens of one evaluation; larger inputs are sliced.</summary>
    public required int MaxBatchTokens { get; init; }

    /// <summary>Tokens that a session can undo at most.</summary>
    public required int RollbackTokens { get; init; }

    /// <summary>Bytes held beside the model: weights in the order that this processor reads them, where the engine has packed them, and
    /// working memory. On a device: of its memory, all weights and working memory; sessions' states come on top.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Evaluations since the model was loaded.</summary>
    public required long Evaluations { get; init; }

    /// <summary>Tokens evaluated since the model was loaded.</summary>
    public required long TokensEvaluated { get; init; }

    internal static MambaEngineInfo FromNative(in NativeEngineInfo.__Internal info) => new()
    {
        Device = MambaDevice.FormatId((MambaDeviceKind)info.device_kind, info.device_index),
        Isa = (MambaIsa)info.isa,
        ThreadCount = info.thread_count,
        MaxBatchTokens = info.max_batch_tokens,
        RollbackTokens = info.rollback_tokens,
        MemoryBytes = info.memory_bytes,
        Evaluations = info.evaluations,
        TokensEvaluated = info.tokens_evaluated,
    };
}
