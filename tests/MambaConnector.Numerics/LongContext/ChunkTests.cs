using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics.LongContext;

/// <summary>Texts as maps of the state: concatenated exactly, and averaged over orders without trying them.</summary>
public sealed class ChunkTests
{
    /// <summary>Any cuts, any initial state: the composed maps are the tokens read through.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void ConcatenationIsExact(string name)
    {
        Family member = Family.Create(name, 60);
        double[,] initial = Samples.Matrix(new Random(14), member.KeyCount, member.ValueCount);
        ChunkMap[] chunks = [.. Cut(member.Steps, 1, 24, 25, 50)];
        double[,] through = GatedLinearRecurrence.Last(member.Steps, member.KeyCount, member.ValueCount, initial);
        Close.Equal(through, chunks.Aggregate(initial, (state, chunk) => chunk.Apply(state)), 1e-13);
        Close.Equal(through, chunks.Aggregate((all, next) => all.Then(next)).Apply(initial), 1e-13);
        Close.Equal(GatedLinearRecurrence.Last(member.Steps, member.KeyCount, member.ValueCount), ChunkMap.Concatenate(chunks), 1e-13);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void PicasoIsTheMeanOverOrders(int count)
    {
        foreach (string name in new[] { "RetNet", "GLA", "RWKV-6", "Mamba-1", "Mamba-2" })
        {
            ChunkMap[] chunks = [.. Cut(Family.Create(name, 8 * count).Steps, [.. Enumerable.Range(1, count - 1).Select(k => (8 * k) - (k % 3))])];
            int[] circle = [.. Enumerable.Range(0, count)];
            IEnumerable<int[]> turns = circle.Select(first => circle.Select(k => (first + k) % count).ToArray());
            Close.Equal(MeanOver(turns, chunks), Picaso.OverTurns(chunks), 1e-14);
            Close.Equal(MeanOver(Orders(circle), chunks), Picaso.OverOrders(chunks), 1e-14);
        }
    }

    /// <summary>Two texts have two orders, and both turns: 1/2 (I + P_2) H_1 + 1/2 (I + P_1) H_2.</summary>
    [Fact]
    public void OfTwoTextsBothFormsAreTheSame()
    {
        ChunkMap[] chunks = [.. Cut(Family.Create("GLA", 20).Steps, 9)];
        Close.Equal(Picaso.OverOrders(chunks), Picaso.OverTurns(chunks), 1e-14);
    }

    private static IEnumerable<ChunkMap> Cut(GatedStep[] steps, params int[] cuts) =>
        cuts.Prepend(0).Zip(cuts.Append(steps.Length), (begin, end) => ChunkMap.Of(steps[begin..end]));

    private static double[,] MeanOver(IEnumerable<int[]> orders, ChunkMap[] chunks)
    {
        double[][,] states = [.. orders.Select(order => ChunkMap.Concatenate(order.Select(k => chunks[k])))];
        return Matrices.Scale(states.Aggregate((sum, state) => Matrices.Add(sum, state)), 1.0 / states.Length);
    }

    private static IEnumerable<int[]> Orders(int[] items) => items.Length == 0
        ? [[]]
        : items.SelectMany(first => Orders([.. items.Where(item => item != first)]).Select(rest => rest.Prepend(first).ToArray()));
}
