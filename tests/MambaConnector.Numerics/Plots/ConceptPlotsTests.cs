using System.Text;
using MambaConnector.Native.Tests;

namespace MambaConnector.Numerics.Plots;

/// <summary>The plots in docs/plots are those that the code draws. With the variable MAMBA_WRITE_PLOTS they are written anew.</summary>
public sealed class ConceptPlotsTests
{
    private const int MaximumBytes = 60_000;

    public static TheoryData<string> Names => [.. ConceptPlots.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ThePlotInTheDocsIsWhatTheCodeDraws(string name)
    {
        using MemoryStream stream = new();
        ConceptPlots.All[name].Write(stream);
        string drawn = Encoding.UTF8.GetString(stream.ToArray());
        string path = Path.Combine(Repository.Root, "docs", "plots", name + ".svg");
        if (Environment.GetEnvironmentVariable("MAMBA_WRITE_PLOTS") is { Length: > 0 })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, drawn);
        }

        Assert.Equal(drawn, File.ReadAllText(path).ReplaceLineEndings("\n"));
        Assert.InRange(stream.Length, 1000, MaximumBytes);
    }
}
