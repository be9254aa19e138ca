namespace MambaConnector.Constraints;

/// <summary>Which strings are allowed: a deterministic automaton over code points. Immutable.</summary>
/// <remarks>States are numbered from 0; each of them can still be completed.</remarks>
internal abstract class TextRule
{
    /// <summary>No state: no string goes on like this.</summary>
    public const int Dead = -1;

    /// <summary>The state of the empty string; <see cref="Dead"/>: no string fits.</summary>
    public abstract int Start { get; }

    /// <summary>The state after a code point, or <see cref="Dead"/>.</summary>
    public abstract int Next(int state, int codePoint);

    /// <summary>Whether the string may end here.</summary>
    public abstract bool Accepts(int state);

    /// <summary>Whether some code point from <paramref name="first"/> to <paramref name="last"/>, surrogates apart, may come next.</summary>
    public abstract bool TakesAny(int state, int first, int last);

    /// <summary>The fewest tokens known to complete the string, its closing quote left out.</summary>
    public abstract int Cost(int state, Vocabulary? vocabulary);

    /// <summary>The least <see cref="Cost"/> after a code point of a range.</summary>
    public abstract int CostAfterAny(int state, int first, int last, Vocabulary? vocabulary);

    /// <summary>What masks depend on: equal for positions that no token of up to <paramref name="maximumLength"/> bytes can tell apart.</summary>
    public abstract LocalMaskKey KeyOf(long position, int maximumLength);
}
