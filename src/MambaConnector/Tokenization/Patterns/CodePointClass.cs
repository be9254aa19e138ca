using System.Globalization;
using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>A set of Unicode code points: general categories, ranges and nested sets. Immutable.</summary>
/// <remarks>
/// Tokenizers are defined over code points. .NET's <c>Regex</c> sees UTF-16 units, for which a letter beyond U+FFFF is two symbols of
/// category Cs: that is why the sets and the matcher on top of them are our own.
/// </remarks>
internal sealed class CodePointClass
{
    private const int CategoryCount = 30;

    private readonly uint _categories;
    private readonly (int First, int Last)[] _ranges;
    private readonly CodePointClass[] _nested;
    private readonly bool _negated;
    private readonly bool _ignoreCase;
    private readonly ulong _asciiLow;
    private readonly ulong _asciiHigh;

    public CodePointClass(
        uint categories = 0, IEnumerable<(int First, int Last)>? ranges = null, IEnumerable<CodePointClass>? nested = null,
            bool negated = false, bool ignoreCase = false)
    {
        _categories = categories;
        _ranges = ranges?.ToArray() ?? [];
        _nested = nested?.ToArray() ?? [];
        _negated = negated;
        _ignoreCase = ignoreCase;
        for (var c = 0; c < 64; c++)
        {
            _asciiLow |= (Evaluate(c) ? 1UL : 0) << c;
            _asciiHigh |= (Evaluate(c + 64) ? 1UL : 0) << c;
        }
    }

    /// <summary>Unicode's White_Space property: what <c>\s</c> and Rust's <c>char::is_whitespace</c> mean.</summary>
    public static CodePointClass WhiteSpace { get; } = new(Mask("Z"), [(0x09, 0x0D), (0x85, 0x85)]);

    /// <summary><c>\d</c>: decimal digits of every script.</summary>
    public static CodePointClass Digit { get; } = new(Mask("Nd"));

    /// <summary>Rust's <c>char::is_numeric</c>: categories Nd, Nl, No.</summary>
    public static CodePointClass Numeric { get; } = new(Mask("N"));

    /// <summary><c>\w</c> of Oniguruma: Alphabetic, marks, decimal digits, connectors. Alphabetic symbols (So) are the circled
    /// letters.</summary>
    public static CodePointClass Word { get; } = new(
        Mask("L") | Mask("M") | Mask("Nd") | Mask("Nl") | Mask("Pc"),
            [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]);

    /// <summary><c>\w</c> of the Rust regex crate: as <see cref="Word"/>, and the two zero-width joiners.</summary>
    public static CodePointClass RustWord { get; } = new(nested: [Word], ranges: [(0x200C, 0x200D)]);

    /// <summary>Hugging Face's punctuation: category P and all ASCII symbols.</summary>
    public static CodePointClass Punctuation { get; } = new(Mask("P"), [('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]);

    /// <summary>The bit mask of a general category ("Lu") or of a group of them ("L"); 0 if there is none of that name.</summary>
    public static uint Mask(string name)
    {
        ReadOnlySpan<string> names =
        [
            "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
            "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
        ];
        uint mask = 0;
        for (var i = 0; i < CategoryCount; i++)
        {
            if (names[i] == name || (name.Length == 1 && names[i][0] == name[0]))
            {
                mask |= 1u << i; // the order of names is that of UnicodeCategory
            }
        }

        return mask;
    }

    /// <summary>The set of one code point, or of all its case variants.</summary>
    public static CodePointClass Single(int codePoint, bool ignoreCase) => new(ranges: [(codePoint, codePoint)], ignoreCase: ignoreCase);

    /// <summary>Whether the code point belongs to the set.</summary>
    public bool Contains(int codePoint) => codePoint switch
    {
        < 64 => (_asciiLow >> codePoint & 1) != 0,
        < 128 => (_asciiHigh >> (codePoint - 64) & 1) != 0,
        _ => Evaluate(codePoint),
    };

    private bool Evaluate(int codePoint) =>
        (HoldsItem(codePoint) || (_ignoreCase && HoldsCaseVariant(codePoint))) != _negated;

    private bool HoldsItem(int codePoint)
    {
        if (_categories != 0 && (_categories >> (int)CharUnicodeInfo.GetUnicodeCategory(codePoint) & 1) != 0)
        {
            return true;
        }

        foreach (var (first, last) in _ranges)
        {
            if (codePoint >= first && codePoint <= last)
            {
                return true;
            }
        }

        foreach (var nested in _nested)
        {
            if (nested.Contains(codePoint))
            {
                return true;
            }
        }

        return false;
    }

    // Simple case folding joins two more characters to ASCII letters: the long s and the Kelvin sign.
    private bool HoldsCaseVariant(int codePoint) => codePoint switch
    {
        0x17F => HoldsItem('s') || HoldsItem('S'),
        0x212A => HoldsItem('k') || HoldsItem('K'),
        _ when Rune.IsValid(codePoint) =>
            HoldsItem(Rune.ToLowerInvariant(new Rune(codePoint)).Value) || HoldsItem(Rune.ToUpperInvariant(new Rune(codePoint)).Value),
        _ => false,
    };
}
