using System.Security.Cryptography;

namespace MambaConnector.ChatClient;

/// <summary>A hash over a sequence of tokens that grows token by token: two polynomials over GF(2^61 - 1), each at a random point of this process's
/// own. Two sequences of n tokens agree by chance with probability (n / 2^61)^2 at most, whoever chose them.</summary>
internal readonly record struct TokenChain(ulong A, ulong B)
{
    private const ulong Prime = (1UL << 61) - 1;

    private static readonly ulong PointA = RandomPoint();
    private static readonly ulong PointB = RandomPoint();

    public static TokenChain Of(ReadOnlySpan<int> tokens) => default(TokenChain).Add(tokens);

    // 1 is added, so that leading zeros count.
    public TokenChain Add(int token) => new(Step(A, PointA, (uint)token + 1), Step(B, PointB, (uint)token + 1));

    public TokenChain Add(ReadOnlySpan<int> tokens)
    {
        TokenChain chain = this;
        foreach (int token in tokens)
        {
            chain = chain.Add(token);
        }

        return chain;
    }

    private static ulong Step(ulong value, ulong point, ulong token)
    {
        ulong high = Math.BigMul(value, point, out ulong low);

        // 2^61 = 1 modulo the prime.
        ulong sum = (low & Prime) + ((low >> 61) | (high << 3)) + token;
        sum = (sum & Prime) + (sum >> 61);
        return sum >= Prime ? sum - Prime : sum;
    }

    private static ulong RandomPoint() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) % (Prime - 2) + 2;
}
