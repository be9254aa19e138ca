using System.Runtime.InteropServices;
using Xunit;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>The built library and the binding name the same functions.</summary>
public class ExportTests
{
    [Fact]
    public void EveryBoundFunctionIsInTheLibrary()
    {
        string library = NativeRuntime.EnsureLoaded();
        IEnumerable<string> missing = BoundFunction.All.Select(bound => bound.EntryPoint).Where(name => !NativeLibrary.TryGetExport(NativeRuntime.Handle, name, out _));
        Assert.True(!missing.Any(), $"'{library}' lacks {string.Join(", ", missing)}: rebuild it with ./build/native.");
    }

    [Fact]
    public void EveryExportIsBound() =>
        Assert.Equal(
            BoundFunction.All.Select(bound => bound.EntryPoint).Order(StringComparer.Ordinal),
            ElfExports.Read(NativeRuntime.EnsureLoaded()).Where(name => name.StartsWith("mamba_", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
}
