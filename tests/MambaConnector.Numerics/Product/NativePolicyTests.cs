using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.Selective;

namespace MambaConnector.Numerics.Product;

/// <summary>Each policy of the library is its equation: models of one block under it, in float64 and by the library, in pieces of every
/// kind.</summary>
public sealed class NativePolicyTests
{
    private const int Length = 300;
    private const double Tolerance = 1e-6;

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void WindowsAreTheLastTokens(MambaArchitecture architecture)
    {
        Check(architecture, LongContextPolicy.RestartWindow(64), ReferencePolicy.Window(64, origin: 64));
        Check(architecture, LongContextPolicy.DifferenceWindow(64), ReferencePolicy.Window(64, origin: 64));
    }

    /// <summary>Set after 100 tokens a window begins with token 128, and what was before is gone 64 tokens later.</summary>
    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void AWindowThatIsSetLaterBeginsOnTheGrid(MambaArchitecture architecture)
    {
        Check(architecture, LongContextPolicy.RestartWindow(64), ReferencePolicy.Window(64, origin: 128), setAt: 100);
        Check(architecture, LongContextPolicy.DifferenceWindow(64), ReferencePolicy.Window(64, origin: 128), setAt: 100);
    }

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void ForgetMoreIsASmallerGate(MambaArchitecture architecture) =>
        Check(architecture, LongContextPolicy.ForgetMore(0.99f, 0.75f), ReferencePolicy.Forget(0.99f, 0.75f));

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void ScalesAreOfDtAndOfA(MambaArchitecture architecture)
    {
        Check(architecture, LongContextPolicy.DeltaScale(0.6f), new() { Dt = (dt, _) => 0.6f * dt });
        Check(architecture, LongContextPolicy.DecayScale(3), new() { DecayScale = 3 });
    }

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void TheFilterLeavesOutSmallStepsOfThePrompt(MambaArchitecture architecture)
    {
        const int Prompt = 200;
        const float Threshold = 0.01f;
        float[] thresholds = [.. Enumerable.Repeat(Threshold, architecture == MambaArchitecture.Mamba2 ? 4 : 64)];
        Check(architecture, new TokenFilterPolicy([thresholds], Prompt), new() { Dt = (dt, t) => t < Prompt && dt < Threshold ? 0 : dt });
    }

    /// <summary>Caps of 0.8 of half of what each head reaches without.</summary>
    [Fact]
    public void StateNormCapsEveryHeadOfMamba2()
    {
        using ModelPair models = new(MambaArchitecture.Mamba2);
        List<float> caps = [];
        models.Reference.Logits(ModelPair.Tokens(Length), (StateSpaceDuality head) =>
        {
            caps.Add((float)(ReferencePolicy.LargestNorm([MambaSteps.Of(head)]) / 2));
            return head.X;
        });
        Check(MambaArchitecture.Mamba2, LongContextPolicy.StateNorm([caps], 0.8f), ReferencePolicy.Norm([.. caps.Select(cap => (double)0.8f * cap)]));
    }

    [Fact]
    public void StateNormCapsEveryBlockOfMamba1()
    {
        using ModelPair models = new(MambaArchitecture.Mamba1);
        float cap = 0;
        models.Reference.Logits(ModelPair.Tokens(Length), (SelectiveScan scan) =>
        {
            cap = (float)(ReferencePolicy.LargestNorm(ReferencePolicy.Channels(scan)) / 2);
            return scan.X;
        });
        Check(MambaArchitecture.Mamba1, LongContextPolicy.StateNorm([[cap]]), ReferencePolicy.Norm([cap]));
    }

    private static void Check(MambaArchitecture architecture, LongContextPolicy policy, ReferencePolicy reference, int setAt = 0)
    {
        using ModelPair models = new(architecture);
        double[][] expected = Logits(models.Reference, architecture, reference);
        models.CheckAllWays(expected, policy, Tolerance, setAt);

        // Else a policy that does nothing would pass.
        double[][] without = Logits(models.Reference, architecture, new());
        double effect = expected.Zip(without, (with, none) => with.Zip(none, (x, y) => Math.Abs(x - y)).Max()).Max();
        Assert.True(effect > 20 * Tolerance, $"{policy} changes logits by no more than {effect:E1}.");
    }

    private static double[][] Logits(OneLayerModel model, MambaArchitecture architecture, ReferencePolicy policy)
    {
        int head = 0;
        return architecture == MambaArchitecture.Mamba2
            ? model.Logits(ModelPair.Tokens(Length), (StateSpaceDuality inputs) => policy.Scan(inputs, head++))
            : model.Logits(ModelPair.Tokens(Length), (SelectiveScan scan) => policy.Scan(scan));
    }
}
