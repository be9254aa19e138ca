namespace MambaConnector.Numerics.StateSpace;

/// <summary>The rules against closed forms, against an integrator that knows nothing of them, and against each other as dt shrinks.</summary>
public sealed class DiscretizationTests
{
    [Theory]
    [InlineData("decay")]
    [InlineData("rotation")]
    [InlineData("legs")]
    [InlineData("dense")]
    public void ZeroOrderHoldIsItsClosedForm(string name)
    {
        const double Dt = 0.3;
        ContinuousSystem system = KnownSystems.Create(name);
        DiscreteSystem held = system.Discretize(Dt, DiscretizationRule.ZeroOrderHold);
        double[,] exp = Matrices.Exp(Matrices.Scale(system.A, Dt));
        double[,] input = Matrices.Solve(system.A, Matrices.Add(exp, Matrices.Identity(system.B.Length), -1));
        Close.Equal(exp, held.A, 1e-12);
        Close.Equal(Matrices.Multiply(input, system.B), held.B, 1e-12);
    }

    [Fact]
    public void TheExponentialOfARotationIsItsClosedForm()
    {
        double decay = Math.Exp(-0.3 * 2);
        double[,] expected = { { decay * Math.Cos(10), -decay * Math.Sin(10) }, { decay * Math.Sin(10), decay * Math.Cos(10) } };
        Close.Equal(expected, KnownSystems.Create("rotation").Discretize(2, DiscretizationRule.ZeroOrderHold).A, 1e-12);
    }

    /// <summary>Constant over each step of 0.25, at whatever length the steps are: what a Runge-Kutta integrator gives at steps of 2^-10.</summary>
    [Theory]
    [MemberData(nameof(KnownSystems.Names), MemberType = typeof(KnownSystems))]
    public void ZeroOrderHoldIsExactForPiecewiseConstantInput(string name)
    {
        const double Dt = 0.25;
        const int Substeps = 256;
        ContinuousSystem system = KnownSystems.Create(name);
        DiscreteSystem held = system.Discretize(Dt, DiscretizationRule.ZeroOrderHold);
        double[] state = new double[system.B.Length];
        double[] integrated = new double[system.B.Length];
        foreach (double input in Samples.Vector(new Random(2), 12))
        {
            state = held.Step(state, input);
            for (int substep = 0; substep < Substeps; substep++)
            {
                integrated = RungeKutta(system, integrated, input, Dt / Substeps);
            }

            Close.Equal(integrated, state, 1e-9);
        }
    }

    /// <summary>Half the step: the error of one step falls by 2^order of the first term of the series that the rule gets wrong.</summary>
    [Theory]
    [InlineData(DiscretizationRule.Euler, 4, 4)]
    [InlineData(DiscretizationRule.Bilinear, 8, 8)]
    [InlineData(DiscretizationRule.Mamba, 0, 4)]
    public void OneStepHasTheRightOrder(DiscretizationRule rule, double ratioOfA, double ratioOfB)
    {
        foreach (string name in new[] { "decay", "rotation", "legs", "dense" })
        {
            (double a, double b) = ErrorOfOneStep(name, rule, 1.0 / 256);
            (double halfA, double halfB) = ErrorOfOneStep(name, rule, 1.0 / 512);
            if (ratioOfA == 0)
            {
                Assert.Equal((0, 0), (a, halfA));
            }
            else
            {
                Assert.InRange(a / halfA, ratioOfA * 0.95, ratioOfA * 1.05);
            }

            Assert.InRange(b / halfB, ratioOfB * 0.95, ratioOfB * 1.05);
        }
    }

    /// <summary>The answer to a constant input at time 2: over 2 / dt steps one order of dt is lost.</summary>
    [Theory]
    [InlineData(DiscretizationRule.Euler, 2)]
    [InlineData(DiscretizationRule.Bilinear, 4)]
    [InlineData(DiscretizationRule.Mamba, 2)]
    public void ManyStepsHaveTheRightOrder(DiscretizationRule rule, double ratio)
    {
        foreach (string name in new[] { "decay", "rotation", "dense" })
        {
            double error = ErrorAtTime2(name, rule, 1 << 10);
            double halved = ErrorAtTime2(name, rule, 1 << 11);
            Assert.InRange(error / halved, ratio * 0.95, ratio * 1.05);
        }
    }

    /// <summary>A step longer than the system's own time: Euler's grows without bound; those whose decay is a true one do not.</summary>
    [Fact]
    public void OnlyEulerIsUnstableAtLongSteps()
    {
        ContinuousSystem system = new(new double[,] { { -10 } }, [1], [1]);
        double[] constant = [.. Enumerable.Repeat(1.0, 100)];
        double LastAt(DiscretizationRule rule) => Math.Abs(system.Discretize(0.5, rule).Recur(constant)[^1]);

        Assert.True(LastAt(DiscretizationRule.Euler) > 1e50);
        Assert.InRange(LastAt(DiscretizationRule.ZeroOrderHold), 0.0999, 0.1001);
        Assert.InRange(LastAt(DiscretizationRule.Bilinear), 0.0999, 0.1001);
        Assert.InRange(LastAt(DiscretizationRule.Mamba), 0.5, 0.51);
    }

    private static (double A, double B) ErrorOfOneStep(string name, DiscretizationRule rule, double dt)
    {
        ContinuousSystem system = KnownSystems.Create(name);
        DiscreteSystem exact = system.Discretize(dt, DiscretizationRule.ZeroOrderHold);
        DiscreteSystem other = system.Discretize(dt, rule);
        double a = Matrices.LargestEntry(Matrices.Add(Matrices.Exp(Matrices.Scale(system.A, dt)), other.A, -1));
        return (a, exact.B.Zip(other.B, (left, right) => Math.Abs(left - right)).Max());
    }

    private static double ErrorAtTime2(string name, DiscretizationRule rule, int steps)
    {
        double[] constant = [.. Enumerable.Repeat(1.0, steps)];
        ContinuousSystem system = KnownSystems.Create(name);
        double exact = system.Discretize(2, DiscretizationRule.ZeroOrderHold).Recur([1])[0];
        return Math.Abs(system.Discretize(2.0 / steps, rule).Recur(constant)[^1] - exact);
    }

    private static double[] RungeKutta(ContinuousSystem system, double[] state, double input, double dt)
    {
        double[] Slope(double[] at, double[] along, double step)
        {
            double[] slope = Matrices.Multiply(system.A, [.. at.Zip(along, (h, k) => h + (step * k))]);
            return [.. slope.Zip(system.B, (value, b) => value + (b * input))];
        }

        double[] k1 = Slope(state, state, 0);
        double[] k2 = Slope(state, k1, dt / 2);
        double[] k3 = Slope(state, k2, dt / 2);
        double[] k4 = Slope(state, k3, dt);
        return [.. state.Select((h, i) => h + (dt / 6 * (k1[i] + (2 * k2[i]) + (2 * k3[i]) + k4[i])))];
    }
}
