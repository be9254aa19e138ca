using System.CommandLine;
using System.Globalization;
using MambaConnector.Cli.Output;
using MambaConnector.Cli.Scoring;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba score</c>: the log-probability of each token.</summary>
internal static class ScoreCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<int> top = new("--top") { HelpName = "k", Description = "Give the k most likely tokens at each position as well." };
        top.MustBe(count => count >= 0, "0 or more");
        Option<string?> sessionFile = SessionFile.CreateOption();
        Option<bool> json = JsonOption.Create();
        Command command = new("score", "Gives the log-probability of each token of a text.");
        InputText input = InputText.AddTo(command, console, withTokens: true);
        command.Add(top);
        command.Add(sessionFile);
        command.Add(json);
        ModelOptions model = ModelOptions.AddTo(command);
        PolicyOptions policy = PolicyOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            using MambaModel loaded = model.Load(parsed, policy.Describe(parsed, model.ToOptions(parsed)));
            using MambaSession session = SessionFile.Open(loaded, parsed.GetValue(sessionFile));
            int[] tokens = input.Tokens(parsed) ?? session.Encode(input.Text(parsed));
            policy.Apply(parsed, session, tokens.Length);
            SequenceScore score = new([], []);
            console.WithProgress(
                "Scoring", progress => score = SequenceScorer.Score(session, tokens, parsed.GetValue(top), progress, cancellationToken));
            SessionFile.Save(session, parsed.GetValue(sessionFile));
            ScoreDocument document = new(
                model.Name(parsed), tokens.Length, tokens, score.LogProbabilities, score.Top, score.MeanNegativeLogLikelihood);
            if (parsed.GetValue(json))
            {
                console.WriteJson(document, ToolJson.Instance.ScoreDocument);
            }
            else
            {
                Print(console.Out, document, loaded.HasTokenizer ? loaded.Tokenizer : null);
            }

            return Task.FromResult(Tool.Success);
        });
        return command;
    }

    private static void Print(TextWriter output, ScoreDocument document, MambaTokenizer? tokenizer)
    {
        for (int position = 0; position < document.TokenCount; position++)
        {
            int id = document.Tokens[position];
            string logProbability = document.LogProbabilities[position] is double value ? value.ToString("F4", CultureInfo.InvariantCulture) : "-";
            output.Write($"{position,7} {id,7} {logProbability,9}  {Spell(tokenizer, id)}");
            foreach (TokenLogProbability entry in document.Top.ElementAtOrDefault(position) ?? [])
            {
                output.Write(string.Create(CultureInfo.InvariantCulture, $"  {Spell(tokenizer, entry.Id)} {entry.LogProbability:F2}"));
            }

            output.WriteLine();
        }

        output.WriteLine(document.MeanNegativeLogLikelihood is double mean
            ? string.Create(CultureInfo.InvariantCulture, $"{document.TokenCount} tokens, mean loss {mean:F4} nats")
            : $"{document.TokenCount} tokens, none of them with tokens before it to be scored by");
    }

    // Rows of the head that pad it have no token.
    private static string Spell(MambaTokenizer? tokenizer, int id) => id < tokenizer?.VocabularySize ? tokenizer.GetToken(id) : $"<{id}>";
}
