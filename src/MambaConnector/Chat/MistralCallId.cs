using System.Security.Cryptography;
using System.Text;

namespace MambaConnector.Chat;

/// <summary>Mistral's ids of calls: nine letters and digits.</summary>
internal static class MistralCallId
{
    public const int Length = 9;

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>A new one.</summary>
    public static string Create() => RandomNumberGenerator.GetString(Alphabet, Length);

    /// <summary>An id in Mistral's form: itself, or where others made it, always the same one for the same id.</summary>
    public static string From(string? id)
    {
        if (id is { Length: Length } && id.All(char.IsAsciiLetterOrDigit))
        {
            return id;
        }

        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(id ?? ""));
        return string.Create(Length, hash, (text, source) =>
        {
            for (int index = 0; index < text.Length; index++)
            {
                text[index] = Alphabet[source[index] % Alphabet.Length];
            }
        });
    }
}
