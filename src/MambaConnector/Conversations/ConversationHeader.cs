using System.Security.Cryptography;
using System.Text;

namespace MambaConnector;

/// <summary>What the state of a conversation says about itself, as JSON. It holds no text of the conversation.</summary>
/// <param name="Template">The name of its chat template.</param>
/// <param name="InstructionsHash">The <see cref="HashOf"/> the instructions that the state has read; null: none.</param>
/// <param name="ToolsHash">The <see cref="HashOf"/> the tool declarations that the state has read.</param>
/// <param name="TokenCount">Tokens that the state has read.</param>
/// <param name="CreatedAt">When its response was made.</param>
/// <param name="OpenToolCalls">What the next messages have to answer, in the model's order.</param>
internal sealed record ConversationHeader(
    string Template,
    string? InstructionsHash,
    string ToolsHash,
    long TokenCount,
    DateTimeOffset CreatedAt,
    IReadOnlyList<OpenToolCall> OpenToolCalls)
{
    /// <summary>The SHA-256 of a text in UTF-8, in lower-case hexadecimal.</summary>
    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
