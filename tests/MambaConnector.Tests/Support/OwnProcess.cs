using System.Diagnostics;

namespace MambaConnector.Tests.Support;

/// <summary>This assembly as a process of its own, for what would end the tests' process or must not share it. <see cref="Program"/> says what it
/// does.</summary>
internal static class OwnProcess
{
    public static Process Start(params string[] arguments) => Start([], arguments);

    /// <returns>What it printed; its exit code was 0.</returns>
    public static Task<string> RunAsync(params string[] arguments) => RunAsync([], arguments);

    /// <param name="environment">Variables beside those of this process.</param>
    /// <param name="arguments">What to do.</param>
    /// <inheritdoc cref="RunAsync(string[])"/>
    public static async Task<string> RunAsync(Dictionary<string, string> environment, params string[] arguments)
    {
        using Process process = Start(environment, arguments);
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    private static Process Start(Dictionary<string, string> environment, string[] arguments)
    {
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(OwnProcess).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
