using System.Globalization;
using NativeModelInfo = MambaConnector.Native.Generated.MambaModelInfo;

namespace MambaConnector;

/// <summary>The shape and size of a model. Immutable. Names are those of the papers; sizes are elements unless they say bytes.</summary>
public sealed record MambaModelInfo
{
    /// <summary>The family.</summary>
    public required MambaArchitecture Architecture { get; init; }

    /// <summary>How the matrices are stored.</summary>
    public required MambaWeightType WeightType { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int DModel { get; init; }

    /// <summary>Width inside a mixer.</summary>
    public required int DInner { get; init; }

    /// <summary>States a channel (Mamba-1) or the state width N of a head (Mamba-2).</summary>
    public required int DState { get; init; }

    /// <summary>Taps of the causal convolution.</summary>
    public required int DConv { get; init; }

    /// <summary>Mamba-1: rank of the dt projection. 0 for others.</summary>
    public required int DtRank { get; init; }

    /// <summary>Mamba-2: heads. 0 for Mamba-1.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Mamba-2: channels a head. 0 for Mamba-1.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Mamba-2: groups that share B and C. 0 for Mamba-1.</summary>
    public required int GroupCount { get; init; }

    /// <summary>Tokens that mean something: ids 0 .. VocabSize - 1.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Rows of the head, at least <see cref="VocabSize"/>: the length of a row of logits. Padding ids are never sampled.</summary>
    public required int PaddedVocabSize { get; init; }

    /// <summary>Whether the head is the embedding table.</summary>
    public required bool TiedEmbeddings { get; init; }

    /// <summary>The longest input seen in training, tokens; 0 when the checkpoint does not say.</summary>
    public required long TrainingLength { get; init; }

    /// <summary>Number of weights.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>Bytes of the stored weights, a tied table counted once: what a decoded token reads at batch 1.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of one session's state. Mamba-2's has room for inputs that wait to enter it; what is saved goes only as far as some
    /// wait.</summary>
    public required long StateBytes { get; init; }

    /// <summary>Bytes that a session grows by with each token: 0 for pure Mamba.</summary>
    public required long StateGrowthBytes { get; init; }

    /// <summary>Of architecture, shapes and weights, 32 hexadecimal digits. A saved state names it.</summary>
    public required string Fingerprint { get; init; }

    internal static unsafe MambaModelInfo FromNative(in NativeModelInfo.__Internal info) => new()
    {
        Architecture = (MambaArchitecture)info.architecture,
        WeightType = (MambaWeightType)info.weight_type,
        LayerCount = info.layer_count,
        DModel = info.d_model,
        DInner = info.d_inner,
        DState = info.d_state,
        DConv = info.d_conv,
        DtRank = info.dt_rank,
        HeadCount = info.head_count,
        HeadDim = info.head_dim,
        GroupCount = info.group_count,
        VocabSize = info.vocab_size,
        PaddedVocabSize = info.padded_vocab_size,
        TiedEmbeddings = info.tied_embeddings != 0,
        TrainingLength = info.training_length,
        ParameterCount = info.parameter_count,
        WeightBytes = info.weight_bytes,
        StateBytes = info.state_bytes,
        StateGrowthBytes = info.state_growth_bytes,
        Fingerprint = string.Create(CultureInfo.InvariantCulture, $"{info.fingerprint[0]:x16}{info.fingerprint[1]:x16}"),
    };
}
