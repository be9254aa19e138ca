using System.Text.Json;

namespace MambaConnector.Chat;

/// <summary>A tool that a model is told of.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it does, in words; may be empty.</param>
/// <param name="Parameters">The JSON schema of its arguments. Templates print it as it is, whatever it is.</param>
internal sealed record ToolDeclaration(string Name, string Description, JsonElement Parameters);
