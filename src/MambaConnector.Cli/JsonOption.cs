using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary><c>--json</c>: exactly one JSON document on standard output, nothing else.</summary>
internal static class JsonOption
{
    /// <summary>The option.</summary>
    public static Option<bool> Create() => new("--json") { Description = "Write one JSON document, for machines." };
}
