using System.Collections.Concurrent;
using System.Numerics;
using System.Text;
using MambaConnector.Constraints;

namespace MambaConnector.Tests.Constraints;

/// <summary>Generates text under a constraint as a scheduler would, with an adversary in place of a model.</summary>
internal static class ConstraintDriver
{
    private static readonly ConcurrentDictionary<(MambaTokenizer Tokenizer, Adversary Adversary), int[]> Likings = [];

    /// <summary>Generates until the text is complete or the budget is used up.</summary>
    /// <returns>The tokens, an end token left out.</returns>
    public static List<int> Generate(
        JsonConstraint constraint, MambaTokenizer tokenizer, int end, int budget, Adversary adversary, int seed = 0)
    {
        Random random = new(seed);
        List<int> tokens = [];
        for (int left = budget - 1; left >= 0 && !constraint.IsComplete; left--)
        {
            int token = Choose(constraint, tokenizer, end, left, adversary, random);
            if (token == end)
            {
                Assert.True(constraint.IsComplete);
                break;
            }

            tokens.Add(token);
        }

        return tokens;
    }

    /// <summary>The text of tokens, which must be whole UTF-8.</summary>
    public static string Text(MambaTokenizer tokenizer, IEnumerable<int> tokens) =>
        new UTF8Encoding(false, throwOnInvalidBytes: true).GetString([.. tokens.SelectMany(token => tokenizer.GetBytes(token).ToArray())]);

    /// <summary>The ids that a mask allows.</summary>
    public static List<int> Allowed(ReadOnlySpan<uint> mask)
    {
        List<int> ids = [];
        for (int word = 0; word < mask.Length; word++)
        {
            for (uint bits = mask[word]; bits != 0; bits &= bits - 1)
            {
                ids.Add((word * 32) + BitOperations.TrailingZeroCount(bits));
            }
        }

        return ids;
    }

    private static int Choose(JsonConstraint constraint, MambaTokenizer tokenizer, int end, int left, Adversary adversary, Random random)
    {
        int[] likings = Likings.GetOrAdd((tokenizer, adversary), static key =>
            [.. Enumerable.Range(0, key.Tokenizer.VocabularySize).Select(id => Liking(key.Tokenizer.GetBytes(id), key.Adversary))]);
        for (int refusals = 0; ; refusals++)
        {
            int token = adversary == Adversary.Random ? AnyOf(constraint.Mask, random) : BestOf(constraint.Mask, likings, end);
            if (constraint.TryAccept(token, left))
            {
                return token;
            }

            Assert.InRange(refusals, 0, 8);
            Assert.Equal(0u, constraint.Mask[token >> 5] >> token & 1);
        }
    }

    // Without lists of ids: there are tens of thousands at each step.
    private static int AnyOf(ReadOnlySpan<uint> mask, Random random)
    {
        int count = 0;
        foreach (uint bits in mask)
        {
            count += BitOperations.PopCount(bits);
        }

        Assert.NotEqual(0, count);
        int word = 0;
        for (count = random.Next(count); count >= BitOperations.PopCount(mask[word]); word++)
        {
            count -= BitOperations.PopCount(mask[word]);
        }

        uint left = mask[word];
        for (; count > 0; count--)
        {
            left &= left - 1;
        }

        return (word * 32) + BitOperations.TrailingZeroCount(left);
    }

    // The end only where nothing else is allowed.
    private static int BestOf(ReadOnlySpan<uint> mask, int[] likings, int end)
    {
        int best = -1;
        for (int word = 0; word < mask.Length; word++)
        {
            for (uint bits = mask[word]; bits != 0; bits &= bits - 1)
            {
                int id = (word * 32) + BitOperations.TrailingZeroCount(bits);
                if (best < 0 || best == end || (id != end && likings[id] > likings[best]))
                {
                    best = id;
                }
            }
        }

        Assert.NotEqual(-1, best);
        return best;
    }

    private static int Liking(ReadOnlySpan<byte> bytes, Adversary adversary) => adversary switch
    {
        Adversary.Longest => bytes.Length,
        Adversary.Spaces => (100 * bytes.Count((byte)' ')) - bytes.Length,
        Adversary.Nesting => (100 * (bytes.Count((byte)'{') + bytes.Count((byte)'['))) - (1000 * (bytes.Count((byte)'}') + bytes.Count((byte)']')))
            + (bytes.Contains((byte)'"') ? 50 : 0) - bytes.Length,
        _ => (100 * (bytes.Count((byte)'\\') + bytes.Count((byte)',') + bytes.Count((byte)'.'))) + (bytes.Length > 0 && bytes[^1] >= 0xC2 ? 500 : 0) - bytes.Length,
    };
}
