using System.CommandLine;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba chat</c>: a conversation; each line of the input is a message.</summary>
internal static class ChatCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> prompt = new("--prompt", "-p") { HelpName = "text", Description = "Say this, write the reply and end." };
        Option<string?> system = new("--system") { HelpName = "text", Description = "Instructions that stand before the first message." };
        Option<string?> sessionFile = SessionFile.CreateOption();
        Option<bool> json = JsonOption.Create();
        Command command = new("chat", "Talks; each line of the input is a message.") { prompt, system, sessionFile, json };
        SamplingOptions sampling = SamplingOptions.AddTo(command);
        ModelOptions model = ModelOptions.AddTo(command);
        PolicyOptions policy = PolicyOptions.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(json) is not null && result.GetResult(prompt) is null)
            {
                result.AddError("--json needs --prompt: it is one reply's document");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            ChatSessionOptions options = new() { SystemPrompt = parsed.GetValue(system), Generation = sampling.ToOptions(parsed) };
            string? path = parsed.GetValue(sessionFile);
            using MambaModel loaded = model.Load(parsed, policy.Describe(parsed, model.ToOptions(parsed)));
            using ChatSession chat = File.Exists(path) ? ChatSession.Load(loaded, path, options) : new ChatSession(loaded, options);
            chat.Policy = policy.Get(parsed) switch
            {
                null => chat.Policy,
                TokenFilterTablePolicy => throw new UsageException("--policy filter is for one prompt, and a conversation has many: leave it out."),
                LongContextPolicy asked => asked,
            };
            if (parsed.GetValue(prompt) is not string message)
            {
                await ConverseAsync(chat, path, console, cancellationToken);
                return Tool.Success;
            }

            bool isForMachines = parsed.GetValue(json);
            GeneratedText reply = await ReplyAsync(chat, message, path, isForMachines ? TextWriter.Null : console.Out, cancellationToken);
            if (isForMachines)
            {
                console.WriteJson(
                    new ChatDocument(reply.Tokens, reply.Text, reply.FinishReasonName, chat.Statistics.TokenCount), ToolJson.Instance.ChatDocument);
            }

            return Tool.Success;
        });
        return command;
    }

    private static async Task ConverseAsync(ChatSession chat, string? path, ToolConsole console, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (console.IsInputTerminal)
            {
                await console.Error.WriteAsync("> ");
            }

            if (await console.In.ReadLineAsync(cancellationToken) is not string message)
            {
                return;
            }

            if (message.Length > 0)
            {
                await ReplyAsync(chat, message, path, console.Out, cancellationToken);
            }
        }
    }

    // Saved after each reply, so that nothing is lost however the program ends.
    private static async Task<GeneratedText> ReplyAsync(
        ChatSession chat, string message, string? path, TextWriter output, CancellationToken cancellationToken)
    {
        GeneratedText reply = await GeneratedText.ReadAsync(chat.SendTokensAsync(message, null, cancellationToken), output);
        if (path is not null)
        {
            chat.Save(path);
        }

        return reply;
    }
}
