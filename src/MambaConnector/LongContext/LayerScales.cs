using System.Collections.Immutable;
using System.Globalization;

namespace MambaConnector.LongContext;

/// <summary>Factors of layers: one for all, or one a layer.</summary>
internal static class LayerScales
{
    /// <summary>No scale is smaller.</summary>
    public const float Least = 1e-6f;

    /// <summary>No scale is larger: products with it stay finite.</summary>
    public const float Largest = 1e6f;

    /// <exception cref="ArgumentException">There is none, or one out of its range.</exception>
    public static ImmutableArray<float> Copy(IReadOnlyList<float> scales)
    {
        ArgumentNullException.ThrowIfNull(scales);
        if (scales.Count == 0)
        {
            throw new ArgumentException("There has to be a scale for all layers, or one a layer.", nameof(scales));
        }

        for (int layer = 0; layer < scales.Count; layer++)
        {
            if (scales[layer] is not (>= Least and <= Largest))
            {
                throw new ArgumentException(
                    $"The scale of layer {layer} is {scales[layer]}; scales are positive numbers from 1e-6 to 1e6.", nameof(scales));
            }
        }

        return [.. scales];
    }

    public static string Text(string name, ImmutableArray<float> scales) =>
        $"{name}:{string.Join(',', scales.Select(scale => scale.ToString(CultureInfo.InvariantCulture)))}";

    /// <summary>The factors in the form that a session gives back: one where all are the same.</summary>
    /// <exception cref="ArgumentException">There are not as many as the model has layers.</exception>
    public static ImmutableArray<float> Resolve(ImmutableArray<float> scales, MambaModelInfo model, string what) =>
        scales.Length != 1 && scales.Length != model.LayerCount
            ? throw new ArgumentException(
                $"The model has {model.LayerCount} layers, and there are {scales.Length} scales of {what}: give one for all layers, or one a layer.")
            : Merge(scales);

    /// <summary>One a layer.</summary>
    public static float[] Expand(ImmutableArray<float> scales, int layerCount) =>
        scales.Length == layerCount ? [.. scales] : [.. Enumerable.Repeat(scales[0], layerCount)];

    /// <summary>One where all are the same.</summary>
    public static ImmutableArray<float> Merge(ImmutableArray<float> scales) =>
        scales.Length > 1 && !scales.AsSpan().ContainsAnyExcept(scales[0]) ? [scales[0]] : scales;
}
