using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>The options of verbs that read long texts: <c>--policy</c>, and <c>--training-length</c>, which <c>auto</c> needs.</summary>
internal sealed class PolicyOptions
{
    private readonly Option<string?> _policy = new("--policy")
    {
        HelpName = "text",
        Description = "What is done against a state that collapses on long texts: none, auto, window:4096, difference:4096, forget:0.9999,0.75, " +
            "delta:0.5, decay:0.8, norm:FILE,1 or filter:FILE. Default: none; of a session that was saved, its own.",
    };

    private readonly Option<long?> _trainingLength = TrainingLengthOption.Create(
        "The length that the model was trained on, for --policy auto. Default: what the model says.");

    /// <summary>Adds them.</summary>
    public static PolicyOptions AddTo(Command command)
    {
        PolicyOptions options = new();
        command.Add(options._policy);
        command.Add(options._trainingLength);
        return options;
    }

    /// <summary>The policy that was asked for; null: none was named.</summary>
    /// <exception cref="UsageException">The text is no policy, or it names a file that holds none.</exception>
    public LongContextPolicy? Get(ParseResult parsed)
    {
        try
        {
            return parsed.GetValue(_policy) is string text ? LongContextPolicy.Parse(text) : null;
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException or MambaFormatException)
        {
            throw new UsageException($"--policy: {exception.Message.ReplaceLineEndings(" ")}");
        }
    }

    /// <summary>The options of a model with the training length that was given.</summary>
    public MambaModelOptions Describe(ParseResult parsed, MambaModelOptions options) =>
        parsed.GetValue(_trainingLength) is long length ? options with { TrainingLength = length } : options;

    /// <summary>Gives a session the policy that was asked for, if one was.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="session">What is to read the prompt.</param>
    /// <param name="promptTokens">Tokens that it reads next.</param>
    public void Apply(ParseResult parsed, MambaSession session, long promptTokens)
    {
        if (Get(parsed) is LongContextPolicy policy)
        {
            session.Policy = policy.ForPrompt(session.TokenCount + promptTokens);
        }
    }
}
