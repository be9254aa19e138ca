using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>Options that count something.</summary>
internal static class CountOption
{
    /// <summary>An option whose value is a whole number above 0.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="initial">The value where it is not given.</param>
    /// <param name="description">For the help.</param>
    public static Option<int> Create(string name, int initial, string description)
    {
        Option<int> option = new(name) { HelpName = "n", DefaultValueFactory = _ => initial, Description = description };
        option.MustBe(count => count > 0, "a whole number above 0");
        return option;
    }
}
