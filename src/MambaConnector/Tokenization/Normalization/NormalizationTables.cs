using System.Globalization;
using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>Decomposition and composition over <see cref="NormalizationData"/> (UAX #15; Hangul by arithmetic, The Unicode Standard
/// 3.12).</summary>
internal sealed class NormalizationTables
{
    private const int HangulBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int HangulCount = LeadCount * VowelCount * TailCount;

    private static readonly Lazy<NormalizationTables> Shared = new(() => new NormalizationTables());

    private readonly Dictionary<int, int[]> _canonical = [];
    private readonly Dictionary<int, int[]> _compatible = [];
    private readonly Dictionary<(int, int), int> _composites = [];
    private readonly Dictionary<int, int> _classes = [];

    private NormalizationTables()
    {
        Read(NormalizationData.Canonical, (left, right) => _canonical.Add(left[0], right));
        Read(NormalizationData.Compatible, (left, right) => _compatible.Add(left[0], right));
        Read(NormalizationData.Composites, (left, right) => _composites.Add((left[0], left[1]), right[0]));
        Read(NormalizationData.CombiningClasses, (left, right) =>
        {
            for (var point = left[0]; point <= left[1]; point++)
            {
                _classes.Add(point, right[0]);
            }
        }, rightIsDecimal: true);
    }

    /// <summary>The tables, read on first use.</summary>
    public static NormalizationTables Instance => Shared.Value;

    /// <summary>Fully decomposes a text and puts its marks in canonical order.</summary>
    public List<int> Decompose(string text, bool compatible)
    {
        var points = new List<int>(text.Length + 8);
        for (var i = 0; i < text.Length;)
        {
            Decompose(CodePoints.Next(text, ref i), compatible, points);
        }

        Reorder(points);
        return points;
    }

    /// <summary>Composes a decomposed sequence.</summary>
    public List<int> Compose(List<int> points)
    {
        var result = new List<int>(points.Count);
        var starter = -1;
        var lastClass = -1; // of the marks kept since the starter; -1 right behind it
        foreach (var point in points)
        {
            var pointClass = ClassOf(point);
            if (starter >= 0 && lastClass < pointClass && TryCompose(result[starter], point, out var composite))
            {
                result[starter] = composite;
                continue;
            }

            result.Add(point);
            if (pointClass == 0)
            {
                starter = result.Count - 1;
                lastClass = -1;
            }
            else
            {
                lastClass = pointClass;
            }
        }

        return result;
    }

    /// <summary>The text of a sequence of code points.</summary>
    public static string ToText(List<int> points)
    {
        var builder = new StringBuilder(points.Count + 8);
        foreach (var point in points)
        {
            CodePoints.Append(builder, point);
        }

        return builder.ToString();
    }

    private void Decompose(int point, bool compatible, List<int> output)
    {
        var hangul = point - HangulBase;
        if (hangul is >= 0 and < HangulCount)
        {
            output.Add(LeadBase + hangul / (VowelCount * TailCount));
            output.Add(VowelBase + hangul / TailCount % VowelCount);
            if (hangul % TailCount != 0)
            {
                output.Add(TailBase + hangul % TailCount);
            }
        }
        else if ((compatible && _compatible.TryGetValue(point, out var parts)) || _canonical.TryGetValue(point, out parts))
        {
            output.AddRange(parts);
        }
        else
        {
            output.Add(point);
        }
    }

    // Sorts each run of marks by class, keeping the order of equals.
    private void Reorder(List<int> points)
    {
        for (var start = 0; start < points.Count; start++)
        {
            var end = start;
            while (end < points.Count && ClassOf(points[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = points[start..end].OrderBy(ClassOf).ToList(); // a stable sort
                for (var i = 0; i < sorted.Count; i++)
                {
                    points[start + i] = sorted[i];
                }
            }

            start = end;
        }
    }

    private bool TryCompose(int first, int second, out int composite)
    {
        var lead = first - LeadBase;
        var vowel = second - VowelBase;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            composite = HangulBase + (lead * VowelCount + vowel) * TailCount;
            return true;
        }

        var syllable = first - HangulBase;
        var tail = second - TailBase;
        if (syllable is >= 0 and < HangulCount && syllable % TailCount == 0 && tail is > 0 and < TailCount)
        {
            composite = first + tail;
            return true;
        }

        return _composites.TryGetValue((first, second), out composite);
    }

    private int ClassOf(int point) => point < 0x300 ? 0 : _classes.GetValueOrDefault(point);

    private static void Read(string table, Action<int[], int[]> add, bool rightIsDecimal = false)
    {
        foreach (var row in table.Split(['\n', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = row.IndexOf('=', StringComparison.Ordinal);
            add(Points(row[..equals], NumberStyles.AllowHexSpecifier),
                Points(row[(equals + 1)..], rightIsDecimal ? NumberStyles.None : NumberStyles.AllowHexSpecifier));
        }
    }

    private static int[] Points(string text, NumberStyles style) =>
        Array.ConvertAll(text.Split(' '), part => int.Parse(part, style, CultureInfo.InvariantCulture));
}
