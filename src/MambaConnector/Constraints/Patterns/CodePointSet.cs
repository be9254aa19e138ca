using System.Collections.Concurrent;
using System.Globalization;
using MambaConnector.Tokenization;

namespace MambaConnector.Constraints;

/// <summary>A set of code points. Immutable.</summary>
/// <param name="Ranges">Ascending, apart from each other.</param>
internal sealed record CodePointSet(IReadOnlyList<(int First, int Last)> Ranges)
{
    private const int Largest = 0x10FFFF;

    private static readonly ConcurrentDictionary<uint, CodePointSet> Categories = [];

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet Any { get; } = Of((0, Largest));

    public static CodePointSet Of(params IEnumerable<(int First, int Last)> ranges)
    {
        List<(int First, int Last)> joined = [];
        foreach ((int first, int last) in ranges.OrderBy(range => range.First))
        {
            if (joined.Count > 0 && first <= joined[^1].Last + 1)
            {
                joined[^1] = (joined[^1].First, Math.Max(joined[^1].Last, last));
            }
            else
            {
                joined.Add((first, last));
            }
        }

        return new CodePointSet(joined);
    }

    /// <summary>The code points of general categories, by <see cref="CodePointClass.Mask"/>.</summary>
    public static CodePointSet OfCategories(uint mask) => Categories.GetOrAdd(mask, static mask =>
    {
        List<(int First, int Last)> ranges = [];
        for (int codePoint = 0; codePoint <= Largest; codePoint++)
        {
            if ((mask >> (int)CharUnicodeInfo.GetUnicodeCategory(codePoint) & 1) == 0)
            {
                continue;
            }

            if (ranges.Count > 0 && ranges[^1].Last == codePoint - 1)
            {
                ranges[^1] = (ranges[^1].First, codePoint);
            }
            else
            {
                ranges.Add((codePoint, codePoint));
            }
        }

        return new CodePointSet(ranges);
    });

    public CodePointSet Or(CodePointSet other) => Of(Ranges.Concat(other.Ranges));

    public CodePointSet Complement()
    {
        List<(int First, int Last)> ranges = [];
        int next = 0;
        foreach ((int first, int last) in Ranges)
        {
            if (first > next)
            {
                ranges.Add((next, first - 1));
            }

            next = last + 1;
        }

        if (next <= Largest)
        {
            ranges.Add((next, Largest));
        }

        return new CodePointSet(ranges);
    }
}
