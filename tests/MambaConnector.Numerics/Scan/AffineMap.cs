using System.Numerics;

namespace MambaConnector.Numerics.Scan;

/// <summary>h -> Factor h + Offset: one step of a diagonal recurrence, for one number of its state. Steps compose to such maps again, and composing
/// is associative; that is all a parallel scan needs (S5, arXiv 2208.04933, appendix H).</summary>
internal readonly record struct AffineMap<T>(T Factor, T Offset)
    where T : INumberBase<T>
{
    public static AffineMap<T> Identity => new(T.One, T.Zero);

    public T Apply(T state) => (Factor * state) + Offset;

    /// <summary>This map first, then <paramref name="next"/>: (a, b) then (a', b') = (a' a, a' b + b').</summary>
    public AffineMap<T> Then(AffineMap<T> next) => new(next.Factor * Factor, next.Apply(Offset));
}
