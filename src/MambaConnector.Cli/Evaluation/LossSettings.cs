using System.CommandLine;

namespace MambaConnector.Cli.Evaluation;

/// <summary>The options that <c>eval loss</c> and <c>eval newlines</c> share.</summary>
internal sealed class LossSettings
{
    // The paper's step for analysis is 512 tokens of 8,192 trained with.
    private const int DefaultSteps = 16;
    private const long DefaultWidth = 512;
    private const long MinimumWidth = 64;

    private readonly Option<long> _length = TokenLengths.CreateOption(
        "--length", "Tokens to read, as in 65536, 64k or 1M. Default: 16 times the training length; where that is not known, 64k.");

    private readonly Option<long> _bucket = TokenLengths.CreateOption(
        "--bucket",
        "Positions of a step that the loss is averaged over for the verdict; the plot shows steps then. Default: a 16th of the training length.");

    private readonly Option<bool> _state = new("--state")
    {
        Description = "Compare the norms of the state's heads with their maxima within the training length, for each bucket behind it.",
    };

    /// <summary>Adds them to a verb.</summary>
    public static LossSettings AddTo(Command command)
    {
        LossSettings settings = new();
        command.Add(settings._length);
        command.Add(settings._bucket);
        command.Add(settings._state);
        return settings;
    }

    /// <summary>Tokens to read.</summary>
    public long Length(ParseResult parsed, MambaModelInfo model) =>
        parsed.GetValue(_length) is > 0 and long given ? given : model.TrainingLength is > 0 and long trained ? 16 * trained : 65536;

    /// <summary>Positions of a step.</summary>
    public long Width(ParseResult parsed, MambaModelInfo model) =>
        parsed.GetValue(_bucket) is > 0 and long given ? given
        : model.TrainingLength is > 0 and long trained ? Math.Max(MinimumWidth, trained / DefaultSteps)
        : DefaultWidth;

    /// <summary>Whether the state is looked at too.</summary>
    public bool WatchesState(ParseResult parsed) => parsed.GetValue(_state);

    /// <summary>Whether steps are to be drawn, instead of powers of two.</summary>
    public bool DrawsSteps(ParseResult parsed) => parsed.GetValue(_bucket) > 0;
}
