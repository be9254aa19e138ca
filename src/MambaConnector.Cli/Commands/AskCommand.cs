using System.CommandLine;
using MambaConnector.Cli.Documents;
using MambaConnector.Cli.Output;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba ask</c>: a question about a document that is read once, however many questions there are.</summary>
internal static class AskCommand
{
    public static Command Create(ToolConsole console)
    {
        Argument<string> question = new("question") { Description = "The question." };
        Option<string> mode = KebabChoice.Create<DocumentQuestionMode>(
            "--mode", "Which state answers. auto: the whole document's up to the model's training length, else the most certain section's.");
        Option<int> certaintyTokens = new("--certainty-tokens")
        {
            HelpName = "n",
            DefaultValueFactory = _ => new DocumentQuestionOptions().CertaintyTokens,
            Description = "Tokens of a section's answer that tell how certain it is, at most.",
        };
        certaintyTokens.MustBe(count => count > 0, "a whole number above 0");
        Option<string?> noAnswer = new("--no-answer")
        {
            HelpName = "text",
            Description = "What a section is told to say where it does not hold the answer, as in none; those that do are passed over.",
        };
        Option<bool> json = JsonOption.Create();
        Command command = new("ask", "Answers a question about a document, which is read only once.");
        DocumentOptions document = DocumentOptions.AddTo(command);
        command.Add(question);
        command.Add(mode);
        command.Add(certaintyTokens);
        command.Add(noAnswer);
        WritingOptions writing = WritingOptions.AddTo(command, "the answer; default: 128 tokens,");
        command.Add(json);
        question.Validators.Add(result =>
        {
            if (string.IsNullOrWhiteSpace(result.GetValueOrDefault<string>()))
            {
                result.AddError("The question is empty");
            }
        });
        noAnswer.MustBe(text => !string.IsNullOrWhiteSpace(text), "a text that is not empty");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            DocumentQuestionOptions options = new()
            {
                Mode = KebabChoice.Get<DocumentQuestionMode>(parsed, mode),
                CertaintyTokens = parsed.GetValue(certaintyTokens),
                NoAnswer = parsed.GetValue(noAnswer),
                Generation = writing.ToOptions(parsed),
            };
            using OpenDocument open = await document.OpenAsync(parsed, console, cancellationToken);
            string asked = parsed.GetValue(question)!;
            bool isForMachines = parsed.GetValue(json);
            TextWriter output = isForMachines ? TextWriter.Null : console.Out;
            DocumentAnswer answer = await AnswerAsync(open.Index, asked, options, console, output, cancellationToken);
            if (isForMachines)
            {
                console.WriteJson(ToDocument(open, asked, answer), ToolJson.Instance.AskDocument);
            }
            else if (answer.Section is { } section)
            {
                await console.Out.WriteLineAsync($"(from {SectionText.Describe(section)})");
            }

            return Tool.Success;
        });
        return command;
    }

    private static async Task<DocumentAnswer> AnswerAsync(
        DocumentIndex index, string question, DocumentQuestionOptions options, ToolConsole console, TextWriter output,
        CancellationToken cancellationToken)
    {
        await using IAsyncEnumerator<DocumentAnswerUpdate> updates =
            new DocumentQuestions(index).AskStreamingAsync(question, options, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await console.WithNotedProgressAsync("Choosing", async progress =>
        {
            for (int count = 1; await updates.MoveNextAsync() && updates.Current.Phase == DocumentAnswerPhase.Choosing; count++)
            {
                progress.Report(new WorkDone((double)count / index.Sections.Count, updates.Current.Section!.Section.Title));
            }
        });
        do
        {
            await output.WriteAsync(updates.Current.Text);
        }
        while (updates.Current.Answer is null && await updates.MoveNextAsync());

        await output.WriteLineAsync();
        return updates.Current.Answer!;
    }

    private static AskDocument ToDocument(OpenDocument open, string question, DocumentAnswer answer) => new(
        open.ModelName, open.File, open.Index.Path, open.Index.Length, open.Index.TokenCount, open.WasRead, question, KebabChoice.NameOf(answer.Mode),
        answer.Text, answer.FinishReason.ToString().ToLowerInvariant(), answer.Entropy,
        answer.Section is { } section ? SectionDocument.Of(section) : null,
        [.. answer.Sections.Select(certainty => new SectionCertaintyDocument(certainty.Section.Index, certainty.Entropy))]);
}
