using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>The regular expressions of JSON Schema, which are ECMAScript's with the flag <c>u</c>, written as .NET's.</summary>
/// <remarks>What differs: a character is a code point; <c>\d \w \b</c> are ASCII, <c>\s</c> has its own list; <c>$</c> is the very end, not
/// also before a last line break; <c>.</c> leaves four line ends out; classes have no subtraction. Unicode categories know the basic plane
/// only. The text must not hold halves of surrogate pairs.</remarks>
internal sealed class EcmaScriptPattern
{
    private const string Word = "[A-Za-z0-9_]";
    private const int LastCodePoint = 0x10FFFF;

    private static readonly (int First, int Last)[] Digits = [('0', '9')];
    private static readonly (int First, int Last)[] Words = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
    private static readonly (int First, int Last)[] Spaces =
    [
        (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F),
        (0x3000, 0x3000), (0xFEFF, 0xFEFF),
    ];

    private static readonly (int First, int Last)[] LineEnds = [('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)];

    private readonly string _pattern;
    private readonly StringBuilder _output = new();
    private int _position;

    private EcmaScriptPattern(string pattern) => _pattern = pattern;

    public static bool IsMatch(string pattern, string text) =>
        Regex.IsMatch(text, new EcmaScriptPattern(pattern).Translate(), RegexOptions.CultureInvariant);

    private string Translate()
    {
        while (_position < _pattern.Length)
        {
            char next = _pattern[_position];
            switch (next)
            {
                case '\\':
                    _position++;
                    TranslateEscape();
                    break;
                case '[':
                    _position++;
                    TranslateClass();
                    break;
                case '.':
                    _position++;
                    Append(LineEnds, [], isNegated: true);
                    break;
                case '$':
                    _position++;
                    _output.Append(@"\z");
                    break;
                case '(' or ')' or '|' or '*' or '+' or '?' or '{' or '}' or '^' or ',' or '<' or '>' or '=' or '!' or ':':
                case var _ when char.IsAsciiLetterOrDigit(next):
                    _position++;
                    _output.Append(next);
                    break;
                default:
                    Append(ReadCodePoint());
                    break;
            }
        }

        return _output.ToString();
    }

    private void TranslateEscape()
    {
        char kind = _pattern[_position];
        if (ReadShorthand() is ({ } ranges, var isNegated))
        {
            Append(ranges, [], isNegated);
        }
        else if (kind is 'p' or 'P')
        {
            Append([], [ReadCategory()], kind == 'P');
        }
        else if (kind is 'b' or 'B')
        {
            _position++;
            string[] either = kind == 'b' ? ["(?<!", "(?="] : ["(?<!", "(?!"];
            string[] or = kind == 'b' ? ["(?<=", "(?!"] : ["(?<=", "(?="];
            _output.Append(CultureInfo.InvariantCulture, $"(?:{either[0]}{Word}){either[1]}{Word})|{or[0]}{Word}){or[1]}{Word}))");
        }
        else if (kind is >= '1' and <= '9')
        {
            _position++;
            _output.Append(CultureInfo.InvariantCulture, $"(?:\\{kind})");
        }
        else
        {
            Append(ReadEscapedCodePoint());
        }
    }

    private void TranslateClass()
    {
        bool isNegated = _position < _pattern.Length && _pattern[_position] == '^';
        _position += isNegated ? 1 : 0;
        List<(int First, int Last)> ranges = [];
        List<string> categories = [];
        while (_pattern[_position] != ']')
        {
            if (ReadClassAtom(ranges, categories) is not { } first)
            {
                continue;
            }

            int last = first;
            if (_pattern[_position] == '-' && _pattern[_position + 1] != ']')
            {
                _position++;
                last = ReadClassAtom(ranges, categories)
                    ?? throw new NotSupportedException($"'{_pattern}' has a range that ends in a class.");
            }

            ranges.Add((first, last));
        }

        _position++;
        Append(ranges, categories, isNegated);
    }

    /// <returns>A code point, or null for a class, which is then in the lists.</returns>
    private int? ReadClassAtom(List<(int First, int Last)> ranges, List<string> categories)
    {
        if (_pattern[_position] != '\\')
        {
            return ReadCodePoint();
        }

        _position++;
        switch (_pattern[_position])
        {
            case 'b':
                _position++;
                return '\b';
            case 'p':
                categories.Add(ReadCategory());
                return null;
            case 'P':
                throw new NotSupportedException($"'{_pattern}' has \\P in a class.");
            default:
                if (ReadShorthand() is ({ } shorthand, var isNegated))
                {
                    ranges.AddRange(isNegated ? Complement(shorthand) : shorthand);
                    return null;
                }

                return ReadEscapedCodePoint();
        }
    }

    private ((int First, int Last)[]? Ranges, bool IsNegated) ReadShorthand()
    {
        char kind = _pattern[_position];
        (int First, int Last)[]? ranges = char.ToLowerInvariant(kind) switch { 'd' => Digits, 'w' => Words, 's' => Spaces, _ => null };
        _position += ranges is null ? 0 : 1;
        return (ranges, char.IsAsciiLetterUpper(kind));
    }

    private string ReadCategory()
    {
        int end = _pattern.IndexOf('}', _position);
        string category = _pattern[(_position + 2)..end];
        _position = end + 1;
        return $@"\p{{{category}}}";
    }

    private int ReadEscapedCodePoint()
    {
        char kind = _pattern[_position];
        switch (kind)
        {
            case 'u' when _pattern[_position + 1] == '{':
                int end = _pattern.IndexOf('}', _position);
                int braced = ParseHex(_pattern[(_position + 2)..end]);
                _position = end + 1;
                return braced;
            case 'u':
                int unit = ParseHex(_pattern.Substring(_position + 1, 4));
                _position += 5;
                if (char.IsHighSurrogate((char)unit))
                {
                    // The other half is written out in the same way.
                    int low = ParseHex(_pattern.Substring(_position + 2, 4));
                    _position += 6;
                    return char.ConvertToUtf32((char)unit, (char)low);
                }

                return unit;
            case 'x':
                int value = ParseHex(_pattern.Substring(_position + 1, 2));
                _position += 3;
                return value;
            case 'c':
                _position += 2;
                return _pattern[_position - 1] % 32;
            default:
                return kind switch
                {
                    't' => Take('\t'),
                    'n' => Take('\n'),
                    'r' => Take('\r'),
                    'f' => Take('\f'),
                    'v' => Take('\v'),
                    '0' => Take('\0'),
                    _ when char.IsAsciiLetterOrDigit(kind) => throw new NotSupportedException($"'{_pattern}' has the escape \\{kind}."),
                    _ => ReadCodePoint(),
                };
        }

        int Take(char character)
        {
            _position++;
            return character;
        }
    }

    private int ReadCodePoint()
    {
        int point = char.ConvertToUtf32(_pattern, _position);
        _position += point > 0xFFFF ? 2 : 1;
        return point;
    }

    private void Append(int codePoint) => Append([(codePoint, codePoint)], [], isNegated: false);

    private void Append(IReadOnlyCollection<(int First, int Last)> ranges, IReadOnlyCollection<string> categories, bool isNegated)
    {
        string basic = string.Concat(ranges.Where(range => range.First <= 0xFFFF)
            .Select(range => $"{Escape(range.First)}-{Escape(Math.Min(range.Last, 0xFFFF))}").Concat(categories));
        string beyond = string.Join('|', ranges.Where(range => range.Last > 0xFFFF)
            .SelectMany(range => Pairs(Math.Max(range.First, 0x10000), range.Last)));

        // What matches nothing: neither an empty class nor an empty alternative does.
        const string Never = "(?!)";
        basic = basic.Length == 0 ? Never : $"[{basic}]";
        beyond = beyond.Length == 0 ? Never : $"(?:{beyond})";
        const string Single = @"[^\uD800-\uDFFF]";
        const string Pair = @"[\uD800-\uDBFF][\uDC00-\uDFFF]";
        string sign = isNegated ? "!" : "=";
        _output.Append(CultureInfo.InvariantCulture, $"(?:(?{sign}{basic}){Single}|(?{sign}{beyond}){Pair})");
    }

    /// <summary>Code points beyond the basic plane as surrogate pairs, those of one high half at a time.</summary>
    private static IEnumerable<string> Pairs(int first, int last)
    {
        for (int start = first; start <= last; start = (start | 0x3FF) + 1)
        {
            string from = char.ConvertFromUtf32(start);
            string to = char.ConvertFromUtf32(Math.Min(last, start | 0x3FF));
            yield return $"{Escape(from[0])}[{Escape(from[1])}-{Escape(to[1])}]";
        }
    }

    private static IEnumerable<(int First, int Last)> Complement((int First, int Last)[] ranges)
    {
        int next = 0;
        foreach ((int first, int last) in ranges)
        {
            if (first > next)
            {
                yield return (next, first - 1);
            }

            next = last + 1;
        }

        yield return (next, LastCodePoint);
    }

    private static string Escape(int unit) => $@"\u{unit:X4}";

    private static int ParseHex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
