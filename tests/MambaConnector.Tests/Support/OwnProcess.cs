using System.Diagnostics;

namespace MambaConnector.Tests.Support;

/// <summary>This assembly as a process of its own, for what would end the tests' process or must not share it. <see cref="Program"/> says what it
/// does.</summary>
internal static class OwnProcess
{
    public static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(OwnProcess).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
        })!;

    /// <returns>What it printed; its exit code was 0.</returns>
    public static async Task<string> RunAsync(params string[] arguments)
    {
        using Process process = Start(arguments);
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
