using System.Security.Cryptography;
using System.Text;

namespace MambaConnector.Cli.Documents;

/// <summary>Where indexes of documents are kept that were given no place.</summary>
internal static class DocumentCache
{
    /// <summary>The place of a document's index: one for each file, model and way of reading, so that a file which has changed is noticed.</summary>
    /// <param name="file">The document.</param>
    /// <param name="settings">What else the index depends on.</param>
    public static string PathFor(string file, params IEnumerable<string> settings)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', [Path.GetFullPath(file), .. settings])));
        return Path.Combine(Folder(), $"{Path.GetFileNameWithoutExtension(file)}-{Convert.ToHexStringLower(hash)[..16]}.index");
    }

    // The variable is that of the XDG base directories, and holds everywhere: who sets it means it.
    private static string Folder()
    {
        string root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } chosen && Path.IsPathRooted(chosen) ? chosen
            : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(root, "mamba", "documents");
    }
}
