using System.CommandLine;
using System.CommandLine.Parsing;

namespace MambaConnector.Cli.Output;

/// <summary><c>--plot FILE.svg</c> and <c>--csv FILE.csv</c>: the result as a picture and as a table, beside what is printed.</summary>
internal sealed class OutputFiles
{
    private readonly Option<string?> _plot = new("--plot") { HelpName = "file.svg", Description = "Draw the result into this file." };
    private readonly Option<string?> _csv = new("--csv") { HelpName = "file.csv", Description = "Write the result as a table into this file." };

    /// <summary>Adds both options.</summary>
    public static OutputFiles AddTo(Command command)
    {
        OutputFiles files = new();
        files._plot.MustBe(path => path is null || path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase), "a name that ends in .svg");
        files._csv.MustBe(path => path is null || path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase), "a name that ends in .csv");
        command.Add(files._plot);
        command.Add(files._csv);
        return files;
    }

    /// <summary>Whether one of them is wanted.</summary>
    public bool IsGiven(CommandResult command) => command.GetResult(_plot) is not null || command.GetResult(_csv) is not null;

    /// <summary>Refuses folders that are not there, before long work begins.</summary>
    public void Check(ParseResult parsed)
    {
        foreach (string? path in new[] { parsed.GetValue(_plot), parsed.GetValue(_csv) })
        {
            CheckFolder(path);
        }
    }

    /// <summary>Refuses a file in a folder that is not there.</summary>
    public static void CheckFolder(string? path)
    {
        if (path is not null && Path.GetDirectoryName(Path.GetFullPath(path)) is string folder && !Directory.Exists(folder))
        {
            throw new UsageException($"There is no folder '{folder}' for '{path}'.");
        }
    }

    /// <summary>Writes what was asked for, whole or not at all.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="drawPlot">Draws the picture.</param>
    /// <param name="createTable">Makes the table.</param>
    public void Write(ParseResult parsed, Action<Stream> drawPlot, Func<CsvTable> createTable)
    {
        if (parsed.GetValue(_plot) is string plot)
        {
            AtomicOutput.Write(plot, drawPlot);
        }

        if (parsed.GetValue(_csv) is string csv)
        {
            AtomicOutput.Write(csv, createTable().Write);
        }
    }
}
