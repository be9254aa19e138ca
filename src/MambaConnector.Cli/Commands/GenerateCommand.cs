using System.CommandLine;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba generate</c>: continues a text.</summary>
internal static class GenerateCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> prompt = new("--prompt", "-p") { HelpName = "text", Description = "The text to continue." };
        Option<int[]?> tokens = TokenIds.CreateOption();
        Option<string?> sessionFile = SessionFile.CreateOption();
        Option<bool> json = JsonOption.Create();
        Command command = new("generate", "Continues a text.") { prompt, tokens, sessionFile, json };
        SamplingOptions sampling = SamplingOptions.AddTo(command);
        ModelOptions model = ModelOptions.AddTo(command);
        PolicyOptions policy = PolicyOptions.AddTo(command);
        command.Validators.Add(result =>
        {
            int inputs = new Option[] { prompt, tokens }.Count(option => result.GetResult(option) is not null);
            if (inputs > 1 || (inputs == 0 && result.GetResult(sessionFile) is null))
            {
                result.AddError("Give --prompt or --tokens, or neither to go on with a --session");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using MambaModel loaded = model.Load(parsed, policy.Describe(parsed, model.ToOptions(parsed)));
            using MambaSession session = SessionFile.Open(loaded, parsed.GetValue(sessionFile));
            int[] promptIds = TokenIds.Of(parsed, tokens) ?? (parsed.GetValue(prompt) is string text ? session.Encode(text) : []);
            policy.Apply(parsed, session, promptIds.Length);
            bool isForMachines = parsed.GetValue(json);
            GeneratedText generated = await GeneratedText.ReadAsync(
                session.GenerateAsync(promptIds, sampling.ToOptions(parsed), cancellationToken), isForMachines ? TextWriter.Null : console.Out);
            SessionFile.Save(session, parsed.GetValue(sessionFile));
            if (isForMachines)
            {
                console.WriteJson(
                    new GenerateDocument(promptIds, generated.Tokens, generated.Text, generated.FinishReasonName), ToolJson.Instance.GenerateDocument);
            }

            return Tool.Success;
        });
        return command;
    }
}
