using System.Buffers;

namespace MambaConnector.Tokenization;

/// <summary>Finds added tokens, leftmost first and of those the longest, through a trie. Immutable.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Node _root = new();
    private readonly SearchValues<char> _firstUnits;

    /// <param name="tokens">The tokens, each with the text it is to be found by. Empty texts are left out.</param>
    public AddedTokenMatcher(IEnumerable<(AddedToken Token, string Text)> tokens)
    {
        foreach (var (token, text) in tokens)
        {
            if (text.Length == 0)
            {
                continue;
            }

            var node = _root;
            foreach (var c in text)
            {
                node = node.GetOrAdd(c);
            }

            node.Token ??= token; // of two with the same text the first counts
        }

        _firstUnits = SearchValues.Create(_root.Units);
    }

    /// <summary>Finds the next match.</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">Where to begin; also the bound of the white space that a match takes before it.</param>
    /// <param name="match">The match.</param>
    /// <returns>Whether there is one.</returns>
    public bool Find(ReadOnlySpan<char> text, int from, out AddedTokenMatch match)
    {
        for (var i = from; i < text.Length; i++)
        {
            var skip = text[i..].IndexOfAny(_firstUnits);
            if (skip < 0)
            {
                break;
            }

            i += skip;
            if (LongestAt(text, i) is not { } token)
            {
                continue;
            }

            var (start, end) = (i, i + token.Length);
            if (token.Value.SingleWord && (TouchesWordBefore(text, start) || TouchesWordBehind(text, end)))
            {
                i = end - 1; // the place is taken all the same
                continue;
            }

            while (token.Value.LeftStrip && start > from && CodePointClass.WhiteSpace.Contains(text[start - 1]))
            {
                start--;
            }

            while (token.Value.RightStrip && end < text.Length && CodePointClass.WhiteSpace.Contains(text[end]))
            {
                end++;
            }

            match = new AddedTokenMatch(token.Value.Id, start, end);
            return true;
        }

        match = default;
        return false;
    }

    private (AddedToken Value, int Length)? LongestAt(ReadOnlySpan<char> text, int start)
    {
        (AddedToken, int)? longest = null;
        var node = _root;
        for (var i = start; i < text.Length && node.Get(text[i]) is { } next; i++)
        {
            node = next;
            if (node.Token is not null)
            {
                longest = (node.Token, i + 1 - start);
            }
        }

        return longest;
    }

    private static bool TouchesWordBefore(ReadOnlySpan<char> text, int position) =>
        position > 0 && CodePointClass.RustWord.Contains(CodePoints.Previous(text, ref position));

    private static bool TouchesWordBehind(ReadOnlySpan<char> text, int position) =>
        position < text.Length && CodePointClass.RustWord.Contains(CodePoints.Next(text, ref position));

    private sealed class Node
    {
        private readonly SortedList<char, Node> _children = [];

        public AddedToken? Token { get; set; }

        public char[] Units => _children.Keys.ToArray();

        public Node? Get(char unit) => _children.GetValueOrDefault(unit);

        public Node GetOrAdd(char unit)
        {
            if (!_children.TryGetValue(unit, out var child))
            {
                _children.Add(unit, child = new Node());
            }

            return child;
        }
    }
}
