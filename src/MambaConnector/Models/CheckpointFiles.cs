using System.Text.Json;
using System.Text.RegularExpressions;

namespace MambaConnector.Models;

/// <summary>What the files beside a checkpoint's weights say: chat template, end tokens, generation defaults. Immutable.</summary>
internal sealed partial record CheckpointFiles
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>The Jinja text, or null.</summary>
    public string? ChatTemplate { get; private init; }

    /// <summary>The name of the token that ends a text, from <c>tokenizer_config.json</c>, or null.</summary>
    public string? EndToken { get; private init; }

    /// <summary>From <c>generation_config.json</c>, or else <c>config.json</c>.</summary>
    public GenerationDefaults Defaults { get; private init; } = new();

    /// <summary>Reads a Hugging Face directory. Files that are missing say nothing.</summary>
    /// <exception cref="MambaFormatException">A file is not JSON, or a member is of the wrong kind; the message names both.</exception>
    public static CheckpointFiles Read(string directory)
    {
        string? template = null;
        string? endToken = null;
        string tokenizerConfig = Path.Combine(directory, "tokenizer_config.json");
        if (File.Exists(tokenizerConfig))
        {
            using JsonDocument document = Parse(tokenizerConfig);
            template = ReadTemplate(tokenizerConfig, document.RootElement);
            endToken = ReadTokenName(document.RootElement, "eos_token");
        }

        // Newer checkpoints keep the template in a file of its own, which wins.
        string templateFile = Path.Combine(directory, "chat_template.jinja");
        return new CheckpointFiles
        {
            ChatTemplate = File.Exists(templateFile) ? File.ReadAllText(templateFile) : template,
            EndToken = endToken,
            Defaults = ReadDefaults(directory),
        };
    }

    private static GenerationDefaults ReadDefaults(string directory)
    {
        string file = Path.Combine(directory, "generation_config.json");
        if (!File.Exists(file))
        {
            return new GenerationDefaults { EndTokenIds = ReadModelEndTokens(Path.Combine(directory, "config.json")) };
        }

        using JsonDocument document = Parse(file);
        JsonElement root = document.RootElement;
        bool isGreedy = root.TryGetProperty("do_sample", out JsonElement sample) && sample.ValueKind == JsonValueKind.False;
        return new GenerationDefaults
        {
            EndTokenIds = ReadIds(file, root, "eos_token_id"),
            Temperature = isGreedy ? 0 : ReadNumber(file, root, "temperature"),
            TopK = (int?)ReadNumber(file, root, "top_k"),
            TopP = ReadNumber(file, root, "top_p"),
            MinP = ReadNumber(file, root, "min_p"),
            RepetitionPenalty = ReadNumber(file, root, "repetition_penalty"),
        };
    }

    // config.json is not always JSON: checkpoints write a bare Infinity into it.
    private static int[] ReadModelEndTokens(string file)
    {
        if (!File.Exists(file))
        {
            return [];
        }

        Match match = EndTokenIds().Match(File.ReadAllText(file));
        return [.. match.Groups["id"].Captures.Select(capture => int.Parse(capture.ValueSpan, System.Globalization.CultureInfo.InvariantCulture))];
    }

    private static string? ReadTemplate(string file, JsonElement root)
    {
        if (!root.TryGetProperty("chat_template", out JsonElement template) || template.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (template.ValueKind == JsonValueKind.String)
        {
            return template.GetString();
        }

        if (template.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement entry in template.EnumerateArray())
            {
                if (ReadText(entry, "name") == "default" && ReadText(entry, "template") is string text)
                {
                    return text;
                }
            }
        }

        throw Wrong(file, "chat_template", "a string, or a list that holds one named 'default'");
    }

    private static string? ReadTokenName(JsonElement root, string name) =>
        !root.TryGetProperty(name, out JsonElement token) ? null
        : token.ValueKind == JsonValueKind.String ? token.GetString()
        : ReadText(token, "content");

    private static string? ReadText(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static int[] ReadIds(string file, JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        IEnumerable<JsonElement> ids = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
        return [.. ids.Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int token)
            ? token
            : throw Wrong(file, name, "a token id or a list of them"))];
    }

    private static float? ReadNumber(string file, JsonElement root, string name) =>
        !root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetSingle()
        : throw Wrong(file, name, "a number");

    private static JsonDocument Parse(string file)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file), Lenient);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
            throw new MambaFormatException(MambaErrorCode.BadFormat, $"'{file}' does not hold a JSON object.");
        }
        catch (JsonException exception)
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, $"'{file}' is not JSON: {exception.Message}", exception);
        }
    }

    private static MambaFormatException Wrong(string file, string name, string wanted) =>
        new(MambaErrorCode.BadFormat, $"'{name}' in '{file}' must be {wanted}.");

    [GeneratedRegex("""
        "eos_token_id"\s*:\s*(?:(?<id>\d{1,9})|\[\s*(?:(?<id>\d{1,9})\s*,?\s*)*\])
        """)]
    private static partial Regex EndTokenIds();
}
