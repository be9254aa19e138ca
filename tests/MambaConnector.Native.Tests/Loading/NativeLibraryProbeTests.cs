using Xunit;

namespace MambaConnector.Native.Tests.Loading;

/// <summary>Where the library is looked for, and what is said when it is not found.</summary>
public sealed class NativeLibraryProbeTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-probe-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void LooksInTheApplicationThenItsRuntimesThenTheAssembly()
    {
        string runtimes = Path.Combine("runtimes", NativeLibraryProbe.RuntimeIdentifier, "native", NativeLibraryProbe.FileName);
        Assert.Equal(
            [
                Path.Combine("/app", NativeLibraryProbe.FileName),
                Path.Combine("/app", runtimes),
                Path.Combine("/lib", NativeLibraryProbe.FileName),
                Path.Combine("/lib", runtimes),
            ],
            new NativeLibraryProbe(null, "/app", "/lib").Candidates());
    }

    [Fact]
    public void LooksOnceWhereTheAssemblyLiesInTheApplication() =>
        Assert.Equal(2, new NativeLibraryProbe(null, "/app", "/app").Candidates().Count);

    [Fact]
    public void TheVariableMayNameAFile() =>
        Assert.Equal(["/some/library.so"], new NativeLibraryProbe("/some/library.so", "/app", "/lib").Candidates());

    [Fact]
    public void TheVariableMayNameADirectory() =>
        Assert.Equal(
            [Path.Combine(_directory.FullName, NativeLibraryProbe.FileName)],
            new NativeLibraryProbe(_directory.FullName, "/app", "/lib").Candidates());

    [Fact]
    public void ReportsEveryPathWithItsReasonAndTheWayOut()
    {
        string broken = Path.Combine(_directory.FullName, NativeLibraryProbe.FileName);
        File.WriteAllText(broken, "no library");
        var exception = Assert.Throws<MambaNativeLibraryException>(() => new NativeLibraryProbe(null, _directory.FullName, "/nowhere").Load());
        Assert.Contains($"\n  {broken}: ", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain($"{broken}: no such file", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"\n  {Path.Combine("/nowhere", NativeLibraryProbe.FileName)}: no such file", exception.Message, StringComparison.Ordinal);
        Assert.Contains("./build/native", exception.Message, StringComparison.Ordinal);
        Assert.Contains(NativeLibraryProbe.PathVariable, exception.Message, StringComparison.Ordinal);
        Assert.IsAssignableFrom<DllNotFoundException>(exception);
    }

    [Fact]
    public void TheVariableAllowsNoOtherPlace()
    {
        string missing = Path.Combine(_directory.FullName, "missing.so");
        var exception = Assert.Throws<MambaNativeLibraryException>(() => new NativeLibraryProbe(missing, "/app", "/lib").Load());
        Assert.Contains(missing, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("/app", exception.Message, StringComparison.Ordinal);
    }
}
