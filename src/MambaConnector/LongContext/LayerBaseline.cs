using System.Collections.Immutable;

namespace MambaConnector;

/// <summary>The largest numbers that each head of a layer's state has shown, [heads] each. Immutable.</summary>
public sealed class LayerBaseline
{
    /// <summary>Creates a layer's part of a baseline.</summary>
    /// <param name="norm">Largest <see cref="HeadStatistics.Norm"/> of each head.</param>
    /// <param name="variance">Largest <see cref="HeadStatistics.Variance"/> of each head.</param>
    /// <param name="maxAbs">Largest <see cref="HeadStatistics.MaxAbs"/> of each head.</param>
    /// <exception cref="ArgumentException">There is no head, the lengths differ, or a number is negative or not finite.</exception>
    public LayerBaseline(ImmutableArray<float> norm, ImmutableArray<float> variance, ImmutableArray<float> maxAbs)
    {
        Norm = Check(norm, norm, nameof(norm));
        Variance = Check(variance, norm, nameof(variance));
        MaxAbs = Check(maxAbs, norm, nameof(maxAbs));
    }

    /// <summary>Largest <see cref="HeadStatistics.Norm"/> of each head.</summary>
    public ImmutableArray<float> Norm { get; }

    /// <summary>Largest <see cref="HeadStatistics.Variance"/> of each head.</summary>
    public ImmutableArray<float> Variance { get; }

    /// <summary>Largest <see cref="HeadStatistics.MaxAbs"/> of each head.</summary>
    public ImmutableArray<float> MaxAbs { get; }

    private static ImmutableArray<float> Check(ImmutableArray<float> values, ImmutableArray<float> first, string name)
    {
        if (values.IsDefaultOrEmpty || first.IsDefault || values.Length != first.Length)
        {
            throw new ArgumentException("A layer's baseline has norm, variance and max_abs of as many heads, at least one.", name);
        }

        foreach (float value in values)
        {
            if (!float.IsFinite(value) || value < 0)
            {
                throw new ArgumentException($"A baseline holds {value}; its numbers are finite and not negative.", name);
            }
        }

        return values;
    }
}
