using System.Collections.Immutable;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>A token filter's thresholds for prompts of one length. Immutable, with value equality.</summary>
public sealed record TokenFilterRow
{
    private readonly int _hash;

    /// <summary>Creates a row.</summary>
    /// <param name="length">Tokens of the prompt, positive.</param>
    /// <param name="thresholds">The least dt that is let in, [layers, heads] of Mamba-2 or [layers, d_inner] of Mamba-1; 0: all are.</param>
    /// <exception cref="ArgumentException">There are no thresholds, rows differ in length, or a number is out of its range.</exception>
    public TokenFilterRow(long length, IReadOnlyList<IReadOnlyList<float>> thresholds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        Length = length;
        Thresholds = TokenFilterTable.CopyThresholds(thresholds, nameof(thresholds));
        _hash = LayerValues.Hash(Thresholds);
    }

    /// <summary>Tokens of the prompt.</summary>
    public long Length { get; }

    /// <inheritdoc cref="TokenFilterPolicy.Thresholds"/>
    public ImmutableArray<ImmutableArray<float>> Thresholds { get; }

    /// <inheritdoc/>
    public bool Equals(TokenFilterRow? other) => other is not null && Length == other.Length && LayerValues.Equal(Thresholds, other.Thresholds);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_hash, Length);
}
