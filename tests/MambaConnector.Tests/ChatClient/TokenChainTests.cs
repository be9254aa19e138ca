using FsCheck;
using FsCheck.Fluent;
using MambaConnector.ChatClient;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.ChatClient;

public class TokenChainTests
{
    [Fact]
    public void PartsMakeTheWhole() => Prop.ForAll<int[], int[]>((first, second) =>
        TokenChain.Of(first).Add(second) == TokenChain.Of([.. first, .. second])).Check(PropertyConfig.Of(100));

    [Fact]
    public void OrderLengthAndLeadingZerosCount()
    {
        int[][] different = [[], [0], [0, 0], [1], [0, 1], [1, 0], [int.MaxValue], [1, 2, 3], [3, 2, 1]];
        Assert.Equal(different.Length, different.Select(tokens => TokenChain.Of(tokens)).Distinct().Count());
    }

    [Fact]
    public void LongSequencesThatDifferInOneTokenDiffer()
    {
        int[] tokens = [.. Enumerable.Range(0, 10_000)];
        TokenChain chain = TokenChain.Of(tokens);
        foreach (int index in (int[])[0, 1, 4_999, 9_999])
        {
            int[] other = [.. tokens];
            other[index]++;
            Assert.NotEqual(chain, TokenChain.Of(other));
        }
    }
}
