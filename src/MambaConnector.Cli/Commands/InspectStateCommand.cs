using System.CommandLine;
using MambaConnector.Cli.Inspection;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba inspect state</c>: what the heads of a state look like while a text is read.</summary>
internal static class InspectStateCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<long> length = TokenLengths.CreateOption("--length", "Tokens to read, as in 8192 or 64k. Default: the whole text.");
        Option<int> every = new("--every") { HelpName = "n", DefaultValueFactory = _ => 256, Description = "Tokens between two looks at the state." };
        every.MustBe(count => count > 0, "a whole number above 0");
        Option<int> top = new("--top") { HelpName = "k", DefaultValueFactory = _ => 8, Description = "Heads in the table and in --over-time." };
        top.MustBe(count => count > 0, "a whole number above 0");
        Option<HeadOrder> order = new("--by")
        {
            HelpName = "what",
            Description = "What makes a head extreme: norm, variance, outlier, retention or growth.",
        };
        order.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, [.. Enum.GetNames<HeadOrder>().Select(name => name.ToLowerInvariant())]);
        Option<string?> overTime = new("--over-time") { HelpName = "file.svg", Description = "Draw the norms of the most extreme heads over time." };
        overTime.MustBe(path => path is null || path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase), "a name that ends in .svg");
        Option<bool> json = JsonOption.Create();
        Command command = new("state", "Shows mean, variance, norm and outlying channels of a state while a text is read.");
        InputText input = InputText.AddTo(command, console, withTokens: true);
        foreach (Option option in new Option[] { length, every, top, order, overTime, json })
        {
            command.Add(option);
        }

        OutputFiles files = OutputFiles.AddTo(command);
        ModelOptions model = ModelOptions.AddTo(command);
        PolicyOptions policy = PolicyOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            files.Check(parsed);
            OutputFiles.CheckFolder(parsed.GetValue(overTime));
            using MambaModel loaded = model.Load(parsed, policy.Describe(parsed, model.ToOptions(parsed)) with { RollbackTokens = 0 });
            using MambaSession session = loaded.CreateSession();
            ReadOnlyMemory<int> tokens = ReadLength.Take(input.Tokens(parsed) ?? session.Encode(input.Text(parsed)), parsed.GetValue(length));
            policy.Apply(parsed, session, tokens.Length);
            session.TracksDecay = true;
            StateHistory? history = null;
            console.WithProgress("Reading", progress =>
                history = StateSampler.Read(session, tokens.Span, parsed.GetValue(every), progress, cancellationToken));
            StateReport report = new(
                model.Name(parsed), session.Policy.ToString(), parsed.GetValue(every), loaded.Info.TrainingLength, history!, parsed.GetValue(order),
                parsed.GetValue(top));
            files.Write(parsed, report.DrawHeatMap, report.ToTable);
            if (parsed.GetValue(overTime) is string path)
            {
                AtomicOutput.Write(path, report.DrawOverTime);
            }

            if (parsed.GetValue(json))
            {
                console.WriteJson(report.ToDocument(), ToolJson.Instance.StateDocument);
            }
            else
            {
                report.Print(console.Out);
            }

            return Task.FromResult(Tool.Success);
        });
        return command;
    }
}
