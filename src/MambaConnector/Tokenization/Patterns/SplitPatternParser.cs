using System.Globalization;

namespace MambaConnector.Tokenization;

/// <summary>Turns the text of a split pattern into linked <see cref="PatternNode"/>s. What it does not know it refuses by name.</summary>
internal sealed class SplitPatternParser(string pattern)
{
    private const int MaximumDepth = 32;

    private int _position;
    private int _depth;
    private bool _ignoreCase;

    // A parsed piece, still without what follows it: given its continuation it makes its nodes.
    private delegate PatternNode Link(PatternNode next);

    /// <summary>Parses the whole pattern into its top-level alternatives, each ending in <see cref="PatternNode.Accept"/>.</summary>
    public PatternNode[] Parse()
    {
        var alternatives = ParseAlternatives();
        return _position == pattern.Length ? alternatives.ConvertAll(link => link(PatternNode.Accept)).ToArray()
            : throw Bad("an unmatched ')'");
    }

    private List<Link> ParseAlternatives()
    {
        if (++_depth > MaximumDepth)
        {
            throw Bad($"more than {MaximumDepth} nested groups");
        }

        var ignoreCase = _ignoreCase; // a flag set inside a group ends with it
        List<Link> alternatives = [ParseSequence()];
        while (Accept('|'))
        {
            alternatives.Add(ParseSequence());
        }

        _ignoreCase = ignoreCase;
        _depth--;
        return alternatives;
    }

    private Link ParseSequence()
    {
        List<Link> items = [];
        while (_position < pattern.Length && pattern[_position] is not ('|' or ')'))
        {
            if (ParseItem() is { } item)
            {
                items.Add(item);
            }
        }

        return next =>
        {
            for (var i = items.Count - 1; i >= 0; i--)
            {
                next = items[i](next);
            }

            return next;
        };
    }

    private Link? ParseItem()
    {
        switch (pattern[_position])
        {
            case '(':
                return ParseGroup();
            case '^':
                _position++;
                return next => new PatternNode { Kind = PatternNodeKind.LineStart, Next = next };
            case '$':
                _position++;
                return next => new PatternNode { Kind = PatternNodeKind.LineEnd, Next = next };
            case '*' or '+' or '?':
                throw Bad($"a '{pattern[_position]}' with nothing to repeat");
            default:
                return ParseLoop(ParseClass());
        }
    }

    private Link? ParseGroup()
    {
        _position++;
        if (Accept("?i)"))
        {
            _ignoreCase = true;
            return null;
        }

        bool? negative = Accept("?!") ? true : Accept("?=") ? false : null;
        var outer = _ignoreCase;
        if (negative is null && Accept("?i:"))
        {
            _ignoreCase = true;
        }
        else if (negative is null && !Accept("?:") && Peek() == '?')
        {
            throw Bad($"a group \"(?{(_position + 1 < pattern.Length ? pattern[_position + 1] : ' ')}\" (supported: (?:, (?i:, (?i), (?=, (?!)");
        }

        var alternatives = ParseAlternatives();
        _ignoreCase = outer;
        if (!Accept(')'))
        {
            throw Bad("a group without its ')'");
        }

        if (negative is { } isNegative)
        {
            RefuseRepeat("a look-ahead");
            return next => new PatternNode
            {
                Kind = PatternNodeKind.Lookahead,
                Negative = isNegative,
                Next = next,
                Branches = [new PatternNode { Kind = PatternNodeKind.Alternation,
                    Branches = alternatives.ConvertAll(link => link(PatternNode.Accept)).ToArray() }],
            };
        }

        var optional = Accept('?');
        RefuseRepeat("a group");
        return next =>
        {
            var branches = alternatives.ConvertAll(link => link(next));
            if (optional)
            {
                branches.Add(next);
            }

            return branches.Count == 1 ? branches[0]
                : new PatternNode { Kind = PatternNodeKind.Alternation, Branches = branches.ToArray() };
        };
    }

    private void RefuseRepeat(string what)
    {
        if (Peek() is '*' or '+' or '?' or '{')
        {
            throw Bad($"{what} that is repeated");
        }
    }

    private Link ParseLoop(CodePointClass set)
    {
        var (minimum, maximum) = (1, 1);
        var counted = false;
        switch (Peek())
        {
            case '?': (minimum, maximum) = (0, 1); _position++; break;
            case '*': (minimum, maximum) = (0, int.MaxValue); _position++; break;
            case '+': maximum = int.MaxValue; _position++; break;
            case '{': (minimum, maximum) = ParseBounds(); counted = true; break;
            default: return next => new PatternNode { Kind = PatternNodeKind.Loop, Class = set, Minimum = 1, Maximum = 1, Next = next };
        }

        if (counted && Peek() == '+')
        {
            throw Bad("a '+' after '{..}', which the common engines read differently"); // possessive here, a second loop there
        }

        var possessive = Accept('+');
        return Peek() switch
        {
            '?' => throw Bad("a lazy loop"),
            '*' or '+' or '{' => throw Bad("a loop over a loop"),
            _ => next => new PatternNode { Kind = PatternNodeKind.Loop, Class = set, Minimum = minimum, Maximum = maximum,
                Possessive = possessive, Next = next },
        };
    }

    private (int Minimum, int Maximum) ParseBounds()
    {
        var close = pattern.IndexOf('}', _position);
        var parts = close < 0 ? [] : pattern[(_position + 1)..close].Split(',');
        if (parts.Length is 1 or 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var minimum))
        {
            var maximum = parts.Length == 1 ? minimum : int.MaxValue;
            if (parts.Length == 1 || parts[1].Length == 0
                || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out maximum))
            {
                if (maximum >= minimum && maximum > 0)
                {
                    _position = close + 1;
                    return (minimum, maximum);
                }
            }
        }

        throw Bad("a '{' that opens no bounds such as {1,3}");
    }

    private CodePointClass ParseClass()
    {
        var c = pattern[_position];
        switch (c)
        {
            case '[':
                return ParseBracket();
            case '.':
                _position++;
                return new CodePointClass(ranges: [('\n', '\n')], negated: true);
            case '\\':
                return ParseEscape() is var (set, codePoint) && set is not null ? set : CodePointClass.Single(codePoint, _ignoreCase);
            default:
                return CodePointClass.Single(CodePoints.Next(pattern, ref _position), _ignoreCase);
        }
    }

    private CodePointClass ParseBracket()
    {
        _position++;
        var negated = Accept('^');
        List<(int, int)> ranges = [];
        List<CodePointClass> nested = [];
        var first = true;
        while (first || Peek() != ']')
        {
            if (Peek() is null)
            {
                throw Bad("a '[' without its ']'");
            }

            if (Peek() == '[')
            {
                throw Bad(pattern.AsSpan(_position).StartsWith("[:") ? "a POSIX bracket \"[:\"" : "a set inside a set");
            }

            if (pattern.AsSpan(_position).StartsWith("&&"))
            {
                throw Bad("an intersection of sets (&&)");
            }

            first = false;
            var (set, low) = ParseSetItem();
            if (set is not null)
            {
                nested.Add(set);
                continue;
            }

            var high = low;
            if (Peek() == '-' && _position + 1 < pattern.Length && pattern[_position + 1] != ']')
            {
                _position++;
                (set, high) = ParseSetItem();
                if (set is not null || high < low)
                {
                    throw Bad("a range whose end is not above its start");
                }
            }

            ranges.Add((low, high));
        }

        _position++;
        return new CodePointClass(0, ranges, nested, negated, _ignoreCase);
    }

    private (CodePointClass? Set, int CodePoint) ParseSetItem() =>
        Peek() == '\\' ? ParseEscape() : (null, CodePoints.Next(pattern, ref _position));

    private (CodePointClass? Set, int CodePoint) ParseEscape()
    {
        if (++_position == pattern.Length)
        {
            throw Bad("a '\\' at its end");
        }

        var c = pattern[_position++];
        return c switch
        {
            's' => (CodePointClass.WhiteSpace, 0),
            'S' => (Not(CodePointClass.WhiteSpace), 0),
            'd' => (CodePointClass.Digit, 0),
            'D' => (Not(CodePointClass.Digit), 0),
            'w' => (CodePointClass.Word, 0),
            'W' => (Not(CodePointClass.Word), 0),
            'p' => (ParseCategory(false), 0),
            'P' => (ParseCategory(true), 0),
            't' => (null, '\t'),
            'n' => (null, '\n'),
            'v' => (null, '\v'),
            'f' => (null, '\f'),
            'r' => (null, '\r'),
            'u' => (null, ParseHex(4, 4)),
            'x' when Accept('{') => (null, ParseBracedHex()),
            'x' => (null, ParseHex(1, 2)),
            _ when char.IsAsciiLetterOrDigit(c) => throw Bad($"the escape \"\\{c}\""),
            _ => (null, c),
        };
    }

    private CodePointClass ParseCategory(bool negated)
    {
        var close = Peek() == '{' ? pattern.IndexOf('}', _position) : -1;
        if (close < 0)
        {
            throw Bad("a \\p without {..}");
        }

        var name = pattern[(_position + 1)..close];
        var mask = CodePointClass.Mask(name.TrimStart('^'));
        if (mask == 0)
        {
            throw Bad($"the property \"\\p{{{name}}}\" (supported: general categories such as \\p{{L}}, \\p{{Lu}})");
        }

        _position = close + 1;
        return new CodePointClass(mask, negated: negated != name.StartsWith('^'));
    }

    private int ParseBracedHex()
    {
        var value = ParseHex(1, 6);
        return Accept('}') && value <= 0x10FFFF ? value : throw Bad("a \\x{..} that is no code point");
    }

    private int ParseHex(int minimum, int maximum)
    {
        var length = 0;
        while (length < maximum && _position + length < pattern.Length && char.IsAsciiHexDigit(pattern[_position + length]))
        {
            length++;
        }

        if (length < minimum)
        {
            throw Bad("an escape with too few hexadecimal digits");
        }

        var value = int.Parse(pattern.AsSpan(_position, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        _position += length;
        return value;
    }

    private static CodePointClass Not(CodePointClass set) => new(nested: [set], negated: true);

    private char? Peek() => _position < pattern.Length ? pattern[_position] : null;

    private bool Accept(char c) => Accept(stackalloc char[] { c });

    private bool Accept(ReadOnlySpan<char> text)
    {
        var found = pattern.AsSpan(_position).StartsWith(text, StringComparison.Ordinal);
        _position += found ? text.Length : 0;
        return found;
    }

    private InvalidDataException Bad(string what) =>
        new($"The split pattern \"{pattern}\" has {what} near position {_position}, which is not supported.");
}
