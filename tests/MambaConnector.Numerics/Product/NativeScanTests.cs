using MambaConnector.Numerics.Selective;

namespace MambaConnector.Numerics.Product;

/// <summary>What the library computes is what is written here: models of one block with random weights, in float64 and by the library, whose state
/// goes through all of its ways (prompts in chunks, single tokens, the ring).</summary>
public sealed class NativeScanTests
{
    private const int Length = 150;
    private const double Tolerance = 1e-6;

    [Fact]
    public void Mamba1IsTheSelectiveScan()
    {
        using ModelPair models = new(MambaArchitecture.Mamba1);
        OneLayerModel reference = models.Reference;
        double[][] expected = reference.Logits(Tokens, (SelectiveScan scan) => scan.Recur(new double[scan.D.Length, scan.A.GetLength(1)]));
        models.CheckAllWays(expected, LongContextPolicy.None, Tolerance);
        CheckThatTheStateMatters(expected, reference.Logits(Tokens, (SelectiveScan scan) => WithoutState(scan.X, scan.D)));
    }

    [Fact]
    public void Mamba2IsStateSpaceDuality()
    {
        using ModelPair models = new(MambaArchitecture.Mamba2);
        OneLayerModel reference = models.Reference;
        double[][] expected = reference.Logits(Tokens, (StateSpaceDuality head) => head.Recur(Zero(head)));
        Close.Equal(expected, reference.Logits(Tokens, (StateSpaceDuality head) => head.Chunked(Zero(head), 64)), 1e-12);
        models.CheckAllWays(expected, LongContextPolicy.None, Tolerance);
        CheckThatTheStateMatters(
            expected, reference.Logits(Tokens, (StateSpaceDuality head) => WithoutState(head.X, [.. head.X[0].Select(_ => head.D)])));
    }

    private static int[] Tokens => ModelPair.Tokens(Length);

    private static double[,] Zero(StateSpaceDuality head) => new double[head.X[0].Length, head.B[0].Length];

    // Else the test would see all but the scan.
    private static void CheckThatTheStateMatters(double[][] expected, double[][] withoutState) =>
        Assert.True(expected.Zip(withoutState, (with, without) => with.Zip(without, (x, y) => Math.Abs(x - y)).Max()).Average() > 500 * Tolerance);

    private static double[][] WithoutState(double[][] x, double[] d) => [.. x.Select(row => row.Zip(d, (value, skip) => skip * value).ToArray())];
}
