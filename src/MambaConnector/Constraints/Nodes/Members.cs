namespace MambaConnector.Constraints;

/// <summary>The members that an object has so far. Immutable, compared by value.</summary>
internal sealed class Members : IEquatable<Members>
{
    private readonly ulong[] _declared; // a bit each; the last word is not 0
    private readonly string[] _others; // ascending
    private readonly int _hash;

    private Members(ulong[] declared, string[] others)
    {
        _declared = declared;
        _others = others;
        HashCode hash = default;
        foreach (ulong word in declared)
        {
            hash.Add(word);
        }

        foreach (string name in others)
        {
            hash.Add(name);
        }

        _hash = hash.ToHashCode();
    }

    public static Members None { get; } = new([], []);

    /// <summary>Whether a declared property is there.</summary>
    public bool Has(int index) => index >> 6 < _declared.Length && (_declared[index >> 6] >> index & 1) != 0;

    /// <summary>Whether a property that is not declared is there.</summary>
    public bool Has(string name) => Array.BinarySearch(_others, name, StringComparer.Ordinal) >= 0;

    /// <summary>Whether a property that is not declared is there whose name begins like this.</summary>
    public bool HasAny(string prefix) => Array.Exists(_others, name => name.StartsWith(prefix, StringComparison.Ordinal));

    public Members With(int index)
    {
        ulong[] declared = new ulong[Math.Max(_declared.Length, (index >> 6) + 1)];
        _declared.CopyTo(declared, 0);
        declared[index >> 6] |= 1UL << index;
        return new Members(declared, _others);
    }

    public Members With(string name) => new(_declared, [.. _others.Append(name).Order(StringComparer.Ordinal)]);

    public bool Equals(Members? other) =>
        other is not null && _hash == other._hash && _declared.AsSpan().SequenceEqual(other._declared) && _others.AsSpan().SequenceEqual(other._others);

    public override bool Equals(object? obj) => Equals(obj as Members);

    public override int GetHashCode() => _hash;
}
