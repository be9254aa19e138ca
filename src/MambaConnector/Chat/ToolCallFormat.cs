using System.Text.Json;
using System.Text.Json.Nodes;
using MambaConnector.Constraints;
using MambaConnector.Generation;
using Microsoft.Extensions.AI;

namespace MambaConnector.Chat;

/// <summary>How a model writes calls of tools: what they look like to a reader (<see cref="ToolCallParser"/>), and what holds the model
/// to it. Immutable, thread-safe.</summary>
internal abstract class ToolCallFormat
{
    /// <summary>The most calls that a reply may make.</summary>
    public const int MaximumCalls = 8;

    /// <summary>What calls begin with: a control token, or text where the vocabulary lacks it.</summary>
    public abstract string Trigger { get; }

    /// <summary>What stands between a text and <see cref="Trigger"/> and belongs to neither.</summary>
    public abstract string Separator { get; }

    /// <summary>What the JSON after <see cref="Trigger"/> begins with: an object or an array.</summary>
    public abstract char Opening { get; }

    /// <summary>What follows the JSON, after white space; may be empty.</summary>
    public abstract string Closing { get; }

    /// <summary>The control tokens of the form. Decoders leave control tokens out: a <see cref="ToolCallParser"/> needs a text that has
    /// these in it.</summary>
    public IReadOnlySet<int> ControlTokens(MambaTokenizer tokenizer)
    {
        HashSet<int> ids = [];
        foreach (string marker in new[] { Trigger, Closing })
        {
            if (tokenizer.TryGetId(marker, out int id) && tokenizer.IsSpecial(id))
            {
                ids.Add(id);
            }
        }

        return ids;
    }

    /// <summary>Holds a reply to the tools and to what a request asks of them.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="stopTokens">Tokens that end a reply.</param>
    /// <param name="tools">The tools that the model was told of.</param>
    /// <param name="mode">What is asked; null: <see cref="ChatToolMode.Auto"/>.</param>
    /// <param name="allowMultiple">Whether there may be more calls than one, up to <see cref="MaximumCalls"/>; null: yes.</param>
    /// <exception cref="ArgumentException">A tool is required, and there is none, or none of that name.</exception>
    public ITokenConstraint CreateConstraint(
        MambaTokenizer tokenizer, IReadOnlyCollection<int> stopTokens, IReadOnlyList<ToolDeclaration> tools, ChatToolMode? mode,
        bool? allowMultiple)
    {
        int maximum = allowMultiple == false ? 1 : MaximumCalls;
        return mode switch
        {
            RequiredChatToolMode required =>
                JsonConstraint.Create(Calls(tokenizer, Required(tools, required), maximum), tokenizer, stopTokens),
            not NoneChatToolMode when tools.Count > 0 => new ToolCallConstraint(
                tokenizer, stopTokens, this, JsonConstraint.Create(CallsAfterTrigger(tokenizer, tools, maximum), tokenizer, stopTokens)),
            _ => new ToolCallConstraint(tokenizer, stopTokens, this, calls: null),
        };
    }

    /// <summary>A reply that is nothing but calls.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="tools">The tools that may be called, at least one.</param>
    /// <param name="maximum">The most calls, from 1.</param>
    public Grammar Calls(MambaTokenizer tokenizer, IReadOnlyList<ToolDeclaration> tools, int maximum) =>
        Grammar.Sequence(Marker(tokenizer, Trigger), CallsAfterTrigger(tokenizer, tools, maximum));

    /// <summary>An id for a call that has none.</summary>
    public abstract string CreateCallId();

    /// <summary>Reads what stands between <see cref="Trigger"/> and <see cref="Closing"/>.</summary>
    /// <param name="json">The JSON.</param>
    /// <param name="calls">Receives the calls.</param>
    /// <returns>Whether that is what it is.</returns>
    public abstract bool TryRead(JsonElement json, List<ToolCall> calls);

    /// <summary>What follows <see cref="Trigger"/>: the rest of the first call, and all others.</summary>
    private protected abstract Grammar CallsAfterTrigger(MambaTokenizer tokenizer, IReadOnlyList<ToolDeclaration> tools, int maximum);

    /// <summary>A marker as the model writes it.</summary>
    private protected static Grammar Marker(MambaTokenizer tokenizer, string marker) =>
        tokenizer.TryGetId(marker, out int id) ? Grammar.Token(id) : Grammar.Literal(marker);

    /// <summary>An object with the name and the arguments of one of the tools, without its closing brace.</summary>
    private protected static Grammar OpenCall(IReadOnlyList<ToolDeclaration> tools) => Grammar.Choice(
    [
        .. tools.Select(tool => Grammar.Sequence(
            Grammar.Literal($"{{\"name\": {TemplateJson.Quote(tool.Name)}, \"arguments\": "), Arguments(tool.Parameters))),
    ]);

    /// <summary>Reads one call.</summary>
    private protected static bool TryReadCall(JsonElement json, string? id, List<ToolCall> calls)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("name", out JsonElement name) ||
            name.ValueKind != JsonValueKind.String || !json.TryGetProperty("arguments", out JsonElement arguments) ||
            arguments.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        calls.Add(new ToolCall(id, name.GetString()!, arguments.Clone()));
        return true;
    }

    private static IReadOnlyList<ToolDeclaration> Required(IReadOnlyList<ToolDeclaration> tools, RequiredChatToolMode mode)
    {
        IReadOnlyList<ToolDeclaration> required =
            mode.RequiredFunctionName is string name ? [.. tools.Where(tool => tool.Name == name)] : tools;
        return required.Count > 0 ? required : throw new ArgumentException(
            mode.RequiredFunctionName is null
                ? "ChatOptions.ToolMode requires that a tool be called, and ChatOptions.Tools declares none."
                : $"ChatOptions.ToolMode requires the tool '{mode.RequiredFunctionName}', and ChatOptions.Tools does not declare it.");
    }

    // A schema that cannot be obeyed, or that is none for an object, must not stand in the way of the call: any object will do.
    private static Grammar Arguments(JsonElement schema)
    {
        try
        {
            if (ObjectSchema(schema) is JsonElement objects)
            {
                return SchemaCache.Shared.Get(objects);
            }
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or JsonException)
        {
        }

        return Grammar.AnyJsonObject();
    }

    // The schema, narrowed to objects; null: it excludes them.
    private static JsonElement? ObjectSchema(JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        if (schema.TryGetProperty("type", out JsonElement type))
        {
            if (type.ValueKind == JsonValueKind.String)
            {
                return type.ValueEquals("object") ? schema : null;
            }

            if (type.ValueKind != JsonValueKind.Array ||
                !type.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && item.ValueEquals("object")))
            {
                return null;
            }
        }

        JsonObject narrowed = JsonObject.Create(schema)!;
        narrowed["type"] = "object";
        return JsonElement.Parse(narrowed.ToJsonString());
    }
}
