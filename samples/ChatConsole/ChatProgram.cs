using System.CommandLine;
using System.Globalization;
using MambaConnector;
using MambaConnector.Models;
using Spectre.Console;

namespace ChatConsole;

/// <summary>The program: its command line, the model, and how it ends.</summary>
internal static class ChatProgram
{
    /// <summary>Runs the program.</summary>
    /// <returns>The exit code: 0, 1 (failed; standard error says why) or 2 (bad usage).</returns>
    public static async Task<int> RunAsync(string[] arguments, TextReader input, TextWriter output, TextWriter error, bool isTerminal)
    {
        Option<string?> path = new("--model") { HelpName = "path", Description = $"A model directory or GGUF file. Default: the embedded {Mamba2Chat.Name}." };
        Option<string?> prompt = new("--prompt") { HelpName = "text", Description = "Say this, write the reply as plain text and end." };
        Option<string?> system = new("--system") { HelpName = "text", Description = "Instructions that stand before the first message." };
        Option<int> maxTokens = new("--max-tokens") { HelpName = "n", DefaultValueFactory = _ => 256, Description = "Tokens of a reply at most." };
        Option<float?> temperature = new("--temperature") { HelpName = "t", Description = "0 is greedy. Default: the model's own." };
        Option<long?> seed = new("--seed") { HelpName = "s", Description = "The same seed gives the same replies. Default: a random one." };
        RootCommand root = new("Talks to a Mamba model.") { path, prompt, system, maxTokens, temperature, seed };
        root.SetAction(async parsed =>
        {
            IChatView view = isTerminal && parsed.GetValue(prompt) is null
                ? new TerminalView(AnsiConsole.Console)
                : new PlainView(input, output, error);
            ChatSessionOptions options = new()
            {
                SystemPrompt = parsed.GetValue(system),
                Generation = new GenerationOptions
                {
                    MaxTokens = parsed.GetValue(maxTokens),
                    Temperature = parsed.GetValue(temperature),
                    Seed = parsed.GetValue(seed),
                },
            };
            using MambaModel model = parsed.GetValue(path) is string file ? MambaModel.Load(file) : Mamba2Chat.Load();
            using Conversation conversation = new(model, options, view);
            if (parsed.GetValue(prompt) is string message)
            {
                return await conversation.ReplyAsync(message) ? 0 : 1;
            }

            view.Welcome(parsed.GetValue(path) ?? Mamba2Chat.Name, Describe(model, isEmbedded: parsed.GetValue(path) is null));
            return await conversation.RunAsync() ? 0 : 1;
        });

        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            await error.WriteLineAsync($"ChatConsole: {parsed.Errors[0].Message.TrimEnd('.')}. --help lists the options.");
            return 2;
        }

        if (parsed.GetValue(maxTokens) < 1 || parsed.GetValue(temperature) is float.NaN or < 0)
        {
            await error.WriteLineAsync("ChatConsole: --max-tokens must be 1 or more, and --temperature 0 or more. --help lists the options.");
            return 2;
        }

        try
        {
            // No timeout: Ctrl+C is for the reply, see ReplyInterrupt.
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            await error.WriteLineAsync($"ChatConsole: {exception.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    /// <summary>Whether a failure explains itself in a sentence: bad files, bad options, a library that is not there. Others are defects.</summary>
    public static bool IsExpected(Exception exception) =>
        exception is MambaException or MambaNativeLibraryException or InvalidDataException or IOException or UnauthorizedAccessException
            or InvalidOperationException or ArgumentException or FormatException or NotSupportedException;

    private static string Describe(MambaModel model, bool isEmbedded)
    {
        MambaEngineInfo engine = model.EngineInfo;
        string limits = isEmbedded ? "\nIt is very small: good for small talk and stories, wrong about facts." : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{model.Info.ParameterCount / 1e6:N1}M parameters, {model.Info.WeightType}, on {engine.Device}{(engine.ThreadCount > 0 ? $" ({engine.Isa}, {engine.ThreadCount} threads)" : "")}. Memory of a conversation: {model.Info.StateBytes / 1e6:N1} MB, at any length.{limits}");
    }
}
