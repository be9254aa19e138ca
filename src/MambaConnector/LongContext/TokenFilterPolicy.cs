using System.Collections.Immutable;
using System.Globalization;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>Keeps tokens that matter little out of the heads that remember most (LongMamba, ICLR 2025): in those heads <c>dt_t := 0</c>, so neither
/// decay nor insertion, where <c>dt_t</c> is below the head's threshold for prompts of this length.</summary>
/// <remarks>Only positions below <see cref="PromptLength"/> are filtered. It has to be set before the prompt is read.</remarks>
public sealed record TokenFilterPolicy : LongContextPolicy
{
    private readonly int _hash;

    /// <summary>Creates the policy.</summary>
    /// <param name="thresholds">The least dt that is let in, [layers, heads] of Mamba-2 or [layers, d_inner] of Mamba-1; 0: all are.</param>
    /// <param name="promptLength">S, tokens.</param>
    /// <exception cref="ArgumentException">There are no thresholds, rows differ in length, or a number is out of its range.</exception>
    public TokenFilterPolicy(IReadOnlyList<IReadOnlyList<float>> thresholds, long promptLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(promptLength, 1);
        Thresholds = TokenFilterTable.CopyThresholds(thresholds, nameof(thresholds));
        PromptLength = promptLength;
        _hash = LayerValues.Hash(Thresholds);
    }

    /// <summary>The least dt that is let in, [layers][heads] of Mamba-2 or [layers][d_inner] of Mamba-1; 0: all are.</summary>
    public ImmutableArray<ImmutableArray<float>> Thresholds { get; }

    /// <summary>S: positions from here on are not filtered.</summary>
    public long PromptLength { get; }

    private protected override string Text => string.Create(
        CultureInfo.InvariantCulture, $"filter:({Thresholds.Length} layers of {Thresholds[0].Length} thresholds for {PromptLength} tokens)");

    /// <inheritdoc/>
    public bool Equals(TokenFilterPolicy? other) =>
        other is not null && PromptLength == other.PromptLength && LayerValues.Equal(Thresholds, other.Thresholds);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_hash, PromptLength);

    private protected override LongContextPolicy OfModel(MambaModelInfo model)
    {
        TokenFilterTable.CheckShape(Thresholds, model);
        return this;
    }
}
