using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace MambaConnector.Cli;

/// <summary>Numbers of tokens as people write them: <c>8192</c>, <c>8k</c>, <c>1M</c> (k is 1,024, M is 1,048,576), and lists of them:
/// <c>1k,4k,64k</c>, <c>1k..256k</c> (each twice the one before), <c>1k,4k,..,1M</c> (each as many times the one before as the second is
/// the first).</summary>
internal static class TokenLengths
{
    private const long Kilo = 1024;
    private const long Mega = Kilo * Kilo;
    private const string Range = "..";

    /// <summary>An option that takes one number.</summary>
    public static Option<long> CreateOption(string name, string description)
    {
        Option<long> option = new(name) { HelpName = "n", Description = description };
        option.CustomParser = argument =>
        {
            if (TryParse(argument.Tokens[0].Value, out long length))
            {
                return length;
            }

            argument.AddError($"{name} takes a number of tokens, as in 8192, 8k or 1M; '{argument.Tokens[0].Value}' is none");
            return 0;
        };
        return option;
    }

    /// <summary>An option that takes a list.</summary>
    public static Option<long[]?> CreateListOption(string name, string description) => new(name)
    {
        HelpName = "list",
        Description = description,
        CustomParser = argument => ParseList(name, argument),
    };

    /// <summary>One number above 0.</summary>
    public static bool TryParse(string text, out long length)
    {
        ReadOnlySpan<char> digits = text.AsSpan().Trim();
        long unit = digits.IsEmpty ? 1 : char.ToUpperInvariant(digits[^1]) switch { 'K' => Kilo, 'M' => Mega, _ => 1 };
        digits = unit > 1 ? digits[..^1] : digits;
        bool isNumber = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long count);
        bool fits = isNumber && count is > 0 && count <= long.MaxValue / unit;
        length = fits ? count * unit : 0;
        return fits;
    }

    /// <summary>A list in ascending order, each length once; null where the text is none.</summary>
    public static long[]? TryParseList(string text)
    {
        // "a..b" is "a,..,b".
        string[] parts = text.Replace(Range, $",{Range},", StringComparison.Ordinal)
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        SortedSet<long> lengths = [];
        long before = 0, last = 0;
        for (int index = 0; index < parts.Length; index++)
        {
            bool isRange = parts[index] == Range;
            if ((isRange && (last == 0 || ++index == parts.Length)) || !TryParse(parts[index], out long length))
            {
                return null;
            }

            long factor = before > 0 && last % before == 0 && last > before ? last / before : 2;
            for (long between = last; isRange && between <= length / factor; lengths.Add(between))
            {
                between *= factor;
            }

            lengths.Add(length);
            (before, last) = isRange ? (0, length) : (last, length);
        }

        return lengths.Count > 0 ? [.. lengths] : null;
    }

    /// <summary>The shortest way to write it: 512, 8K, 1M.</summary>
    public static string Format(long length) => length switch
    {
        >= Mega when length % Mega == 0 => $"{length / Mega}M",
        >= Kilo when length % Kilo == 0 => $"{length / Kilo}K",
        _ => length.ToString(CultureInfo.InvariantCulture),
    };

    private static long[]? ParseList(string name, ArgumentResult argument)
    {
        string text = argument.Tokens[0].Value;
        long[]? lengths = TryParseList(text);
        if (lengths is null)
        {
            argument.AddError($"{name} takes numbers of tokens, as in 1k,4k,64k or 1k..256k; '{text}' is none");
        }

        return lengths;
    }
}
