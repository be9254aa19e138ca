using System.CommandLine;

namespace MambaConnector.Cli.Documents;

/// <summary>How texts about documents are written: greedily, unless something else is asked for.</summary>
internal sealed class WritingOptions
{
    private readonly Option<int?> _maxTokens;
    private readonly Option<float?> _temperature = new("--temperature") { HelpName = "t", Description = "Default: 0, which is greedy." };
    private readonly Option<float?> _repetitionPenalty = new("--repetition-penalty")
    {
        HelpName = "r",
        Description = "Above 1 discourages repetition.",
    };

    private readonly Option<long?> _seed = new("--seed")
    {
        HelpName = "s",
        Description = "With a temperature: other seeds give other texts. Default: 0.",
    };

    private WritingOptions(string ofWhat) =>
        _maxTokens = new("--max-tokens", "-n") { HelpName = "n", Description = $"Tokens of {ofWhat} at most." };

    /// <summary>Adds the options.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="ofWhat">What <c>--max-tokens</c> limits, and what it is otherwise.</param>
    public static WritingOptions AddTo(Command command, string ofWhat)
    {
        WritingOptions options = new(ofWhat);
        options._maxTokens.MustBe(count => count > 0, "a whole number above 0");
        options._temperature.MustBe(value => value >= 0 && float.IsFinite(value.Value), "0 or more");
        options._repetitionPenalty.MustBe(value => value > 0 && float.IsFinite(value.Value), "above 0");
        foreach (Option option in new Option[] { options._maxTokens, options._temperature, options._repetitionPenalty, options._seed })
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
        RepetitionPenalty = parsed.GetValue(_repetitionPenalty),
        Seed = parsed.GetValue(_seed),
    };
}
