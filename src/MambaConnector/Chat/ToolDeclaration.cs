using System.Text.Json;
using Microsoft.Extensions.AI;

namespace MambaConnector.Chat;

/// <summary>A tool that a model is told of.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it does, in words; may be empty.</param>
/// <param name="Parameters">The JSON schema of its arguments. Templates print it as it is, whatever it is.</param>
internal sealed record ToolDeclaration(string Name, string Description, JsonElement Parameters)
{
    /// <summary>What a function says about itself.</summary>
    public static ToolDeclaration Create(AIFunctionDeclaration function) =>
        new(function.Name, function.Description, function.JsonSchema);

    /// <summary>The declaration as templates print it.</summary>
    public string ToFunctionJson() =>
        $"{{\"type\": \"function\", \"function\": {{\"name\": {TemplateJson.Quote(Name)}, " +
        $"\"description\": {TemplateJson.Quote(Description)}, \"parameters\": {TemplateJson.Format(Parameters)}}}}}";
}
