using System.CommandLine.Parsing;

namespace MambaConnector.Cli;

/// <summary>The words that lead to a command.</summary>
internal static class CommandPath
{
    /// <summary>The names from below the root down to the command, for example <c>inspect</c>, <c>model</c>.</summary>
    public static IEnumerable<string> Path(this CommandResult command) =>
        command.Parent is CommandResult parent ? parent.Path().Append(command.Command.Name) : [];
}
