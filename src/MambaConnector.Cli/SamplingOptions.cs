using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>The options of the verbs that generate text. What is not given is the model's own default.</summary>
internal sealed class SamplingOptions
{
    private readonly Option<int> _maxTokens = new("--max-tokens", "-n") { HelpName = "n", DefaultValueFactory = _ => 256, Description = "Tokens to generate at most." };
    private readonly Option<float?> _temperature = new("--temperature") { HelpName = "t", Description = "0 is greedy." };
    private readonly Option<int?> _topK = new("--top-k") { HelpName = "k", Description = "Keep the k most likely tokens; 0: all." };
    private readonly Option<float?> _topP = new("--top-p") { HelpName = "p", Description = "Keep the most likely tokens that together reach p." };
    private readonly Option<float?> _minP = new("--min-p") { HelpName = "p", Description = "Keep tokens at least p times as likely as the most likely." };
    private readonly Option<float?> _repetitionPenalty = new("--repetition-penalty") { HelpName = "r", Description = "Above 1 discourages repetition." };
    private readonly Option<float> _frequencyPenalty = new("--frequency-penalty") { HelpName = "f", Description = "Subtracted for each time a token has occurred." };
    private readonly Option<float> _presencePenalty = new("--presence-penalty") { HelpName = "f", Description = "Subtracted once if a token has occurred." };
    private readonly Option<long?> _seed = new("--seed") { HelpName = "s", Description = "The same seed gives the same text. Default: a random one." };
    private readonly Option<string[]> _stop = new("--stop") { HelpName = "text", DefaultValueFactory = _ => [], Description = "Ends the text where this appears; may be repeated." };
    private readonly Option<bool> _ignoreEnd = new("--ignore-end") { Description = "Go on when the model produces an end token." };

    /// <summary>Adds the options.</summary>
    public static SamplingOptions AddTo(Command command)
    {
        SamplingOptions options = new();
        options._maxTokens.MustBe(count => count > 0, "a whole number above 0");
        options._temperature.MustBe(value => value >= 0 && float.IsFinite(value.Value), "0 or more");
        options._topK.MustBe(value => value >= 0, "0 or more");
        options._topP.MustBe(value => value is > 0 and <= 1, "above 0 and at most 1");
        options._minP.MustBe(value => value is >= 0 and <= 1, "from 0 to 1");
        options._repetitionPenalty.MustBe(value => value > 0 && float.IsFinite(value.Value), "above 0");
        options._frequencyPenalty.MustBe(float.IsFinite, "a finite number");
        options._presencePenalty.MustBe(float.IsFinite, "a finite number");
        options._stop.MustBe(texts => texts.All(text => text.Length > 0), "a text that is not empty");
        foreach (Option option in new Option[]
        {
            options._maxTokens, options._temperature, options._topK, options._topP, options._minP, options._repetitionPenalty,
            options._frequencyPenalty, options._presencePenalty, options._seed, options._stop, options._ignoreEnd,
        })
        {
            command.Add(option);
        }

        return options;
    }

    /// <summary>What was asked for.</summary>
    public GenerationOptions ToOptions(ParseResult parsed) => new()
    {
        MaxTokens = parsed.GetValue(_maxTokens),
        Temperature = parsed.GetValue(_temperature),
        TopK = parsed.GetValue(_topK),
        TopP = parsed.GetValue(_topP),
        MinP = parsed.GetValue(_minP),
        RepetitionPenalty = parsed.GetValue(_repetitionPenalty),
        FrequencyPenalty = parsed.GetValue(_frequencyPenalty),
        PresencePenalty = parsed.GetValue(_presencePenalty),
        Seed = parsed.GetValue(_seed),
        StopSequences = parsed.GetValue(_stop)!,
        StopTokenIds = parsed.GetValue(_ignoreEnd) ? [] : null,
    };
}
