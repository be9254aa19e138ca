using System.Text;

namespace MambaConnector.Cli;

/// <summary>Text files.</summary>
internal static class Utf8File
{
    /// <summary>The text of a file; a byte order mark is left out.</summary>
    /// <exception cref="InvalidDataException">The file is not UTF-8.</exception>
    public static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        }
        catch (DecoderFallbackException exception)
        {
            throw new InvalidDataException($"'{path}' is not UTF-8 text: {exception.Message}", exception);
        }
    }
}
