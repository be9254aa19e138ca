using Xunit;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>Every function of the header is bound with its names and types, and nothing else is.</summary>
public class SignatureTests
{
    [Fact]
    public void ExternsAreTheFunctionsOfTheHeader()
    {
        Dictionary<string, string> declared = ClangSignatures.Read(Repository.Header);
        Assert.True(declared.Count > 30, $"clang found only {declared.Count} functions in the header.");
        Assert.Equal(Lines(declared.Select(pair => (pair.Key, pair.Value))), Lines(BoundFunction.All.Select(bound => (bound.EntryPoint, bound.Signature))));
    }

    private static IEnumerable<string> Lines(IEnumerable<(string Name, string Signature)> functions) =>
        functions.Select(function => $"{function.Name}: {function.Signature}").Order(StringComparer.Ordinal);
}
