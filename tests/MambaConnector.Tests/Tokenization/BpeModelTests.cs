using MambaConnector.Tokenization;

namespace MambaConnector.Tests.Tokenization;

public sealed class BpeModelTests
{
    [Fact]
    public void MergesAsThePlainAlgorithmDoes()
    {
        // Random merge lists over four letters, also such where a later pair has an earlier rank than the one that made it possible.
        var random = new Random(6);
        for (var round = 0; round < 150; round++)
        {
            var tokens = new List<string> { "a", "b", "c", "d" };
            List<(string, string)> merges = [];
            while (merges.Count < 40)
            {
                var (left, right) = (tokens[random.Next(tokens.Count)], tokens[random.Next(tokens.Count)]);
                if (left.Length + right.Length <= 12 && !merges.Contains((left, right)))
                {
                    merges.Add((left, right));
                    if (!tokens.Contains(left + right))
                    {
                        tokens.Add(left + right);
                    }
                }
            }

            if (round % 2 == 0)
            {
                merges = merges.OrderBy(_ => random.Next()).ToList();
            }

            var ids = tokens.Select((token, id) => (token, id)).ToDictionary(StringComparer.Ordinal);
            var model = new BpeModel(new BpeOptions
            {
                VocabularySize = tokens.Count,
                Symbols = MergeTable.SingleCharacters(ids),
                Merges = MergeTable.Build(merges, ids, "merges"),
            });
            foreach (var length in new[] { 1, 2, 7, 30, 60, 150 })
            {
                var piece = string.Concat(Enumerable.Range(0, length).Select(_ => tokens[random.Next(4)]));
                List<int> output = [];
                model.Encode(piece, output, new BpeWorkspace());
                Assert.Equal(PlainMerge(piece, merges, ids), output);
            }
        }
    }

    [Fact]
    public void EqualScoresMergeFromTheLeft()
    {
        string[] tokens = ["a", "b", "ab", "ba", "aba"];
        var (symbols, merges) = ScoredMerges.Build(tokens, [0, 0, 1, 1, 0.5f], _ => true);
        var model = new BpeModel(new BpeOptions { VocabularySize = 5, Symbols = symbols, Merges = merges });
        List<int> output = [];
        model.Encode("babab", output, new BpeWorkspace());
        Assert.Equal(["ba", "ba", "b"], output.Select(id => tokens[id]));
    }

    [Fact]
    public void TokensGrowFromCharactersThatAreNoTokens()
    {
        // "x" is no token, "xy" is one; a lone x falls back to its byte.
        string[] tokens = ["<0x78>", "y", "xy"];
        var (symbols, merges) = ScoredMerges.Build(tokens, [0, 0, 1], id => id != 0);
        var bytes = new int[256];
        Array.Fill(bytes, -1);
        bytes['x'] = 0;
        var model = new BpeModel(new BpeOptions { VocabularySize = 3, Symbols = symbols, Merges = merges, ByteTokens = bytes });
        List<int> output = [];
        model.Encode("xxyx", output, new BpeWorkspace());
        Assert.Equal([0, 2, 0], output);
    }

    // Lowest rank first, leftmost of equals; a pair is looked up anew at every step.
    private static List<int> PlainMerge(string piece, List<(string, string)> merges, Dictionary<string, int> ids)
    {
        var ranks = merges.Select((pair, rank) => (pair, rank)).ToDictionary();
        var symbols = piece.Select(c => c.ToString()).ToList();
        while (true)
        {
            var (best, place) = (int.MaxValue, -1);
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (ranks.TryGetValue((symbols[i], symbols[i + 1]), out var rank) && rank < best)
                {
                    (best, place) = (rank, i);
                }
            }

            if (place < 0)
            {
                return symbols.ConvertAll(symbol => ids[symbol]);
            }

            symbols[place] += symbols[place + 1];
            symbols.RemoveAt(place + 1);
        }
    }
}
