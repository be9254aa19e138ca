using System.CommandLine;
using System.Text.Json;

namespace MambaConnector.Cli.Documents;

/// <summary>An option whose values are an enumeration's names, written as in <c>single-pass</c>.</summary>
internal static class KebabChoice
{
    /// <summary>Creates it.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="description">What it says, without the names.</param>
    public static Option<string> Create<T>(string name, string description)
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetValues<T>().Select(NameOf)];
        Option<string> option = new(name)
        {
            HelpName = string.Join('|', names),
            DefaultValueFactory = _ => names[0],
            Description = description,
        };
        return option.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, names);
    }

    /// <summary>The value that was chosen.</summary>
    public static T Get<T>(ParseResult parsed, Option<string> option)
        where T : struct, Enum =>
        Enum.GetValues<T>().Single(value => string.Equals(NameOf(value), parsed.GetValue(option), StringComparison.OrdinalIgnoreCase));

    /// <summary>How a value is written.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
