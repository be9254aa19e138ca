namespace MambaConnector.Numerics.Gated;

/// <summary>Each member of the family is the shared recurrence: against the formula of its own paper.</summary>
public sealed class FamilyTests
{
    [Theory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void IsTheSharedRecurrence(string name)
    {
        foreach (int length in new[] { 1, 2, 60 })
        {
            Family member = Family.Create(name, length);
            Close.Equal(member.Direct, GatedLinearRecurrence.Run(member.Steps, member.Zero), 1e-11);
        }
    }

    /// <summary>RWKV-6's bonus: the token that is read now counts u times, and only now.</summary>
    [Fact]
    public void TheBonusIsOfTheNewestTokenAlone()
    {
        double[][] ones = [[1], [1], [1]];
        Rwkv6 with = new(ones, ones, [[1], [10], [100]], [[0.5], [0.5], [0.5]], [3]);
        double[][] expected = [[3], [1 + 30], [0.5 + 10 + 300]];
        Close.Equal(expected, with.Direct(), 1e-14);
        Close.Equal(expected, GatedLinearRecurrence.Run(with.Steps(), new double[1, 1]), 1e-14);
    }
}
