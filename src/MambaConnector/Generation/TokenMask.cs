using System.Numerics;

namespace MambaConnector.Generation;

/// <summary>A set of tokens as bits: bit <c>id % 32</c> of word <c>id / 32</c>. What lies beyond the last word is not in it.</summary>
internal static class TokenMask
{
    private const int WordBits = 32;

    private static readonly Vector<uint> LaneBits = CreateLaneBits();

    public static bool Contains(ReadOnlySpan<uint> mask, int token) =>
        token / WordBits < mask.Length && (mask[token / WordBits] >> (token % WordBits) & 1) != 0;

    /// <summary>Copies logits; those of tokens that are not in the mask become negative infinity.</summary>
    /// <remarks>A word of the mask at a time: a constraint mostly allows nearly nothing or nearly everything, and neither needs its bits looked
    /// at.</remarks>
    public static void Copy(ReadOnlySpan<float> logits, ReadOnlySpan<uint> mask, Span<float> destination)
    {
        logits = logits[..destination.Length];
        int start = 0;
        for (int word = 0; word < mask.Length && start + WordBits <= logits.Length; word++, start += WordBits)
        {
            Span<float> to = destination.Slice(start, WordBits);
            switch (mask[word])
            {
                case 0:
                    to.Fill(float.NegativeInfinity);
                    break;
                case uint.MaxValue:
                    logits.Slice(start, WordBits).CopyTo(to);
                    break;
                default:
                    CopyWord(logits.Slice(start, WordBits), mask[word], to);
                    break;
            }
        }

        for (; start < logits.Length; start++)
        {
            destination[start] = Contains(mask, start) ? logits[start] : float.NegativeInfinity;
        }
    }

    private static void CopyWord(ReadOnlySpan<float> logits, uint bits, Span<float> destination)
    {
        for (int lane = 0; lane < WordBits; lane += Vector<float>.Count)
        {
            Vector<uint> isOut = Vector.Equals(new Vector<uint>(bits >> lane) & LaneBits, Vector<uint>.Zero);
            Vector.ConditionalSelect(isOut.As<uint, int>(), new Vector<float>(float.NegativeInfinity), new Vector<float>(logits[lane..]))
                .CopyTo(destination[lane..]);
        }
    }

    private static Vector<uint> CreateLaneBits()
    {
        Span<uint> bits = stackalloc uint[Vector<uint>.Count];
        for (int lane = 0; lane < bits.Length; lane++)
        {
            bits[lane] = 1u << lane;
        }

        return new Vector<uint>(bits);
    }
}
