using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace MambaConnector;

/// <summary>What a model file says about itself: GGUF keys and values. Immutable and safe to use from several threads.</summary>
/// <remarks>
/// A value is a <see cref="bool"/>, <see cref="byte"/>, <see cref="sbyte"/>, <see cref="short"/>, <see cref="ushort"/>,
/// <see cref="int"/>, <see cref="uint"/>, <see cref="long"/>, <see cref="ulong"/>, <see cref="float"/>, <see cref="double"/>,
/// <see cref="string"/>, or an array of one of those (<c>string[]</c>, <c>int[]</c>, ...). The typed getters answer
/// <see langword="null"/> for a key that is absent or holds another type. Arrays are handed out as they are stored: treat them as
/// read-only.
/// </remarks>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "It is known by what it holds.")]
public sealed class ModelMetadata : IReadOnlyDictionary<string, object>
{
    private readonly Dictionary<string, object> _entries;

    /// <summary>Makes metadata in memory.</summary>
    /// <param name="entries">Keys and values of the types named in the remarks of this class.</param>
    /// <exception cref="ArgumentException">A value has a type that GGUF cannot hold, or a key occurs twice.</exception>
    public ModelMetadata(IEnumerable<KeyValuePair<string, object>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        _entries = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var (key, value) in entries)
        {
            if (!MetadataWriter.CanHold(value))
            {
                throw new ArgumentException(
                    $"Metadata '{key}' has a value of type {value?.GetType().ToString() ?? "null"}: numbers, bool, string and arrays of these can be held.", nameof(entries));
            }

            if (!_entries.TryAdd(key, value))
            {
                throw new ArgumentException($"Metadata key '{key}' occurs twice.", nameof(entries));
            }
        }
    }

    /// <summary>Metadata without any key.</summary>
    public static ModelMetadata Empty { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _entries.Count;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _entries.Keys;

    /// <inheritdoc/>
    public IEnumerable<object> Values => _entries.Values;

    /// <inheritdoc/>
    public object this[string key] => _entries.TryGetValue(key, out var value)
        ? value
        : throw new KeyNotFoundException($"The model's metadata has no key '{key}'.");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _entries.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object value) => _entries.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _entries.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The text under a key.</summary>
    /// <param name="key">The key, for example <c>general.architecture</c>.</param>
    /// <returns>The text, or <see langword="null"/> if the key is absent or holds no text.</returns>
    public string? GetString(string key) => _entries.GetValueOrDefault(key) as string;

    /// <summary>The integer under a key, whatever its width in the file.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The number, or <see langword="null"/> if the key is absent, holds no integer, or one above
    /// <see cref="long.MaxValue"/>.</returns>
    public long? GetInt64(string key) => _entries.GetValueOrDefault(key) switch
    {
        byte value => value,
        sbyte value => value,
        ushort value => value,
        short value => value,
        uint value => value,
        int value => value,
        long value => value,
        ulong value when value <= long.MaxValue => (long)value,
        _ => null,
    };

    /// <summary>The number under a key; integers are converted.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The number, or <see langword="null"/> if the key is absent or holds no number.</returns>
    public double? GetDouble(string key) => _entries.GetValueOrDefault(key) switch
    {
        float value => value,
        double value => value,
        ulong value => value,
        _ => GetInt64(key),
    };

    /// <summary>The truth value under a key.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The value, or <see langword="null"/> if the key is absent or holds no truth value.</returns>
    public bool? GetBoolean(string key) => _entries.GetValueOrDefault(key) as bool?;

    /// <summary>The texts under a key.</summary>
    /// <param name="key">The key, for example <c>tokenizer.ggml.tokens</c>.</param>
    /// <returns>The stored array, or <see langword="null"/> if the key is absent or holds no array of texts.</returns>
    public string[]? GetStrings(string key) => _entries.GetValueOrDefault(key) as string[];

    /// <summary>The integers under a key, whatever their width in the file.</summary>
    /// <param name="key">The key, for example <c>tokenizer.ggml.token_type</c>.</param>
    /// <returns>The array, or <see langword="null"/> if the key is absent, holds no array of integers, or one of them does not fit 32
    /// bits.</returns>
    public int[]? GetInt32s(string key) => _entries.GetValueOrDefault(key) switch
    {
        // The runtime lets an array of one signedness pass for the other: ask for the exact element type.
        Array array when array.GetType() == typeof(int[]) => (int[])array,
        Array array when array.GetType() == typeof(byte[]) => Narrow((byte[])array),
        Array array when array.GetType() == typeof(sbyte[]) => Narrow((sbyte[])array),
        Array array when array.GetType() == typeof(ushort[]) => Narrow((ushort[])array),
        Array array when array.GetType() == typeof(short[]) => Narrow((short[])array),
        Array array when array.GetType() == typeof(uint[]) => Narrow((uint[])array),
        Array array when array.GetType() == typeof(ulong[]) => Narrow((ulong[])array),
        Array array when array.GetType() == typeof(long[]) => Narrow((long[])array),
        _ => null,
    };

    /// <summary>The numbers under a key; <see cref="double"/> is rounded.</summary>
    /// <param name="key">The key, for example <c>tokenizer.ggml.scores</c>.</param>
    /// <returns>The array, or <see langword="null"/> if the key is absent or holds no array of floating-point numbers.</returns>
    public float[]? GetSingles(string key) => _entries.GetValueOrDefault(key) switch
    {
        float[] values => values,
        double[] values => Array.ConvertAll(values, value => (float)value),
        _ => null,
    };

    /// <summary>Reads one raw GGUF value as the native library returns it: little-endian, the four bytes of the type first.</summary>
    /// <param name="raw">The bytes, all of them.</param>
    /// <param name="key">The key, for the message of an error.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidDataException">The bytes are not one whole value.</exception>
    internal static object ParseValue(ReadOnlySpan<byte> raw, string key = "(unnamed)")
    {
        var reader = new MetadataReader(raw, key);
        return reader.ReadWhole();
    }

    private static int[]? Narrow<T>(T[] values)
        where T : struct, System.Numerics.IBinaryInteger<T>
    {
        var result = new int[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (!TryNarrow(values[i], out result[i]))
            {
                return null;
            }
        }

        return result;
    }

    private static bool TryNarrow<T>(T value, out int result)
        where T : struct, System.Numerics.IBinaryInteger<T>
    {
        result = int.CreateTruncating(value);
        return T.CreateTruncating(result) == value && (result < 0) == T.IsNegative(value);
    }
}
