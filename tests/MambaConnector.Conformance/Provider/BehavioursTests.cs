using System.Reflection;

namespace MambaConnector.Conformance.Provider;

/// <summary>The list of behaviours says the truth.</summary>
public sealed class BehavioursTests
{
    [Fact]
    public void EachIsListedOnce()
    {
        Assert.Equal(45, Behaviours.All.Count(behaviour => !behaviour.Name.StartsWith("ToolReduction_", StringComparison.Ordinal)));
        Assert.Equal(4, Behaviours.All.Count(behaviour => behaviour.Name.StartsWith("ToolReduction_", StringComparison.Ordinal)));
        Assert.Equal(Behaviours.All.Count, Behaviours.All.Select(behaviour => behaviour.Name).Distinct().Count());
    }

    [Fact]
    public void EachHasATestOrAReasonForNone()
    {
        // A test that is skipped does not count as one.
        ILookup<string, MethodInfo> tests = typeof(BehavioursTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.GetCustomAttribute<FactAttribute>() is { Skip: null })
            .ToLookup(method => method.Name);
        Assert.All(Behaviours.All, behaviour => Assert.Equal(behaviour.LeftOut is null ? 1 : 0, tests[behaviour.Name].Count()));
        Assert.All(Behaviours.All, behaviour => Assert.NotEqual("", behaviour.LeftOut));
    }
}
