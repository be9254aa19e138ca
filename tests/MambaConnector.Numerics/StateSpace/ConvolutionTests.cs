namespace MambaConnector.Numerics.StateSpace;

/// <summary>With fixed parameters the recurrence is a convolution.</summary>
public sealed class ConvolutionTests
{
    [Theory]
    [MemberData(nameof(KnownSystems.Names), MemberType = typeof(KnownSystems))]
    public void RecurrenceIsConvolution(string name)
    {
        double[] inputs = Samples.Vector(new Random(1), 200);
        foreach (DiscretizationRule rule in Enum.GetValues<DiscretizationRule>())
        {
            DiscreteSystem system = KnownSystems.Create(name).Discretize(0.1, rule);
            Close.Equal(system.Recur(inputs), system.Convolve(inputs), 1e-11);
        }
    }

    [Fact]
    public void TheKernelIsTheAnswerToOneImpulse()
    {
        DiscreteSystem system = KnownSystems.Create("legs").Discretize(0.05, DiscretizationRule.Bilinear);
        double[] impulse = new double[50];
        impulse[0] = 1;
        Close.Equal(system.Recur(impulse), system.Kernel(50), 1e-12);
    }

    /// <summary>One state, A = -a: K_i = C B exp(-a dt i).</summary>
    [Fact]
    public void TheKernelOfOneStateIsAnExponential()
    {
        ContinuousSystem system = new(new double[,] { { -0.7 } }, [2], [3]);
        double[] expected = [.. Enumerable.Range(0, 30).Select(i => 3 * 2 * (1 - Math.Exp(-0.07)) / 0.7 * Math.Exp(-0.07 * i))];
        Close.Equal(expected, system.Discretize(0.1, DiscretizationRule.ZeroOrderHold).Kernel(30), 1e-13);
    }
}
