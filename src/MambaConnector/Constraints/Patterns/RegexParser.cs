using System.Globalization;
using System.Text;
using MambaConnector.Tokenization;

namespace MambaConnector.Constraints;

/// <summary>Reads a regular expression of the kind that JSON schemas use (ECMAScript's), as far as a finite automaton can follow
/// it.</summary>
internal sealed class RegexParser
{
    private const int MaximumCount = 10_000;
    private const int MaximumDepth = 200;

    private readonly int[] _pattern;
    private int _index;
    private int _depth;

    private RegexParser(string pattern) =>
        _pattern = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="PatternException">It is malformed, or uses what is not supported.</exception>
    public static RegexNode Parse(string pattern)
    {
        RegexParser parser = new(pattern);
        RegexNode node = parser.ParseChoice();
        return parser._index == parser._pattern.Length ? node : throw new PatternException("a ')' closes no group");
    }

    private bool Take(char expected)
    {
        if (_index < _pattern.Length && _pattern[_index] == expected)
        {
            _index++;
            return true;
        }

        return false;
    }

    private bool Take(string expected)
    {
        bool isThere = _index + expected.Length <= _pattern.Length && !expected.Where((character, offset) => _pattern[_index + offset] != character).Any();
        _index += isThere ? expected.Length : 0;
        return isThere;
    }

    private int Next() => _index < _pattern.Length ? _pattern[_index++] : throw new PatternException("it ends too early");

    private RegexNode ParseChoice()
    {
        if (++_depth > MaximumDepth)
        {
            throw new PatternException($"more than {MaximumDepth} groups stand inside each other");
        }

        List<RegexNode> parts = [ParseSequence()];
        while (Take('|'))
        {
            parts.Add(ParseSequence());
        }

        _depth--;
        return parts.Count == 1 ? parts[0] : new RegexNode(RegexKind.Choice) { Parts = parts };
    }

    private RegexNode ParseSequence()
    {
        List<RegexNode> parts = [];
        while (_index < _pattern.Length && _pattern[_index] is not ('|' or ')'))
        {
            parts.Add(ParseRepeat(ParseAtom()));
        }

        return parts.Count == 1 ? parts[0] : new RegexNode(RegexKind.Sequence) { Parts = parts };
    }

    private RegexNode ParseRepeat(RegexNode atom)
    {
        if (!TryParseCounts(out int minimum, out int maximum))
        {
            return atom;
        }

        // A lazy loop takes the same strings.
        _ = Take('?');
        if (_index < _pattern.Length && _pattern[_index] is '*' or '+')
        {
            throw new PatternException("a quantifier stands behind a quantifier");
        }

        return new RegexNode(RegexKind.Repeat) { Parts = [atom], Minimum = minimum, Maximum = maximum };
    }

    private bool TryParseCounts(out int minimum, out int maximum)
    {
        (minimum, maximum) = (0, int.MaxValue);
        if (Take('*'))
        {
            return true;
        }

        if (Take('+'))
        {
            minimum = 1;
            return true;
        }

        if (Take('?'))
        {
            maximum = 1;
            return true;
        }

        // What does not read as counts is a brace.
        int start = _index;
        if (Take('{') && TryParseCount(out minimum))
        {
            maximum = !Take(',') ? minimum : TryParseCount(out int most) ? most : int.MaxValue;
            if (Take('}'))
            {
                return minimum <= maximum ? true : throw new PatternException($"the counts of a quantifier are the wrong way round: {minimum}, {maximum}");
            }
        }

        _index = start;
        return false;
    }

    private bool TryParseCount(out int count)
    {
        int start = _index;
        count = 0;
        while (_index < _pattern.Length && _pattern[_index] is >= '0' and <= '9')
        {
            count = (count * 10) + _pattern[_index++] - '0';
            if (count > MaximumCount)
            {
                throw new PatternException($"a quantifier counts beyond {MaximumCount}");
            }
        }

        return _index > start;
    }

    private RegexNode ParseAtom()
    {
        int character = Next();
        switch (character)
        {
            case '(':
                return ParseGroup();

            case '[':
                return Set(ParseClass());

            case '.':
                return Set(CharacterClass.Dot);

            case '^':
                return new RegexNode(RegexKind.Start);

            case '$':
                return new RegexNode(RegexKind.End);

            case '*' or '+' or '?':
                throw new PatternException($"'{(char)character}' stands behind nothing that could be repeated");

            case '\\':
                return Set(ParseEscape(isInClass: false));

            default:
                return Set(CharacterClass.Of(character));
        }
    }

    private RegexNode ParseGroup()
    {
        if (Take("?=") || Take("?!"))
        {
            throw new PatternException("it looks ahead ('(?=' or '(?!')");
        }

        if (Take("?<=") || Take("?<!"))
        {
            throw new PatternException("it looks behind ('(?<=' or '(?<!')");
        }

        if (Take("?<"))
        {
            while (Next() != '>')
            {
            }
        }
        else if (!Take("?:") && Take('?'))
        {
            throw new PatternException("it has a group of a kind that is not known: '(?'");
        }

        RegexNode node = ParseChoice();
        return Take(')') ? node : throw new PatternException("a group is not closed");
    }

    private CharacterClass ParseClass()
    {
        bool isNegated = Take('^');
        CharacterClass items = CharacterClass.Empty;
        while (!Take(']'))
        {
            CharacterClass item = ParseClassItem(out int first);
            if (_index + 1 < _pattern.Length && _pattern[_index] == '-' && _pattern[_index + 1] != ']')
            {
                _index++;
                _ = ParseClassItem(out int last);
                if (first < 0 || last < 0)
                {
                    throw new PatternException("a range of a class has no characters for ends");
                }

                item = first <= last
                    ? CharacterClass.Of(CodePointSet.Of((first, last)))
                    : throw new PatternException("the ends of a range are the wrong way round");
            }

            items = items.Or(item);
        }

        return isNegated ? items.Complement() : items;
    }

    /// <param name="single">The item's only character, or -1.</param>
    private CharacterClass ParseClassItem(out int single)
    {
        int character = Next();
        CharacterClass item = character == '\\' ? ParseEscape(isInClass: true) : CharacterClass.Of(character);
        single = item.Certain.Ranges is [var (first, last)] && first == last ? first : -1;
        return item;
    }

    private CharacterClass ParseEscape(bool isInClass)
    {
        int character = Next();
        switch (character)
        {
            case 'd':
                return CharacterClass.Digit;
            case 'D':
                return CharacterClass.Digit.Complement();
            case 'w':
                return CharacterClass.Word;
            case 'W':
                return CharacterClass.Word.Complement();
            case 's':
                return CharacterClass.Space;
            case 'S':
                return CharacterClass.Space.Complement();
            case 'p':
                return ParseProperty();
            case 'P':
                return ParseProperty().Complement();
            case 't':
                return CharacterClass.Of('\t');
            case 'n':
                return CharacterClass.Of('\n');
            case 'r':
                return CharacterClass.Of('\r');
            case 'v':
                return CharacterClass.Of('\v');
            case 'f':
                return CharacterClass.Of('\f');
            case 'b' when isInClass:
                return CharacterClass.Of('\b');
            case 'b' or 'B':
                throw new PatternException($"it asks for the border of a word ('\\{(char)character}')");
            case '0' when _index == _pattern.Length || _pattern[_index] is < '0' or > '9':
                return CharacterClass.Of(0);
            case 'x':
                return CharacterClass.Of(ParseHex(2));
            case 'u':
                return CharacterClass.Of(ParseUnicode());
        }

        return character is >= '0' and <= '9' or 'k'
            ? throw new PatternException($"it refers back to a group ('\\{(char)character}')")
            : character < 128 && char.IsAsciiLetter((char)character)
                ? throw new PatternException($"it has an escape that is not known: '\\{(char)character}'")
                : CharacterClass.Of(character);
    }

    private int ParseUnicode()
    {
        if (Take('{'))
        {
            int value = 0;
            int digit;
            while ((digit = Next()) != '}')
            {
                value = (value << 4) + HexValue(digit);
                if (value > 0x10FFFF)
                {
                    throw new PatternException("it has an escape beyond U+10FFFF");
                }
            }

            return value;
        }

        int unit = ParseHex(4);
        if (unit is < 0xD800 or > 0xDFFF)
        {
            return unit;
        }

        return unit <= 0xDBFF && Take("\\u") && ParseHex(4) is var low and >= 0xDC00 and <= 0xDFFF
            ? char.ConvertToUtf32((char)unit, (char)low)
            : throw new PatternException("it has an escape of half a surrogate pair");
    }

    private int ParseHex(int digits)
    {
        int value = 0;
        for (int index = 0; index < digits; index++)
        {
            value = (value << 4) + HexValue(Next());
        }

        return value;
    }

    private static int HexValue(int digit) => digit < 128 && char.IsAsciiHexDigit((char)digit)
        ? int.Parse([(char)digit], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        : throw new PatternException("it has an escape with a digit that is none");

    private CharacterClass ParseProperty()
    {
        if (!Take('{'))
        {
            throw new PatternException("it has a '\\p' without a category");
        }

        StringBuilder name = new();
        int character;
        while ((character = Next()) != '}')
        {
            name.Append(new Rune(character));
        }

        uint mask = CodePointClass.Mask(name.ToString());
        return mask != 0
            ? CharacterClass.Of(CodePointSet.OfCategories(mask))
            : throw new PatternException($"it has a property that is not known: '\\p{{{name}}}' (general categories are: L, Lu, Nd, ...)");
    }

    private static RegexNode Set(CharacterClass characters) => new(RegexKind.Set) { Set = characters.Certain };
}
