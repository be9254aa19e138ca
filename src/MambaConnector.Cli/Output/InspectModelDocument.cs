using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>inspect model</c>: the shape by the papers' names, sizes, and what the file says about itself.</summary>
internal sealed record InspectModelDocument
{
    public required string Model { get; init; }

    public required string Architecture { get; init; }

    public required string Weights { get; init; }

    public required int LayerCount { get; init; }

    public required int DModel { get; init; }

    public required int DInner { get; init; }

    public required int DState { get; init; }

    public required int DConv { get; init; }

    public required int DtRank { get; init; }

    public required int HeadCount { get; init; }

    public required int HeadDim { get; init; }

    public required int GroupCount { get; init; }

    public required int VocabSize { get; init; }

    public required int PaddedVocabSize { get; init; }

    public required bool TiedEmbeddings { get; init; }

    /// <summary>Null where the checkpoint does not say.</summary>
    public required long? TrainingLength { get; init; }

    public required long ParameterCount { get; init; }

    public required long WeightBytes { get; init; }

    public required long StateBytes { get; init; }

    public required long StateGrowthBytes { get; init; }

    public required string Fingerprint { get; init; }

    /// <summary>Null where the checkpoint has no tokenizer.</summary>
    public required int? TokenizerVocabSize { get; init; }

    /// <summary>Null where the checkpoint has none.</summary>
    public required string? ChatTemplate { get; init; }

    public required IReadOnlyList<int> EndTokenIds { get; init; }

    /// <summary>GGUF keys and values; of a long array its length only.</summary>
    public required JsonObject Metadata { get; init; }
}
