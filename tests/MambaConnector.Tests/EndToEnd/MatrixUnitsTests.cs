using System.Diagnostics;
using System.Globalization;

namespace MambaConnector.Tests.EndToEnd;

public sealed class MatrixUnitsTests
{
    [Fact]
    public async Task AThreadThatEvaluatedSurvivesANullReference()
    {
        // In a process of its own: where this fails, it ends the process.
        using Process process = Process.Start(
            new ProcessStartInfo(
                Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(MatrixUnits).Assembly.Location, MatrixUnits.Command])
            {
                RedirectStandardOutput = true,
            })!;
        string caught = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        Assert.Equal((2 * MatrixUnits.Threads * MatrixUnits.Rounds).ToString(CultureInfo.InvariantCulture), caught);
    }
}
