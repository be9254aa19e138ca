namespace MambaConnector;

/// <summary>The shape of a model of random weights, initialised as the papers do: for measuring without a download. Immutable.</summary>
public sealed record MambaShape
{
    /// <summary><see cref="MambaArchitecture.Mamba1"/> or <see cref="MambaArchitecture.Mamba2"/>.</summary>
    public MambaArchitecture Architecture { get; init; } = MambaArchitecture.Mamba2;

    /// <summary>Number of blocks.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int DModel { get; init; }

    /// <summary>States a channel (Mamba-1: 16) or the state width of a head (Mamba-2: 128).</summary>
    public required int DState { get; init; }

    /// <summary>Taps of the causal convolution.</summary>
    public int DConv { get; init; } = 4;

    /// <summary>d_inner / d_model.</summary>
    public int Expand { get; init; } = 2;

    /// <summary>Mamba-2: channels a head.</summary>
    public int HeadDim { get; init; } = 64;

    /// <summary>Mamba-2: groups that share B and C.</summary>
    public int GroupCount { get; init; } = 1;

    /// <summary>Rows of the embedding table.</summary>
    public int VocabSize { get; init; } = 50_288;

    /// <summary>How the matrices are stored.</summary>
    public MambaWeightType WeightType { get; init; } = MambaWeightType.BF16;

    /// <summary>Seed of the weights: the same seed gives the same model.</summary>
    public ulong Seed { get; init; }

    /// <summary>The names that <see cref="Parse"/> knows: the published sizes of state-spaces' Mamba and Mamba-2, and the embedded model's.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. from family in new[] { "mamba", "mamba2" } from size in Sizes(family) select $"{family}-{size.Name}"];

    /// <summary>A published shape by name, as in <c>mamba2-130m</c> or <c>mamba-2.8b</c> (<c>mamba1-</c> is the same as <c>mamba-</c>).</summary>
    /// <exception cref="ArgumentException">There is no such shape; the message lists those there are.</exception>
    public static MambaShape Parse(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        int dash = name.IndexOf('-', StringComparison.Ordinal);
        string family = dash < 0 ? "" : name[..dash] is "mamba1" ? "mamba" : name[..dash];
        foreach ((string size, int layers, int width, int vocabulary) in Sizes(family))
        {
            if (name.AsSpan(dash + 1).Equals(size, StringComparison.OrdinalIgnoreCase))
            {
                return new MambaShape
                {
                    Architecture = family == "mamba2" ? MambaArchitecture.Mamba2 : MambaArchitecture.Mamba1,
                    LayerCount = layers,
                    DModel = width,
                    DState = family == "mamba2" ? 128 : 16,
                    VocabSize = vocabulary,
                };
            }
        }

        throw new ArgumentException($"There is no shape '{name}'; there are {string.Join(", ", Names)}.", nameof(name));
    }

    // As in the papers' tables and the published config.json files; the largest of each family differ. mamba2-39m is the embedded model's shape.
    private static IEnumerable<(string Name, int Layers, int Width, int Vocabulary)> Sizes(string family) => family switch
    {
        "mamba" =>
            [("130m", 24, 768, 50_280), ("370m", 48, 1024, 50_280), ("790m", 48, 1536, 50_280), ("1.4b", 48, 2048, 50_280), ("2.8b", 64, 2560, 50_280)],
        "mamba2" =>
            [("39m", 18, 512, 16_384), ("130m", 24, 768, 50_288), ("370m", 48, 1024, 50_288), ("780m", 48, 1536, 50_288), ("1.3b", 48, 2048, 50_288),
             ("2.7b", 64, 2560, 50_288)],
        _ => [],
    };
}
