using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace MambaConnector.Cli;

/// <summary>Token ids on the command line: <c>5,17,9</c>.</summary>
internal static class TokenIds
{
    /// <summary>An option that takes token ids.</summary>
    public static Option<int[]?> CreateOption() => new("--tokens")
    {
        HelpName = "ids",
        Description = "Token ids, separated by commas.",
        CustomParser = Parse,
    };

    /// <summary>The ids, or null where the option was not given: then the parser's value is an empty array.</summary>
    public static int[]? Of(ParseResult parsed, Option<int[]?> option) => parsed.GetResult(option) is null ? null : parsed.GetValue(option);

    private static int[]? Parse(ArgumentResult argument)
    {
        string text = argument.Tokens[0].Value;
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        int[] ids = new int[parts.Length];
        for (int index = 0; index < parts.Length; index++)
        {
            if (!int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out ids[index]))
            {
                argument.AddError($"--tokens takes ids separated by commas, as in 5,17,9; '{parts[index]}' is none");
                return null;
            }
        }

        return ids;
    }
}
