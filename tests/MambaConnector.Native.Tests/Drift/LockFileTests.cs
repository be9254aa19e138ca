using System.Security.Cryptography;
using System.Text.Json;
using System.Xml.Linq;
using Xunit;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>The checked-in binding is what CppSharp printed for the checked-in header.</summary>
public class LockFileTests
{
    private const string WayOut = "Run build/regenerate and commit what it writes.";

    [Fact]
    public void HeaderIsTheOneThatWasBound() =>
        Assert.True(Locked("header_sha256") == Hash(Repository.Header), $"native/include/mamba/c_api.h has changed since its binding was printed. {WayOut}");

    [Fact]
    public void BindingIsTheOneThatWasPrinted() =>
        Assert.True(Locked("output_sha256") == Hash(Repository.Generated("MambaNative.cs")), $"MambaNative.cs was edited by hand. {WayOut}");

    [Fact]
    public void GeneratorIsTheOneThatIsPinned()
    {
        XDocument packages = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"));
        string? pinned = packages.Descendants("PackageVersion").Single(package => (string?)package.Attribute("Include") == "CppSharp").Attribute("Version")?.Value;
        Assert.True(Locked("cppsharp") == pinned, $"The binding was printed by CppSharp {Locked("cppsharp")}, and {pinned} is pinned. {WayOut}");
    }

    private static string? Locked(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Generated("MambaNative.lock.json")));
        return document.RootElement.GetProperty(name).GetString();
    }

    private static string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));
}
