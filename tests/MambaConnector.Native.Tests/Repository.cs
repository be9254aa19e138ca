namespace MambaConnector.Native.Tests;

/// <summary>Files of the source tree that the tests run in.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Header => Path.Combine(Root, "native", "include", "mamba", "c_api.h");

    public static string Generated(string name) => Path.Combine(Root, "src", "MambaConnector.Native", "Generated", name);

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "MambaConnector.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException($"No MambaConnector.sln above '{AppContext.BaseDirectory}'.");
    }
}
