using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics.LongContext;

/// <summary>Method 1 bounds the state of every member, by a bound that can be reached.</summary>
public sealed class ForgetMoreTests
{
    private const double Retention = 0.9;

    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void BoundsTheNormAtEveryToken(string name)
    {
        GatedStep[] steps = Family.Create(name, 300).Steps;
        double bound = ForgetMore.Bound(steps, Retention);
        double[,] state = Family.Create(name, 1).Zero;
        foreach (GatedStep step in ForgetMore.Apply(steps, Retention))
        {
            GatedLinearRecurrence.Advance(state, step);
            Assert.InRange(Matrices.Norm(state), 0, bound);
        }
    }

    /// <summary>A head that keeps everything and always takes in the same: without the policy its norm is t, with it 1 / (1 - g_a) in the
    /// end.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void TheBoundIsReachedWhereNothingIsForgotten(string name)
    {
        Family member = Family.Create(name, 1);
        GatedStep same = member.Steps[0] with { Gate = [.. member.Steps[0].Gate.Select(_ => 1.0)] };
        GatedStep[] steps = [.. Enumerable.Repeat(same, 200)];
        double bound = ForgetMore.Bound(steps, Retention);
        double kept = Matrices.Norm(GatedLinearRecurrence.Last(steps, member.KeyCount, member.ValueCount));
        double forgotten = Matrices.Norm(GatedLinearRecurrence.Last(ForgetMore.Apply(steps, Retention), member.KeyCount, member.ValueCount));
        Assert.InRange(kept / bound, 20 - 1e-9, 20 + 1e-9);
        Assert.InRange(forgotten / bound, 1 - 1e-8, 1);
    }

    /// <summary>S_t = sum_i g_a^(t-i) (prod_{i&lt;j&lt;=t} g_j) k_i v_i^T: every token weighs g_a^age of what it would.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void EveryTokenWeighsItsAge(string name)
    {
        Family member = Family.Create(name, 40);
        double[,] expected = member.Zero;
        for (int i = 0; i < 40; i++)
        {
            double[] left = GatedLinearRecurrence.Retention(member.Steps[(i + 1)..], member.KeyCount);
            for (int n = 0; n < member.KeyCount; n++)
            {
                for (int p = 0; p < member.ValueCount; p++)
                {
                    expected[n, p] += Math.Pow(Retention, 39 - i) * left[n] * member.Steps[i].Key[n] * member.Steps[i].Value[p];
                }
            }
        }

        Close.Equal(expected, GatedLinearRecurrence.Last(ForgetMore.Apply(member.Steps, Retention), member.KeyCount, member.ValueCount), 1e-13);
    }

    /// <summary>A constant g_B is a factor of what is read from the state, and of nothing else: so it may be applied to y, and the state
    /// left alone.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void InsertionOnlyScalesWhatIsRead(string name)
    {
        Family member = Family.Create(name, 40);
        double[][] scaled = GatedLinearRecurrence.Run(ForgetMore.Apply(member.Steps, Retention, 0.75), member.Zero);
        double[][] plain = GatedLinearRecurrence.Run(ForgetMore.Apply(member.Steps, Retention), member.Zero);
        double[][] expected = [.. plain.Select((row, t) => row.Select((y, p) =>
        {
            double around = member.Steps[t].Skip * member.Steps[t].Value[p];
            return (0.75 * (y - around)) + around;
        }).ToArray())];
        Close.Equal(expected, scaled, 1e-12);
    }

    /// <summary>The window and the forgetting together: a window over the steps with their new gates.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void ComposesWithTheWindow(string name)
    {
        Family member = Family.Create(name, 70);
        GatedStep[] steps = ForgetMore.Apply(member.Steps, Retention);
        RestartWindow window = new(16, member.KeyCount, member.ValueCount);
        Array.ForEach(steps, window.Advance);
        Close.Equal(StateDifference.Window(steps, window.First, 70, member.KeyCount, member.ValueCount), window.State, 1e-12);
    }
}
