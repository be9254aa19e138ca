using MambaConnector.Documents.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents.Tests.Functions;

public sealed class DocumentFunctionsTests : IDisposable
{
    private static readonly DocumentFunctionOptions _options = new()
    {
        MaxCharacters = 100,
        Summary = new DocumentSummaryOptions { Generation = new GenerationOptions { MaxTokens = 6 } },
        Question = new DocumentQuestionOptions { Mode = DocumentQuestionMode.BestSection, Generation = new GenerationOptions { MaxTokens = 6 } },
    };

    private readonly ChatModel _tiny = new();

    [Fact]
    public async Task AnAgentListsReadsSummarisesAndAsks()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        IList<AIFunction> functions = DocumentFunctions.Create(index, _options);

        Assert.Equal(["list_sections", "read_document", "summarize_section", "ask_document"], functions.Select(function => function.Name));
        Assert.Equal("0: The harbour\n1: The market\n2: The mill\n", await CallAsync(functions[0]));
        string part = await CallAsync(functions[1], ("section", 1));
        Assert.StartsWith("The market", part, StringComparison.Ordinal);
        Assert.Contains("go on with offset = ", part, StringComparison.Ordinal);
        DocumentSummary summary = await new DocumentSummarizer().SummarizeAsync(index, _options.Summary);
        Assert.Equal(summary.SectionSummaries[1].Text, await CallAsync(functions[2], ("section", 1)));
        DocumentAnswer answer = await new DocumentQuestions(index).AskAsync("Who?", _options.Question);
        Assert.Equal(
            $"{answer.Text}\n\n(From section {answer.Section!.Index}: {answer.Section.Title}, bytes {answer.Start} to {answer.End})",
            await CallAsync(functions[3], ("question", "Who?")));
        DocumentFunctionOptions whole = _options with { Question = _options.Question with { Mode = DocumentQuestionMode.FullState } };
        Assert.EndsWith(
            $"(From the whole document, bytes 0 to {index.Length})", await CallAsync(DocumentFunctions.Create(index, whole)[3], ("question", "Who?")),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task OptionsOutOfRangeAreRefusedBeforeAnAgentSeesAFunction()
    {
        using DocumentIndex index = await _tiny.ReadAsync("One.");

        Assert.Throws<ArgumentOutOfRangeException>(() => DocumentFunctions.Create(index, _options with { MaxCharacters = 99 }));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => DocumentFunctions.Create(index, _options with { Summary = new DocumentSummaryOptions { SectionWords = 0 } }));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => DocumentFunctions.Create(index, _options with { Question = new DocumentQuestionOptions { CertaintyTokens = 0 } }));
    }

    [Fact]
    public async Task AnAgentThatIsAChatClientOfOursCallsThem()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        AIFunction list = DocumentFunctions.Create(index, _options)[0];
        using IChatClient client = _tiny.Model.AsIChatClient();
        ChatMessage question = new(ChatRole.User, "What is in the document?");
        ChatOptions options = new()
        {
            Tools = [list], ToolMode = ChatToolMode.RequireSpecific("list_sections"), AllowMultipleToolCalls = false, MaxOutputTokens = 400,
            Temperature = 1, Seed = 1,
        };

        ChatResponse response = await client.GetResponseAsync([question], options);
        FunctionCallContent call = Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>());
        object? result = await list.InvokeAsync(new AIFunctionArguments(call.Arguments));
        ChatResponse answer = await client.GetResponseAsync(
            [question, .. response.Messages, new ChatMessage(ChatRole.Tool, [new FunctionResultContent(call.CallId, result)])],
            new ChatOptions { Tools = [list], ToolMode = ChatToolMode.None, MaxOutputTokens = 4 });

        Assert.Equal("list_sections", call.Name);
        Assert.Matches("^(0: The harbour|There is no )", result!.ToString());
        Assert.True(answer.Usage!.InputTokenCount > response.Usage!.InputTokenCount + result.ToString()!.Length);
    }

    [Fact]
    public async Task ReadingOnGivesTheWholeText()
    {
        using DocumentIndex index = await _tiny.ReadAsync($"# Words\n\n{string.Join(' ', Enumerable.Range(0, 100).Select(number => $"word{number}"))}");
        AIFunction read = DocumentFunctions.Create(index, new DocumentFunctionOptions { MaxCharacters = 200 })[1];
        string text = index.GetText(0);

        string whole = "";
        for (int steps = 0; whole.Length < text.Length; steps++)
        {
            Assert.InRange(steps, 0, 9);
            string said = await CallAsync(read, ("section", 0), ("offset", whole.Length));
            int note = said.IndexOf("\n\n(", StringComparison.Ordinal);
            string part = note < 0 ? said : said[..note];
            whole += part;
            string more = $"({text.Length - whole.Length} characters more: go on with offset = {whole.Length}.)";
            Assert.Equal(whole.Length < text.Length ? $"{part}\n\n{more}" : part, said);
        }

        Assert.Equal(text, whole);
    }

    [Fact]
    public async Task WhatIsNotThereIsSaidInASentence()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        using DocumentIndex empty = await _tiny.ReadAsync("", "empty");
        IList<AIFunction> functions = DocumentFunctions.Create(
            new Dictionary<string, DocumentIndex> { ["town"] = index, ["nothing"] = empty }, _options);

        Assert.Equal("There is no section 9: they run from 0 to 2.", await CallAsync(functions[1], ("section", 9), ("document", "town")));
        Assert.Equal("There is no section -1: they run from 0 to 2.", await CallAsync(functions[2], ("section", -1), ("document", "town")));
        Assert.Equal("There is no document 'sea'; there are: town, nothing.", await CallAsync(functions[3], ("question", "?"), ("document", "sea")));
        Assert.Equal("There is no document ''; there are: town, nothing.", await CallAsync(functions[0]));
        Assert.Equal("The document has no text.", await CallAsync(functions[0], ("document", "nothing")));
        Assert.Equal("The document has no text.", await CallAsync(functions[3], ("question", "?"), ("document", "nothing")));
        Assert.Equal("The question is empty.", await CallAsync(functions[3], ("question", " "), ("document", "town")));
        Assert.Equal("The question is empty.", await CallAsync(functions[3], ("question", "\0"), ("document", "town")));
        Assert.Throws<ArgumentException>(() => DocumentFunctions.Create(new Dictionary<string, DocumentIndex>()));
    }

    public void Dispose() => _tiny.Dispose();

    private static async Task<string> CallAsync(AIFunction function, params (string Name, object? Value)[] arguments) =>
        (await function.InvokeAsync(new AIFunctionArguments(arguments.ToDictionary(argument => argument.Name, argument => argument.Value))))!.ToString()!;
}
