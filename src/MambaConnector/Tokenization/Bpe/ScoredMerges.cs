namespace MambaConnector.Tokenization;

/// <summary>
/// The merges of a SentencePiece BPE vocabulary, which has scores in place of merges: any two adjacent symbols whose texts make a token may
/// merge, the highest score first. All cuts of every token in two are written out here as ordinary merges.
/// </summary>
internal static class ScoredMerges
{
    /// <summary>Writes the merges out.</summary>
    /// <param name="tokens">Spellings by id.</param>
    /// <param name="scores">Scores by id.</param>
    /// <param name="takesPart">Whether a token may be made by merging (control, unknown and byte tokens may not).</param>
    /// <returns>The merges, and the symbol of each character. A character that occurs in tokens and is none itself gets a symbol behind
    /// the vocabulary, so that tokens can still grow from it.
    /// </returns>
    public static (Dictionary<int, int> Symbols, Dictionary<ulong, Merge> Merges) Build(
        string[] tokens, float[] scores, Func<int, bool> takesPart)
    {
        var ids = new Dictionary<string, int>(tokens.Length, StringComparer.Ordinal);
        Dictionary<int, int> symbols = [];
        for (var id = 0; id < tokens.Length; id++)
        {
            if (takesPart(id) && tokens[id].Length > 0)
            {
                ids.TryAdd(tokens[id], id);
            }
        }

        var next = tokens.Length;
        foreach (var token in ids.Keys.ToArray())
        {
            for (var i = 0; i < token.Length;)
            {
                var start = i;
                var codePoint = CodePoints.Next(token, ref i);
                if (!symbols.ContainsKey(codePoint))
                {
                    var spelling = token[start..i];
                    symbols[codePoint] = ids.TryGetValue(spelling, out var id) ? id : next;
                    if (symbols[codePoint] == next)
                    {
                        ids.Add(spelling, next++);
                    }
                }
            }
        }

        var ranks = scores.Distinct().OrderDescending().Select((score, rank) => (score, rank)).ToDictionary();
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        Dictionary<ulong, Merge> merges = [];
        foreach (var (token, id) in ids)
        {
            for (var cut = 1; cut < token.Length && id < tokens.Length; cut++)
            {
                if (lookup.TryGetValue(token.AsSpan(0, cut), out var left) && lookup.TryGetValue(token.AsSpan(cut), out var right))
                {
                    merges[MergeMap.Pair(left, right)] = new Merge(ranks[scores[id]], id);
                }
            }
        }

        return (symbols, merges);
    }
}
