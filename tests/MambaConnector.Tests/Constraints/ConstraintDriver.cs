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
            List<int> allowed = Allowed(constraint.Mask);
            Assert.NotEmpty(allowed);
            List<int> others = adversary == Adversary.Random ? allowed : [.. allowed.Where(id => id != end)];
            List<int> choices = others.Count > 0 ? others : allowed;
            int token = adversary == Adversary.Random ? choices[random.Next(choices.Count)] : choices.MaxBy(id => likings[id]);
            if (constraint.TryAccept(token, left))
            {
                return token;
            }

            Assert.InRange(refusals, 0, 8);
            Assert.DoesNotContain(token, Allowed(constraint.Mask));
        }
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
