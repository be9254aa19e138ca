using System.Globalization;

namespace MambaConnector;

/// <summary>How a model is loaded and run. Immutable.</summary>
/// <remarks>Null means: what the environment variable says, or else the default. A choice that cannot be met is an error, never a silent
/// fallback.</remarks>
public sealed record MambaModelOptions
{
    /// <summary><c>cpu</c>, <c>cuda:N</c>, or <c>auto</c> for the first CUDA device that can be used, or else the CPU. Null:
    /// <c>MAMBA_DEVICE</c>, or else <c>cpu</c>.</summary>
    public string? Device { get; init; }

    /// <summary>The instruction set of the CPU kernels. Null: <c>MAMBA_ISA</c> (scalar, avx2, avx512, amx, neon, auto), or else the best.</summary>
    public MambaIsa? Isa { get; init; }

    /// <summary>Threads of the engine's pool. Null: <c>MAMBA_THREADS</c>, or else one a processor.</summary>
    public int? ThreadCount { get; init; }

    /// <summary>The type that matrices are converted to on load.</summary>
    public MambaWeightType WeightType { get; init; } = MambaWeightType.AsStored;

    /// <summary>Tokens that a session can always undo (<see cref="MambaSession.Rollback"/>); 0: none. For that a session keeps up to two
    /// earlier states of its own size.</summary>
    public int RollbackTokens { get; init; } = 64;

    /// <summary>Tokens of one evaluation; larger inputs are sliced. 0: the library chooses. It bounds scratch memory, and how soon a
    /// cancelled call ends.</summary>
    public int MaxBatchTokens { get; init; }

    /// <summary>A <c>tokenizer.json</c>, a directory that holds one, or a GGUF file, when the checkpoint's own is missing or to be replaced.</summary>
    public string? TokenizerPath { get; init; }

    /// <summary>The chat template, when the checkpoint's own is missing or not among those that are known.</summary>
    public ChatTemplate? ChatTemplate { get; init; }

    /// <summary>The policy that new sessions begin with (<see cref="MambaSession.Policy"/>); those that were saved go on with their own.</summary>
    public LongContextPolicy LongContextPolicy { get; init; } = LongContextPolicy.None;

    /// <summary>T_train: the longest input that the model has seen in training, tokens; null: what the checkpoint says (the key
    /// <c>mamba_connector.training_length</c> of a GGUF file, <c>mamba_connector</c>: <c>training_length</c> of a <c>config.json</c>). Nothing
    /// guesses it: where neither says it, <see cref="MambaModelInfo.TrainingLength"/> is 0.</summary>
    public long? TrainingLength { get; init; }

    /// <summary>What the model's state looks like while it is healthy (<see cref="MambaModel.Baseline"/>); null: not known.</summary>
    public StateBaseline? Baseline { get; init; }

    /// <returns>Null for the best there is.</returns>
    internal (MambaDeviceKind Kind, int Index)? ResolveDevice() =>
        Device is not null ? MambaDevice.ParseId(Device, nameof(Device))
        : Variable("MAMBA_DEVICE") is string id ? MambaDevice.ParseId(id, "MAMBA_DEVICE")
        : (MambaDeviceKind.Cpu, 0);

    internal MambaIsa ResolveIsa() =>
        Isa ?? (Variable("MAMBA_ISA") is not string name ? MambaIsa.Auto
            : Enum.GetValues<MambaIsa>().Cast<MambaIsa?>()
                .FirstOrDefault(isa => name.Equals(isa.ToString(), StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"MAMBA_ISA is '{name}'; use scalar, avx2, avx512, amx, neon or auto."));

    /// <returns>0 for one a processor.</returns>
    internal int ResolveThreadCount()
    {
        if (ThreadCount is int count)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count, nameof(ThreadCount));
            return count;
        }

        return Variable("MAMBA_THREADS") is not string text ? 0
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int threads) && threads > 0 ? threads
            : throw new ArgumentException($"MAMBA_THREADS is '{text}'; use a number of threads, 1 or more.");
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
