using MambaConnector.Numerics.Gated;

namespace MambaConnector.Numerics.LongContext;

/// <summary>The window's three forms are one: two states with restarts, a difference of states, and the last tokens read anew.</summary>
public sealed class WindowTests
{
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void RestartIsDifferenceIsRecomputing(string name)
    {
        const int Length = 16;
        Family member = Family.Create(name, 100);
        RestartWindow window = new(Length, member.KeyCount, member.ValueCount);
        foreach (GatedStep step in member.Steps)
        {
            window.Advance(step);
            double[,] recomputed = GatedLinearRecurrence.Last(member.Steps[window.First..window.Position], member.KeyCount, member.ValueCount);
            Assert.Equal(recomputed, window.State);
            Close.Equal(recomputed, StateDifference.Window(member.Steps, window.First, window.Position, member.KeyCount, member.ValueCount), 1e-12);
            Assert.Equal(0, window.First % Length);
            Assert.InRange(window.Position - window.First, Math.Min(window.Position, Length + 1), 2 * Length);
        }
    }

    /// <summary>At any two tokens, not only at multiples of r.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void TheDifferenceIsTheTokensBetween(string name)
    {
        Family member = Family.Create(name, 50);
        foreach ((int begin, int end) in new[] { (0, 50), (1, 2), (17, 49), (50, 50) })
        {
            Close.Equal(
                GatedLinearRecurrence.Last(member.Steps[begin..end], member.KeyCount, member.ValueCount),
                StateDifference.Window(member.Steps, begin, end, member.KeyCount, member.ValueCount), 1e-12);
        }
    }

    /// <summary>What the window cut off matters: without it the state is another.</summary>
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void TheWindowForgets(string name)
    {
        Family member = Family.Create(name, 100);
        RestartWindow window = new(4, member.KeyCount, member.ValueCount);
        Array.ForEach(member.Steps, window.Advance);
        Assert.True(Close.Differ(GatedLinearRecurrence.Last(member.Steps, member.KeyCount, member.ValueCount), window.State, 0.05));
    }

    /// <summary>In FP32 with gates of 1 the subtracted states have grown to 10,000 times the window: the difference has lost four digits, the restart
    /// none.</summary>
    [Fact]
    public void OnlyTheRestartKeepsItsDigits()
    {
        const int Length = 8;
        const int Blocks = 10_000;
        float sum = 0;
        float atBlock = 0;
        double exact = 0;
        float restarted = 0;
        Random random = new(13);
        for (int t = 0; t < Length * Blocks; t++)
        {
            if (t == Length * (Blocks - 1))
            {
                (atBlock, exact, restarted) = (sum, 0, 0);
            }

            double value = 1 + random.NextDouble();
            sum += (float)value;
            restarted += (float)value;
            exact += value;
        }

        Assert.InRange(Math.Abs(restarted - exact) / exact, 0, 1e-6);
        Assert.InRange(Math.Abs(sum - atBlock - exact) / exact, 1e-5, 1e-2);
    }
}
