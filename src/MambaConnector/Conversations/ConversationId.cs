using System.Buffers;
using System.Security.Cryptography;

namespace MambaConnector;

/// <summary>Names of stored states. Who knows one can continue its conversation, so they cannot be guessed.</summary>
internal static class ConversationId
{
    public const int MaxLength = 128;

    private static readonly SearchValues<char> Characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    /// <summary>A new name: 128 random bits in hexadecimal.</summary>
    public static string Create() => "conv_" + RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>Whether a state can have this name. One that is valid is a file name too.</summary>
    public static bool IsValid(ReadOnlySpan<char> id) => id.Length is > 0 and <= MaxLength && !id.ContainsAnyExcept(Characters);

    /// <exception cref="ArgumentException">No state can have this name.</exception>
    public static void Check(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (!IsValid(id))
        {
            throw new ArgumentException($"The id '{id}' is not 1 to {MaxLength} characters of A-Z a-z 0-9 _ -.", nameof(id));
        }
    }
}
