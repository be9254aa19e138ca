using System.Security.Cryptography;
using System.Text;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Chat;

/// <summary>Conversations with memory.</summary>
public sealed class ChatSessionTests : IDisposable
{
    private static readonly ChatSessionOptions Options = new() { Generation = new GenerationOptions { Temperature = 0 } };

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-chat-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task ASecondMessageReadsOnlyItself()
    {
        ScriptedBackend backend = Echo();
        List<int[]> evaluations = [];
        backend.Evaluating = evaluations.Add;
        using MambaModel model = TestModel.Create(backend, ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        Assert.Equal("Hi", await SendAsync(chat, "Hi"));
        evaluations.Clear();
        Assert.Equal("More", await SendAsync(chat, "More"));
        Assert.Equal(
            "<|im_end|>\n<|im_start|>user\nMore<|im_end|>\n<|im_start|>assistant\n", model.Tokenizer.Decode(evaluations[0]));
        Assert.All(evaluations.Skip(1), tokens => Assert.Single(tokens));
        Assert.Equal(["Hi", "Hi", "More", "More"], chat.Transcript.Select(turn => turn.Content));
        Assert.Equal(["user", "assistant", "user", "assistant"], chat.Transcript.Select(turn => turn.Role));
    }

    [Fact]
    public async Task TheStateIsThatOfTheWholeConversationRenderedAtOnce()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options with { SystemPrompt = "Be brief." });
        await SendAsync(chat, "Hi");
        await SendAsync(chat, "More");
        int[] whole = ChatTemplate.ChatMl.Render(model.Tokenizer, chat.Transcript, addGenerationPrompt: false);

        // The end of the last turn is read with the next message.
        Assert.Equal(whole.Length - 2, chat.Statistics.TokenCount);
        Assert.Equal(new ChatTurn("system", "Be brief."), chat.Transcript[0]);
    }

    [Fact]
    public async Task UndoTakesBackMessageByMessage()
    {
        ScriptedBackend backend = Echo();
        using MambaModel model = TestModel.Create(backend, ChatTemplate.ChatMl);
        using (ChatSession chat = new(model, Options with { SystemPrompt = "s" }))
        {
            await SendAsync(chat, "one");
            long afterOne = chat.Statistics.TokenCount;
            await SendAsync(chat, "two");
            Assert.True(chat.CanUndo);
            Assert.Equal("two", chat.Undo().Content);
            Assert.Equal(afterOne, chat.Statistics.TokenCount);
            Assert.Equal("one", chat.Undo().Content);
            Assert.Empty(chat.Transcript);
            Assert.Equal(0, chat.Statistics.TokenCount);
            Assert.False(chat.CanUndo);
            Assert.Throws<InvalidOperationException>(() => chat.Undo());
            Assert.Equal("again", await SendAsync(chat, "again"));
            Assert.Equal("s", chat.Transcript[0].Content);
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task AMonitorWatchesAcrossUndo()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        using CollapseMonitor monitor = new(model, new CollapseMonitorOptions { IntervalTokens = 64, TrainingLength = 64 });
        chat.Monitor = monitor;
        await SendAsync(chat, new string('a', 100));
        Assert.True(monitor.Report!.Value.Position > 64);
        chat.Undo();
        Assert.Same(monitor, chat.Monitor);
        Assert.Null(monitor.Report);
        await SendAsync(chat, new string('b', 100));
        Assert.True(monitor.Report!.Value.Position > 64);
        using ChatSession fork = chat.Fork();
        Assert.Null(fork.Monitor);
    }

    [Fact]
    public async Task UndoKeepsAsManyStatesAsFit()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options with { UndoBytes = 250 });
        foreach (string message in new[] { "1", "2", "3", "4" })
        {
            await SendAsync(chat, message);
        }

        Assert.Equal((2, 200L), (chat.Statistics.UndoCount, chat.Statistics.UndoBytes));
        chat.Undo();
        chat.Undo();
        Assert.Contains("UndoBytes", Assert.Throws<InvalidOperationException>(() => chat.Undo()).Message, StringComparison.Ordinal);
        Assert.Equal(4, chat.Transcript.Count);
    }

    [Fact]
    public async Task ACancelledMessageLeavesTheConversationAsBefore()
    {
        ScriptedBackend backend = Echo();
        using MambaModel model = TestModel.Create(backend, ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "one");
        ChatStatistics before = chat.Statistics;
        using CancellationTokenSource source = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (string piece in chat.SendAsync("two", cancellationToken: source.Token))
            {
                source.Cancel();
            }
        });
        Assert.Equal(before, chat.Statistics);
        Assert.Equal(2, chat.Transcript.Count);
        Assert.Equal(2, backend.LiveSessions);
        Assert.Equal("three", await SendAsync(chat, "three"));
    }

    [Fact]
    public async Task ForksGoOnIndependently()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "one");
        using ChatSession fork = chat.Fork();
        await SendAsync(fork, "two");
        Assert.Equal((2, 4), (chat.Transcript.Count, fork.Transcript.Count));
    }

    [Fact]
    public async Task SavesAndContinues()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "größer");
        string path = Path.Combine(_directory.FullName, "chat.mamba");
        chat.Save(path);
        chat.Save(path);
        Assert.Equal([path], Directory.GetFiles(_directory.FullName));
        using ChatSession loaded = ChatSession.Load(model, path, Options);
        Assert.Equal(chat.Transcript, loaded.Transcript);
        Assert.Equal(chat.Statistics.TokenCount, loaded.Statistics.TokenCount);
        Assert.Equal("more", await SendAsync(loaded, "more"));
    }

    [Fact]
    public async Task AFailedSaveLeavesTheOldFile()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "one");
        string path = Path.Combine(_directory.FullName, "missing", "chat.mamba");
        Assert.ThrowsAny<IOException>(() => chat.Save(path));
        Assert.Empty(Directory.GetFiles(_directory.FullName));
    }

    [Fact]
    public async Task EveryFlippedOrMissingByteIsFound()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "one");
        using MemoryStream stream = new();
        chat.Save(stream);
        byte[] file = stream.ToArray();
        for (int index = 0; index < file.Length; index++)
        {
            byte[] flipped = [.. file];
            flipped[index] ^= 0x10;
            Assert.Throws<MambaFormatException>(() => Load(model, flipped));
            Assert.Throws<MambaFormatException>(() => Load(model, file[..index]));
        }

        Assert.Throws<MambaFormatException>(() => Load(model, [.. file, 0]));
        Load(model, file).Dispose();
    }

    [Theory]
    [InlineData("""{"template":"ChatML"}""")]
    [InlineData("""{"template":"ChatML","turns":[null]}""")]
    [InlineData("""{"template":"ChatML","turns":[{"role":"user"}]}""")]
    public void ATranscriptWithHolesIsRefused(string json)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        byte[] body = [.. "MAMBCHAT"u8, 1, 0, 0, 0, (byte)text.Length, 0, 0, 0, .. text, 0, 0, 0, 0, 0, 0, 0, 0];
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        Assert.Throws<MambaFormatException>(() => Load(model, [.. body, .. SHA256.HashData(body)]));
    }

    [Fact]
    public async Task AConversationOfAnotherTemplateIsRefused()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "one");
        using MemoryStream stream = new();
        chat.Save(stream);
        ScriptedBackend backend = Echo();
        using MambaModel other = TestModel.Create(backend, ChatTemplate.Granite4);
        var exception = Assert.Throws<MambaStateMismatchException>(() => Load(other, stream.ToArray()));
        Assert.Contains("'ChatML'", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task ResetBeginsAgain()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "one");
        chat.Reset();
        Assert.Empty(chat.Transcript);
        Assert.False(chat.CanUndo);
        Assert.Equal("two", await SendAsync(chat, "two"));
    }

    [Fact]
    public async Task StatisticsCountTheLastMessage()
    {
        using MambaModel model = TestModel.Create(Echo(), ChatTemplate.ChatMl);
        using ChatSession chat = new(model, Options);
        await SendAsync(chat, "abc");
        ChatStatistics statistics = chat.Statistics;
        Assert.Equal(ChatTemplate.ChatMl.Render(model.Tokenizer, [new("user", "abc")], addGenerationPrompt: true).Length, statistics.PromptTokens);
        Assert.Equal(4, statistics.ReplyTokens);
        Assert.True(statistics.TimeToFirstToken > TimeSpan.Zero);
        Assert.True(statistics.PrefillTokensPerSecond > 0);
        Assert.True(statistics.DecodeTokensPerSecond > 0);
    }

    [Fact]
    public async Task TheTemplatesEndOfReplyEndsItToo()
    {
        // The model's own end tokens leave out the one that Granite's turns end with.
        int end = TestTokenizer.Create().TryGetId("<|end_of_text|>", out int id) ? id : -1;
        ScriptedBackend backend = new(_ => end, TestTokenizer.VocabSize);
        using MambaModel model = TestModel.Create(backend, ChatTemplate.Granite4);
        using ChatSession chat = new(model, Options);
        Assert.Equal("", await SendAsync(chat, "a"));
    }

    [Fact]
    public void AModelWithoutATemplateIsAnErrorThatSaysTheWayOut()
    {
        using MambaModel model = TestModel.Create(Echo());
        Assert.Null(model.ChatTemplate);
        Assert.Contains("MambaModelOptions.ChatTemplate", Assert.Throws<MambaFormatException>(() => new ChatSession(model)).Message, StringComparison.Ordinal);
    }

    // Answers each user turn of a ChatML conversation with its content.
    private static ScriptedBackend Echo()
    {
        MambaTokenizer tokenizer = TestTokenizer.Create();
        const string open = "<|im_start|>assistant\n";
        return new ScriptedBackend(
            history =>
            {
                string text = Decode(tokenizer, history);
                int user = text.LastIndexOf("<|im_start|>user\n", StringComparison.Ordinal);
                int assistant = text.LastIndexOf(open, StringComparison.Ordinal);
                if (user < 0 || assistant < user)
                {
                    return TestTokenizer.ImEnd;
                }

                string content = text[(user + "<|im_start|>user\n".Length)..text.IndexOf("<|im_end|>", user, StringComparison.Ordinal)];
                int said = history.Count - TokensUpTo(tokenizer, history, open);
                int[] reply = [.. TestTokenizer.Tokens(content), TestTokenizer.ImEnd];
                return reply[Math.Min(said, reply.Length - 1)];
            },
            TestTokenizer.VocabSize);
    }

    // Tokens up to and with the last opening of a reply: all its characters but the first are a token each.
    private static int TokensUpTo(MambaTokenizer tokenizer, IReadOnlyList<int> history, string open)
    {
        Assert.True(tokenizer.TryGetId("<|im_start|>", out int start));
        return history.Select((token, index) => (token, index)).Last(pair => pair.token == start).index + 1 + open.Length - "<|im_start|>".Length;
    }

    private static string Decode(MambaTokenizer tokenizer, IReadOnlyList<int> history) => tokenizer.Decode([.. history]);

    private static ChatSession Load(MambaModel model, byte[] file)
    {
        using MemoryStream stream = new(file);
        return ChatSession.Load(model, stream, Options);
    }

    private static async Task<string> SendAsync(ChatSession chat, string message)
    {
        StringBuilder reply = new();
        await foreach (string piece in chat.SendAsync(message))
        {
            reply.Append(piece);
        }

        return reply.ToString();
    }
}
