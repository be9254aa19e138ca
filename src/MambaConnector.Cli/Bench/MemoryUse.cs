using System.Diagnostics;
using System.Globalization;

namespace MambaConnector.Cli.Bench;

/// <summary>The process's resident memory, bytes.</summary>
internal static class MemoryUse
{
    /// <summary>Held now.</summary>
    public static long Current => ReadStatus("VmRSS:") ?? Environment.WorkingSet;

    /// <summary>The most that was held so far.</summary>
    public static long Peak
    {
        get
        {
            using Process self = Process.GetCurrentProcess();
            return ReadStatus("VmHWM:") ?? self.PeakWorkingSet64;
        }
    }

    // On Linux a line as "VmHWM:    123456 kB"; .NET's own peak is not kept there.
    private static long? ReadStatus(string key)
    {
        const string Path = "/proc/self/status";
        string? line = OperatingSystem.IsLinux() && File.Exists(Path)
            ? File.ReadLines(Path).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))
            : null;
        return line is null ? null : 1024 * long.Parse(line.AsSpan(key.Length).Trim()[..^3].Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
