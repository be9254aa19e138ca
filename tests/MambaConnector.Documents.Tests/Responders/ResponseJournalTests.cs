using MambaConnector.Documents.Responders;
using MambaConnector.Documents.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents.Tests.Responders;

public sealed class ResponseJournalTests : IDisposable
{
    private static readonly GenerationOptions _generation = new() { MaxTokens = 10, Temperature = 0, Seed = 0 };

    private readonly TemporaryFolder _folder = new();

    private string File => Path.Combine(_folder.Path, "journal");

    [Fact]
    public async Task WhatIsFinishedIsNotWrittenAgain()
    {
        EchoClient client = new(message => $"Answer to {message.Length}.");

        string first = await RespondAsync(client, "a text");
        string again = await RespondAsync(client, "a text");
        string other = await RespondAsync(client, "another text");

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.Equal(2, client.Messages.Count);
    }

    [Fact]
    public async Task AnotherModelInstructionOrOptionWritesAnew()
    {
        EchoClient client = new(_ => "Answer.");
        EchoClient other = new(_ => "Answer.") { ModelId = "other" };
        await RespondAsync(client, "a text");

        await RespondAsync(client, "a text", instruction: "Other.");
        await RespondAsync(client, "a text", generation: _generation with { Seed = 1 });
        await RespondAsync(client, "a text", generation: _generation with { RepetitionPenalty = 1.5f });
        await RespondAsync(other, "a text");

        Assert.Equal(4, client.Messages.Count);
        Assert.Single(other.Messages);
    }

    [Fact]
    public async Task ATextThatWasLeftIsNotKept()
    {
        EchoClient client = new(_ => "A long answer.");
        using (ResponseJournal journal = ResponseJournal.Open(File))
        {
            await foreach (ResponsePiece _ in Respond(client, journal, "a text", "Do it.", _generation))
            {
                break;
            }
        }

        await RespondAsync(client, "a text");

        Assert.Equal(2, client.Messages.Count);
    }

    [Fact]
    public async Task AFileThatIsTornAnywhereKeepsItsWholeLinesAndGoesOn()
    {
        EchoClient client = new(message => $"Answer, with a line\nend, to {message.Length}.");
        string first = await RespondAsync(client, "a text");
        long line = new FileInfo(File).Length;
        await RespondAsync(client, "another text");
        byte[] whole = await System.IO.File.ReadAllBytesAsync(File);

        foreach (int length in (int[])[.. Enumerable.Range(0, (int)(whole.Length - line) / 13).Select(step => (int)line + (step * 13)), whole.Length - 2])
        {
            await System.IO.File.WriteAllBytesAsync(File, whole[..(int)length]);
            client.Messages.Clear();
            Assert.Equal(first, await RespondAsync(client, "a text"));
            Assert.Empty(client.Messages);
            await RespondAsync(client, "another text");
            await RespondAsync(client, "another text");
            Assert.Single(client.Messages);
        }
    }

    [Fact]
    public async Task AWholeLineThatLacksItsEndStaysAndTheNextBeginsALine()
    {
        EchoClient client = new(message => $"Answer to {message.Length}.");
        await RespondAsync(client, "a text");
        byte[] whole = await System.IO.File.ReadAllBytesAsync(File);
        await System.IO.File.WriteAllBytesAsync(File, whole[..^1]);

        await RespondAsync(client, "another text");
        await RespondAsync(client, "a text");
        await RespondAsync(client, "another text");

        Assert.Equal(2, client.Messages.Count);
    }

    [Theory]
    [InlineData("# My notes\n")]
    [InlineData("\n\n{\"Name\":1}\n")]
    [InlineData("{\"Ke\"")]
    public async Task AFileOfSomethingElseIsRefusedAndKept(string content)
    {
        await System.IO.File.WriteAllTextAsync(File, content);

        Assert.Throws<InvalidDataException>(() => ResponseJournal.Open(File));
        Assert.Null(ResponseJournal.TryOpen(File));

        Assert.Equal(content, await System.IO.File.ReadAllTextAsync(File));
    }

    [Fact]
    public async Task AFirstLineThatIsTornIsNoOtherFile()
    {
        EchoClient client = new(_ => "Answer.");
        await RespondAsync(client, "a text");
        byte[] whole = await System.IO.File.ReadAllBytesAsync(File);
        foreach (int length in (int[])[0, 1, 5, 9, 60])
        {
            await System.IO.File.WriteAllBytesAsync(File, whole[..length]);
            Assert.Equal("Answer.", await RespondAsync(client, "a text"));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ADiskThatIsFullTakesNoFinishedTextAway(bool isOptional)
    {
        EchoClient client = new(_ => "Answer.");
        using ResponseJournal journal = new(new FullStream());
        RememberingResponder responder = new(new ChatResponder(client, 1000), "identity", journal, isOptional);
        WrittenText written = new();

        Exception? failure = await Record.ExceptionAsync(async () =>
        {
            await foreach (ResponsePiece piece in responder.RespondAsync(
                new DocumentPlace.Passage("a text"), "Do it.", _generation, CancellationToken.None))
            {
                written.Add(piece);
            }
        });

        Assert.Equal("Answer.", written.Text);
        Assert.Equal(isOptional, failure is null);
        Assert.True(failure is null or IOException);
    }

    [Fact]
    public async Task ATextThatAFilterEndedIsNotKept()
    {
        EchoClient client = new(_ => "Half an answ") { FinishReason = ChatFinishReason.ContentFilter };

        await RespondAsync(client, "a text");
        await RespondAsync(client, "a text");

        Assert.Equal(2, client.Messages.Count);
    }

    [Fact]
    public void ClientsOfOtherProvidersAddressesAndModelsAreOthers()
    {
        EchoClient client = new(_ => "");
        EchoClient elsewhere = new(_ => "") { Address = new Uri("https://example.org/") };

        Assert.NotEqual(new ChatResponder(client, 1000).Identity, new ChatResponder(elsewhere, 1000).Identity);
        Assert.Null(new ChatResponder(new EchoClient(_ => "") { ModelId = null }, 1000).Identity);
    }

    [Fact]
    public async Task ADamagedLineIsWrittenAnew()
    {
        EchoClient client = new(_ => "Answer.");
        await RespondAsync(client, "a text");
        string line = await System.IO.File.ReadAllTextAsync(File);
        await System.IO.File.WriteAllTextAsync(File, "\n" + line.Replace("Answer", "Ansver", StringComparison.Ordinal) + "null\n{}\n\n");

        string text = await RespondAsync(client, "a text");

        Assert.Equal("Answer.", text);
        Assert.Equal(2, client.Messages.Count);
    }

    [Fact]
    public void OneWritesAtATime()
    {
        using ResponseJournal journal = ResponseJournal.Open(File);

        Assert.Throws<IOException>(() => ResponseJournal.Open(File));
        Assert.Null(ResponseJournal.TryOpen(File));
    }

    public void Dispose() => _folder.Dispose();

    private static IAsyncEnumerable<ResponsePiece> Respond(
        EchoClient client, ResponseJournal journal, string text, string instruction, GenerationOptions generation) =>
        new RememberingResponder(new ChatResponder(client, 1000), new ChatResponder(client, 1000).Identity!, journal, isOptional: false).RespondAsync(
            new DocumentPlace.Passage(text), instruction, generation, CancellationToken.None);

    private async Task<string> RespondAsync(
        EchoClient client, string text, string instruction = "Do it.", GenerationOptions? generation = null)
    {
        using ResponseJournal journal = ResponseJournal.Open(File);
        WrittenText written = new();
        await foreach (ResponsePiece piece in Respond(client, journal, text, instruction, generation ?? _generation))
        {
            written.Add(piece);
        }

        return written.Text;
    }

    private sealed class FullStream : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("No space left on device");

        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("No space left on device");
    }
}
