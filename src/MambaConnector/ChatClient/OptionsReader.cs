using System.Globalization;
using MambaConnector.LongContext;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Gives every member of <see cref="ChatOptions"/> its meaning here, or refuses it.</summary>
internal static class OptionsReader
{
    private const string MinP = "min_p";
    private const string RepetitionPenalty = "repetition_penalty";
    private const string PenaltyWindow = "penalty_window";
    private const string PolicyName = "long_context_policy";

    /// <summary>How to generate: what the request's own <see cref="GenerationOptions"/> say
    /// (<see cref="ChatOptions.RawRepresentationFactory"/>), else its options, else the client's.</summary>
    /// <exception cref="ArgumentException">A member has a value that this client cannot honour.</exception>
    public static GenerationOptions ReadGeneration(ChatOptions? options, IChatClient client, GenerationOptions defaults)
    {
        if (options is null)
        {
            return defaults;
        }

        GenerationOptions own = options.RawRepresentationFactory?.Invoke(client) switch
        {
            null => new GenerationOptions(),
            GenerationOptions generation => generation,
            object other => throw new ArgumentException(
                $"ChatOptions.RawRepresentationFactory returned {other.GetType().Name}; for this client it returns GenerationOptions."),
        };
        GenerationOptions request = new()
        {
            MaxTokens = options.MaxOutputTokens,
            Temperature = options.Temperature,
            TopK = options.TopK,
            TopP = options.TopP,
            FrequencyPenalty = options.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty,
            Seed = options.Seed,
            StopSequences = options.StopSequences is { Count: > 0 } stops ? [.. stops] : null,
            MinP = Number(options, MinP),
            RepetitionPenalty = Number(options, RepetitionPenalty),
            PenaltyWindow = WholeNumber(options, PenaltyWindow),
        };
        return own.Or(request).Or(defaults);
    }

    /// <summary>The long-context policy that a request names: itself, or its text, which may come from afar and so names no file.</summary>
    /// <exception cref="ArgumentException">It names none that there is.</exception>
    public static LongContextPolicy? ReadPolicy(ChatOptions? options)
    {
        if (options?.AdditionalProperties?.TryGetValue(PolicyName, out object? value) is not true || value is null)
        {
            return null;
        }

        try
        {
            return value as LongContextPolicy ?? PolicyText.Parse(Text(value) ?? "", allowsFiles: false);
        }
        catch (FormatException exception)
        {
            throw new ArgumentException($"AdditionalProperties[\"{PolicyName}\"]: {exception.Message}", exception);
        }
    }

    /// <exception cref="ArgumentException">A member asks for what this client cannot do.</exception>
    public static void Check(ChatOptions options, string modelId)
    {
        if (options.ModelId is string asked && asked != modelId)
        {
            throw new ArgumentException(
                $"ChatOptions.ModelId asks for '{asked}', and this client runs '{modelId}'. Leave it out, or register a client for that model.");
        }

        if (options.Reasoning is { Effort: not (null or ReasoningEffort.None) })
        {
            throw new ArgumentException(
                $"ChatOptions.Reasoning asks for effort '{options.Reasoning.Effort}'; this model replies without a reasoning phase. Leave it out.");
        }

        if (options.ContinuationToken is not null)
        {
            throw new ArgumentException(
                "ChatOptions.ContinuationToken continues a background response, and this client answers in the foreground. Send the messages again.");
        }
    }

    /// <summary>Names of additional properties that mean nothing here: they may be for other providers.</summary>
    public static IEnumerable<string> Unknown(ChatOptions? options) =>
        options?.AdditionalProperties?.Keys.Except([MinP, RepetitionPenalty, PenaltyWindow, PolicyName], StringComparer.OrdinalIgnoreCase) ?? [];

    private static string? Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture);

    // Numbers come as numbers, as text, or as JSON, by whoever filled the dictionary.
    private static float? Number(ChatOptions options, string name) =>
        options.AdditionalProperties?.TryGetValue(name, out object? value) is not true || value is null ? null
        : float.TryParse(Text(value), NumberStyles.Float, CultureInfo.InvariantCulture, out float number) ? number
        : throw new ArgumentException($"AdditionalProperties[\"{name}\"] is '{value}'; it must be a number.");

    private static int? WholeNumber(ChatOptions options, string name) =>
        options.AdditionalProperties?.TryGetValue(name, out object? value) is not true || value is null ? null
        : int.TryParse(Text(value), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number
        : throw new ArgumentException($"AdditionalProperties[\"{name}\"] is '{value}'; it must be a whole number.");
}
