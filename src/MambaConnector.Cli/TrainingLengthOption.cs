using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>The option <c>--training-length</c>.</summary>
internal static class TrainingLengthOption
{
    /// <summary>Creates it.</summary>
    public static Option<long?> Create(string description)
    {
        Option<long?> option = new("--training-length") { HelpName = "tokens", Description = description };
        option.MustBe(length => length > 0, "a whole number above 0");
        return option;
    }
}
