using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace MambaConnector.LongContext;

/// <summary>Files of calibrated values.</summary>
internal static class LongContextFile
{
    /// <summary>Reads one.</summary>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="MambaFormatException">It holds something else than <paramref name="what"/>.</exception>
    public static TValue Read<TDocument, TValue>(string path, string what, JsonTypeInfo<TDocument> type, Func<TDocument, TValue> convert)
    {
        using FileStream stream = File.OpenRead(path);
        return Read(stream, $"'{path}'", what, type, convert);
    }

    /// <summary>Reads one from a stream that messages call <paramref name="name"/>.</summary>
    /// <inheritdoc cref="Read{TDocument, TValue}(string, string, JsonTypeInfo{TDocument}, Func{TDocument, TValue})" path="/exception"/>
    public static TValue Read<TDocument, TValue>(
        Stream stream, string name, string what, JsonTypeInfo<TDocument> type, Func<TDocument, TValue> convert)
    {
        try
        {
            return convert(JsonSerializer.Deserialize(stream, type) ?? throw new JsonException("It is null."));
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, $"{name} does not hold {what}: {exception.Message}", exception);
        }
    }
}
