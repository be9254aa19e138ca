using System.Collections.Immutable;

namespace MambaConnector.LongContext;

/// <summary>Values of every layer, [layers][columns], that are compared by value.</summary>
internal static class LayerValues
{
    public static bool IsPositive(float value) => value > 0 && float.IsFinite(value);

    /// <summary>A copy that nobody else can change.</summary>
    /// <exception cref="ArgumentException">It is no rectangle, or a value is not accepted.</exception>
    public static ImmutableArray<ImmutableArray<float>> Copy(
        IReadOnlyList<IReadOnlyList<float>> rows, Func<float, bool> accepts, string range, string name)
    {
        ArgumentNullException.ThrowIfNull(rows, name);
        if (rows.Count == 0 || rows.Any(row => row is not { Count: > 0 } || row.Count != rows[0].Count))
        {
            throw new ArgumentException("There has to be a row of values for every layer, and as many values in each.", name);
        }

        for (int layer = 0; layer < rows.Count; layer++)
        {
            for (int column = 0; column < rows[layer].Count; column++)
            {
                if (!accepts(rows[layer][column]))
                {
                    throw new ArgumentException($"Value {column} of layer {layer} is {rows[layer][column]}; {range}.", name);
                }
            }
        }

        return [.. rows.Select(row => row.ToImmutableArray())];
    }

    /// <summary>As the lists that constructors take.</summary>
    public static IReadOnlyList<IReadOnlyList<float>> AsRows(this ImmutableArray<ImmutableArray<float>> values) =>
        [.. values.Select(row => (IReadOnlyList<float>)row)];

    public static float[] Flatten(ImmutableArray<ImmutableArray<float>> values) => [.. values.SelectMany(row => row)];

    public static bool SameShape(ImmutableArray<ImmutableArray<float>> left, ImmutableArray<ImmutableArray<float>> right) =>
        left.Length == right.Length && left[0].Length == right[0].Length;

    public static bool Equal(ImmutableArray<ImmutableArray<float>> left, ImmutableArray<ImmutableArray<float>> right) =>
        left == right || (SameShape(left, right) && left.Zip(right).All(rows => rows.First.AsSpan().SequenceEqual(rows.Second.AsSpan())));

    public static int Hash(ImmutableArray<ImmutableArray<float>> values) => values.Select(Hash).Aggregate(values.Length, HashCode.Combine);

    public static int Hash(ImmutableArray<float> values)
    {
        HashCode hash = default;
        foreach (float value in values)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    /// <exception cref="ArgumentException">The values are those of another model.</exception>
    public static void CheckShape(ImmutableArray<ImmutableArray<float>> values, int layers, int columns, string what, string column)
    {
        if (values.Length != layers || values[0].Length != columns)
        {
            throw new ArgumentException(
                $"The model has {layers} layers of {columns} {column}, and {what} are for {values.Length} layers of {values[0].Length}: " +
                "they were made for another model.");
        }
    }
}
