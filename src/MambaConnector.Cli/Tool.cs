using System.CommandLine;
using System.CommandLine.Parsing;
using MambaConnector.Cli.Commands;

namespace MambaConnector.Cli;

/// <summary>The <c>mamba</c> tool: its verbs, and what their outcomes mean to a script.</summary>
internal static class Tool
{
    /// <summary>It did what was asked.</summary>
    public const int Success = 0;

    /// <summary>It failed; standard error has one sentence.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong.</summary>
    public const int BadUsage = 2;

    /// <summary>Runs one command line.</summary>
    /// <param name="arguments">What follows the program's name.</param>
    /// <param name="console">Where to read from and write to.</param>
    /// <param name="cancellationToken">Stops the work; Ctrl+C does too.</param>
    /// <returns>The exit code: 0, 1 or 2.</returns>
    public static async Task<int> RunAsync(string[] arguments, ToolConsole console, CancellationToken cancellationToken = default)
    {
        ParseResult parsed = CreateRootCommand(console).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            // What was mistyped explains the rest; our own checks come after the parser's.
            ParseError error = parsed.Errors.FirstOrDefault(error => parsed.UnmatchedTokens.Any(error.Message.Contains)) ?? parsed.Errors[^1];
            string help = string.Join(' ', ["mamba", .. parsed.CommandResult.Path(), "--help"]);
            return Report(console, $"{error.Message.TrimEnd('.')}. See '{help}'.", BadUsage);
        }

        try
        {
            InvocationConfiguration invocation = new() { Output = console.Out, Error = console.Error, EnableDefaultExceptionHandler = false };
            return await parsed.InvokeAsync(invocation, cancellationToken);
        }
        catch (UsageException exception)
        {
            return Report(console, exception.Message, BadUsage);
        }
        catch (OperationCanceledException)
        {
            return Report(console, "Cancelled.", Failure);
        }
#pragma warning disable CA1031 // the last line of defence of a program: whatever failed becomes one sentence and an exit code
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Report(console, exception.Message, Failure);
        }
    }

    private static RootCommand CreateRootCommand(ToolConsole console) => new("Runs Mamba (state space) language models.")
    {
        ChatCommand.Create(console),
        GenerateCommand.Create(console),
        SummarizeCommand.Create(console),
        AskCommand.Create(console),
        ScoreCommand.Create(console),
        TokenizeCommand.Create(console),
        new Command("inspect", "Shows what is inside a model, and inside its state.")
        {
            InspectModelCommand.Create(console),
            InspectCapacityCommand.Create(console),
            InspectStateCommand.Create(console),
            InspectDynamicsCommand.Create(console),
        },
        ConvertCommand.Create(console),
        QuantizeCommand.Create(console),
        BenchCommand.Create(console),
        DevicesCommand.Create(console),
        new Command("eval", "Measures what a model makes of long texts, and what long-context policies change about it.")
        {
            EvalLossCommand.Create(console), EvalLossCommand.CreateForNewlines(console), EvalPasskeyCommand.Create(console),
            EvalRetrievalCommand.Create(console), EvalMergeCommand.Create(console),
            EvalCalibrateCommand.Create(console),
        },
    };

    private static int Report(ToolConsole console, string message, int exitCode)
    {
        console.Error.WriteLine($"mamba: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
