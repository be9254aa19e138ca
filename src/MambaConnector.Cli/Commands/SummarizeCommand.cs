using System.CommandLine;
using MambaConnector.Cli.Documents;
using MambaConnector.Cli.Output;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba summarize</c>: a document of any length, and the sections that its summary comes from.</summary>
internal static class SummarizeCommand
{
    public static Command Create(ToolConsole console)
    {
        DocumentSummaryOptions defaults = new();
        Option<string> strategy = KebabChoice.Create<DocumentSummaryStrategy>(
            "--strategy", "Each section and then their summaries, the whole document at once, or one summary carried on from section to section.");
        Option<string> style = KebabChoice.Create<DocumentSummaryStyle>("--style", "The form of summaries.");
        Option<int> words = CreateWords("--words", defaults.Words, "Words that the summary is asked to have.");
        Option<int> sectionWords = CreateWords("--section-words", defaults.SectionWords, "Words that a section's summary is asked to have.");
        Option<string?> language = new("--language") { HelpName = "name", Description = "The language to write in, as in German." };
        Option<string?> focus = new("--focus") { HelpName = "what", Description = "What to pay attention to, as in \"the prices\"." };
        Option<bool> sections = new("--sections") { Description = "Write the summaries of sections too." };
        Option<bool> json = JsonOption.Create();
        Command command = new("summarize", "Summarizes a document of any length, and says from which sections.");
        DocumentOptions document = DocumentOptions.AddTo(command);
        foreach (Option option in new Option[] { strategy, style, words, sectionWords, language, focus, sections })
        {
            command.Add(option);
        }

        WritingOptions writing = WritingOptions.AddTo(command, "each text; default: 3 a word asked for, and 32,");
        command.Add(json);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            DocumentSummaryOptions options = new()
            {
                Strategy = KebabChoice.Get<DocumentSummaryStrategy>(parsed, strategy),
                Style = KebabChoice.Get<DocumentSummaryStyle>(parsed, style),
                Words = parsed.GetValue(words),
                SectionWords = parsed.GetValue(sectionWords),
                Language = parsed.GetValue(language),
                Focus = parsed.GetValue(focus),
                Generation = writing.ToOptions(parsed),
            };
            using OpenDocument open = await document.OpenAsync(parsed, console, cancellationToken);
            bool isForMachines = parsed.GetValue(json);
            SummaryWriter writer = new(console, isForMachines ? TextWriter.Null : console.Out, parsed.GetValue(sections) && !isForMachines);
            DocumentSummary summary = await writer.WriteAsync(
                new DocumentSummarizer().SummarizeStreamingAsync(open.Index, options, cancellationToken), open.Index.Sections.Count);
            if (isForMachines)
            {
                console.WriteJson(ToDocument(open, summary), ToolJson.Instance.SummarizeDocument);
            }

            return Tool.Success;
        });
        return command;
    }

    private static Option<int> CreateWords(string name, int initial, string description)
    {
        Option<int> option = new(name) { HelpName = "n", DefaultValueFactory = _ => initial, Description = description };
        option.MustBe(count => count > 0, "a whole number above 0");
        return option;
    }

    private static SummarizeDocument ToDocument(OpenDocument open, DocumentSummary summary) => new(
        open.ModelName, open.File, open.Index.Path, open.Index.Length, open.Index.TokenCount, open.WasRead, KebabChoice.NameOf(summary.Strategy),
        summary.Text, summary.FinishReason.ToString().ToLowerInvariant(), [.. summary.Sections.Select(SectionDocument.Of)],
        [.. summary.SectionSummaries.Select(section => new SectionSummaryDocument(section.Section.Index, section.Text))]);
}
