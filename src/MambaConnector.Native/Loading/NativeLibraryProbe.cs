using System.Runtime.InteropServices;
using System.Text;

namespace MambaConnector.Native;

/// <summary>Finds and loads the native library. The order: <c>MAMBA_NATIVE_PATH</c> (a file or a directory; when it is set nothing else is
/// tried), the application's directory, its <c>runtimes/RID/native</c>, the directory of this assembly and its <c>runtimes/RID/native</c>.</summary>
/// <param name="overridePath">The value of <c>MAMBA_NATIVE_PATH</c>, or null.</param>
/// <param name="baseDirectory">The application's directory.</param>
/// <param name="assemblyDirectory">Where this assembly lies; null in a single-file application.</param>
internal sealed class NativeLibraryProbe(string? overridePath, string baseDirectory, string? assemblyDirectory)
{
    /// <summary>The environment variable that names the library.</summary>
    public const string PathVariable = "MAMBA_NATIVE_PATH";

    /// <summary>The library's file name on this platform.</summary>
    public static string FileName { get; } =
        OperatingSystem.IsWindows() ? "mamba.dll" : OperatingSystem.IsMacOS() ? "libmamba.dylib" : "libmamba.so";

    /// <summary>The portable runtime identifier: operating system and processor, without the distribution.</summary>
    public static string RuntimeIdentifier { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
        + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>The probe of this process.</summary>
    public static NativeLibraryProbe ForProcess() => new(
        Environment.GetEnvironmentVariable(PathVariable), AppContext.BaseDirectory, AssemblyDirectory());

    /// <summary>The files that are tried, in this order.</summary>
    public IReadOnlyList<string> Candidates()
    {
        if (!string.IsNullOrWhiteSpace(overridePath))
        {
            return [Directory.Exists(overridePath) ? Path.Combine(overridePath, FileName) : overridePath];
        }

        List<string> files = [];
        foreach (string directory in new[] { baseDirectory, assemblyDirectory }.OfType<string>())
        {
            files.Add(Path.Combine(directory, FileName));
            files.Add(Path.Combine(directory, "runtimes", RuntimeIdentifier, "native", FileName));
        }

        return [.. files.Distinct()];
    }

    /// <summary>Loads the first candidate that loads.</summary>
    /// <returns>The library's handle and its path.</returns>
    /// <exception cref="MambaNativeLibraryException">None loads; the message is the probe report.</exception>
    public (nint Handle, string Path) Load()
    {
        StringBuilder report = new();
        foreach (string file in Candidates())
        {
            string reason;
            if (!File.Exists(file))
            {
                reason = "no such file";
            }
            else
            {
                try
                {
                    return (NativeLibrary.Load(Path.GetFullPath(file)), file);
                }
                catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
                {
                    reason = exception.Message.ReplaceLineEndings(" ").Trim();
                }
            }

            report.Append("\n  ").Append(file).Append(": ").Append(reason);
        }

        string origin = string.IsNullOrWhiteSpace(overridePath) ? "" : $" from {PathVariable}, which allows no other place,";
        throw new MambaNativeLibraryException(
            $"The native library '{FileName}'{origin} could not be loaded. Build it with ./build/native, or set {PathVariable} to the file " +
            $"or to its directory. Probed for {RuntimeIdentifier}:{report}");
    }

    private static string? AssemblyDirectory()
    {
#pragma warning disable IL3000 // empty in a single-file application: then the base directory is the only place
        string location = typeof(NativeLibraryProbe).Assembly.Location;
#pragma warning restore IL3000
        return location.Length == 0 ? null : Path.GetDirectoryName(location);
    }
}
