using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Sessions;

/// <summary>Generating: the text, the end, and what the session holds afterwards.</summary>
public class GenerationTests
{
    private static readonly GenerationOptions Greedy = new() { Temperature = 0 };

    [Fact]
    public async Task EndsAtAnEndTokenThatTheSessionDoesNotHold()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hello", () => 2));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("ab", Greedy));
        Assert.Equal("Hello", steps.Text);
        Assert.Equal([.. TestTokenizer.Tokens("Hello"), TestTokenizer.ImEnd], steps.All.Select(step => step.Id));
        Assert.Equal(new GeneratedToken(TestTokenizer.ImEnd, "", FinishReason.Stop, RemovedTokens: 1), steps.Last);
        AssertHolds(session, "abHello");
    }

    [Fact]
    public async Task EndsAtTheLengthWithEveryTokenInTheSession()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hello", () => 2));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("ab", Greedy with { MaxTokens = 3 }));
        Assert.Equal("Hel", steps.Text);
        Assert.Equal((FinishReason.Length, 0), (steps.Last.FinishReason, steps.Last.RemovedTokens));
        AssertHolds(session, "abHel");
    }

    [Fact]
    public async Task ContinuesWhatWasAppended()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hello", () => 2));
        using MambaSession session = model.CreateSession();
        session.Append("ab");
        Steps steps = await Steps.CollectAsync(session.GenerateAsync(Greedy));
        Assert.Equal("Hello", steps.Text);
        AssertHolds(session, "abHello");
    }

    [Fact]
    public async Task StreamsText()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("größer", () => 1));
        using MambaSession session = model.CreateSession();
        List<string> pieces = [];
        await foreach (string piece in session.GenerateTextAsync("a", Greedy))
        {
            pieces.Add(piece);
        }

        Assert.Equal(["g", "r", "ö", "ß", "e", "r"], pieces);
    }

    [Fact]
    public async Task AnUnfinishedCharacterIsShownAsSuchAtTheEnd()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("aö", () => 1));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("x", Greedy with { MaxTokens = 2 }));
        Assert.Equal("a\uFFFD", steps.Text);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(2)]
    public async Task AStopSequenceIsCutFromTextAndSession(int rollbackCapacity)
    {
        ScriptedBackend backend = TestModel.Reply("Hello\nUser: more", () => 2, rollbackCapacity);
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("ab", Greedy with { StopSequences = ["\nUser:"] }));
        Assert.Equal("Hello", steps.Text);
        Assert.Equal((FinishReason.Stop, 6), (steps.Last.FinishReason, steps.Last.RemovedTokens));
        AssertHolds(session, "abHello");
        Assert.Equal(1, backend.LiveSessions);
    }

    [Fact]
    public async Task AStopSequenceAtTheVeryBeginningLeavesThePrompt()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hello", () => 2, rollbackCapacity: 0));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("ab", Greedy with { StopSequences = ["Hel"] }));
        Assert.Equal("", steps.Text);
        Assert.Equal(3, steps.Last.RemovedTokens);
        AssertHolds(session, "ab");
    }

    [Fact]
    public async Task ATokenThatTheCutGoesThroughStays()
    {
        // Half of the two bytes of 'é' shows nothing: the character comes whole with the second.
        using MambaModel model = TestModel.Create(TestModel.Reply("éx", () => 1));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("a", Greedy with { StopSequences = ["x"] }));
        Assert.Equal("é", steps.Text);
        AssertHolds(session, "aé");
    }

    [Fact]
    public async Task TextThatWasHeldBackAppearsWhenItIsNoStopSequence()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("a\nUsual", () => 1));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("x", Greedy with { StopSequences = ["\nUser:"] }));
        Assert.Equal(["a", "", "", "", "\nUsu", "a", "l", ""], steps.All.Select(step => step.Text));
    }

    [Fact]
    public async Task HeldBackTextAppearsAtTheEnd()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("a\nUs", () => 1));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("x", Greedy with { StopSequences = ["\nUser:"] }));
        Assert.Equal("a\nUs", steps.Text);
    }

    [Fact]
    public async Task AStopSequenceThatTheEndTokenCompletesIsCutToo()
    {
        // The first byte of 'é' alone becomes U+FFFD when the text ends.
        int[] script = [.. TestTokenizer.Tokens("aé")[..2], TestTokenizer.ImEnd];
        using MambaModel model = TestModel.Create(new ScriptedBackend(history => script[history.Count - 1], TestTokenizer.VocabSize));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("x", Greedy with { StopSequences = ["\uFFFD"] }));
        Assert.Equal("a", steps.Text);
        Assert.Equal((FinishReason.Stop, 2), (steps.Last.FinishReason, steps.Last.RemovedTokens));
        AssertHolds(session, "xa");
    }

    [Fact]
    public async Task OwnStopTokensReplaceTheModels()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hello", () => 1));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("x", Greedy with { StopTokenIds = TestTokenizer.Tokens("o") }));
        Assert.Equal("Hell", steps.Text);
    }

    [Fact]
    public async Task ControlTokensGiveNoText()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hi", () => 1));
        using MambaSession session = model.CreateSession();
        Steps steps = await Steps.CollectAsync(session.GenerateAsync("x", Greedy with { StopTokenIds = [], MaxTokens = 4 }));
        Assert.Equal("Hi", steps.Text);
        Assert.Equal(FinishReason.Length, steps.Last.FinishReason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public async Task ACancelledGenerationLeavesTheSessionAsBefore(int afterSteps)
    {
        ScriptedBackend backend = TestModel.Reply("Hello", () => 3);
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        session.Append("x");
        ulong hash = session.TokenHash;
        using CancellationTokenSource source = new();
        int evaluations = 0;
        backend.Evaluating = _ =>
        {
            if (evaluations++ == afterSteps)
            {
                source.Cancel();
            }
        };
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Steps.CollectAsync(session.GenerateAsync("ab", Greedy, source.Token)));
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.Equal(hash, session.TokenHash);
        Assert.Equal(1, backend.LiveSessions);
        backend.Evaluating = null;
        Assert.Equal("Hello", (await Steps.CollectAsync(session.GenerateAsync("ab", Greedy))).Text);
    }

    [Fact]
    public async Task AFailedGenerationLeavesTheSessionAsBefore()
    {
        ScriptedBackend backend = TestModel.Reply("Hello", () => 1);
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        int evaluations = 0;
        backend.Evaluating = _ =>
        {
            if (evaluations++ == 2)
            {
                throw new MambaDeviceException(MambaErrorCode.Device, "lost");
            }
        };
        await Assert.ThrowsAsync<MambaDeviceException>(() => Steps.CollectAsync(session.GenerateAsync("a", Greedy)));
        Assert.Equal(0, session.TokenCount);
        Assert.Equal(1, backend.LiveSessions);
    }

    [Fact]
    public async Task LeavingTheEnumerationEarlyLeavesTheSessionAsBefore()
    {
        ScriptedBackend backend = TestModel.Reply("Hello", () => 1);
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        await foreach (GeneratedToken token in session.GenerateAsync("a", Greedy))
        {
            Assert.Equal("H", token.Text);
            break;
        }

        Assert.Equal(0, session.TokenCount);
        Assert.Equal(1, backend.LiveSessions);
    }

    [Fact]
    public async Task StoppingAfterTheLastStepKeepsIt()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hi", () => 1));
        using MambaSession session = model.CreateSession();
        await foreach (GeneratedToken token in session.GenerateAsync("a", Greedy))
        {
            if (token.FinishReason is not null)
            {
                break;
            }
        }

        AssertHolds(session, "aHi");
    }

    [Fact]
    public async Task TheCountGrowsWhileStreamingAndOtherCallsAreRefused()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hi", () => 1));
        using MambaSession session = model.CreateSession();
        List<long> counts = [];
        await foreach (GeneratedToken token in session.GenerateAsync("a", Greedy))
        {
            counts.Add(session.TokenCount);
            Assert.Throws<InvalidOperationException>(() => session.Append([20]));
        }

        Assert.Equal([1, 2, 3], counts);
    }

    [Fact]
    public async Task EvaluatesOffTheCallersThread()
    {
        ScriptedBackend backend = TestModel.Reply("Hi", () => 1);
        HashSet<bool> isPoolThread = [];
        HashSet<int> threads = [];
        backend.Evaluating = _ =>
        {
            isPoolThread.Add(Thread.CurrentThread.IsThreadPoolThread);
            threads.Add(Environment.CurrentManagedThreadId);
        };
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        int caller = 0;
        Thread thread = new(() =>
        {
            caller = Environment.CurrentManagedThreadId;
            Steps.CollectAsync(session.GenerateAsync("a", Greedy)).GetAwaiter().GetResult();
        });
        thread.Start();
        await Task.Run(thread.Join);
        Assert.Equal([true], isPoolThread);
        Assert.DoesNotContain(caller, threads);
    }

    [Fact]
    public async Task ThereMustBeSomethingToContinue()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hi", () => 0));
        using MambaSession session = model.CreateSession();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Steps.CollectAsync(session.GenerateAsync(Greedy)));
        session.Append("a");
    }

    [Fact]
    public void BadOptionsAreRefusedAtTheCall()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("Hi", () => 0));
        using MambaSession session = model.CreateSession();
        Assert.Throws<ArgumentOutOfRangeException>(() => session.GenerateAsync("a", new GenerationOptions { MaxTokens = 0 }));
        Assert.Throws<ArgumentException>(() => session.GenerateAsync("a", new GenerationOptions { StopSequences = [""] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.GenerateAsync(new[] { -5 }));
        Assert.Throws<ArgumentNullException>(() => session.GenerateAsync((string)null!));
    }

    [Fact]
    public async Task WithoutATokenizerTokensComeWithoutText()
    {
        using MambaModel model = TestModel.CreateBare(new ScriptedBackend(history => history[^1] + 1, 8));
        using MambaSession session = model.CreateSession();
        session.Append([1]);
        Steps steps = await Steps.CollectAsync(session.GenerateAsync(Greedy with { MaxTokens = 3 }));
        Assert.Equal([2, 3, 4], steps.All.Select(step => step.Id));
        Assert.Equal("", steps.Text);
        Assert.Throws<MambaFormatException>(() => session.GenerateAsync(Greedy with { StopSequences = ["a"] }));
    }

    [Fact]
    public async Task RowsThatTheTokenizerDoesNotHaveAreNeverChosen()
    {
        // The model says that all its rows mean something; the tokenizer has fewer tokens.
        int beyond = TestTokenizer.VocabSize + 2;
        ScriptedBackend backend = new(
            _ =>
            {
                float[] row = ScriptedBackend.Prefer(beyond, beyond + 2);
                row[TestTokenizer.FirstByte + 'z'] = 5;
                return row;
            },
            beyond + 2,
            padding: 0);
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        Assert.Equal("zz", (await Steps.CollectAsync(session.GenerateAsync("a", Greedy with { MaxTokens = 2 }))).Text);
    }

    [Fact]
    public async Task PenaltiesSeeThePromptAndTheReply()
    {
        // Prefers 'a', then 'b', then 'c', whatever it has read.
        ScriptedBackend backend = new(
            _ =>
            {
                float[] row = ScriptedBackend.Prefer(TestTokenizer.FirstByte + 'a', TestTokenizer.VocabSize + 4);
                row[TestTokenizer.FirstByte + 'b'] = 9;
                row[TestTokenizer.FirstByte + 'c'] = 8;
                return row;
            },
            TestTokenizer.VocabSize);
        using MambaModel model = TestModel.Create(backend);
        using MambaSession session = model.CreateSession();
        Assert.Equal("bc", (await Steps.CollectAsync(session.GenerateAsync("a", Greedy with { PresencePenalty = 15, MaxTokens = 2 }))).Text);
    }

    [Fact]
    public async Task TheSameSeedContinuesASavedSessionAlike()
    {
        ScriptedBackend backend = new(history => Enumerable.Range(0, 68).Select(id => (float)((id * 7 * history.Count) % 11)).ToArray(), 64);
        using MambaModel model = TestModel.CreateBare(backend);
        using MambaSession session = model.CreateSession();
        session.Append([1, 2, 3]);
        using MemoryStream stream = new();
        session.Save(stream);
        stream.Position = 0;
        using MambaSession loaded = model.LoadSession(stream);
        GenerationOptions options = new() { Seed = 9, MaxTokens = 20, RepetitionPenalty = 1.2f };
        Steps first = await Steps.CollectAsync(session.GenerateAsync(options));
        Steps second = await Steps.CollectAsync(loaded.GenerateAsync(options));
        Assert.Equal(first.All, second.All);
    }

    private static void AssertHolds(MambaSession session, string text)
    {
        using MambaModel model = TestModel.Create(new ScriptedBackend(_ => 0, TestTokenizer.VocabSize));
        using MambaSession expected = model.CreateSession();
        expected.Append(TestTokenizer.Tokens(text));
        Assert.Equal(expected.TokenCount, session.TokenCount);
        Assert.Equal(expected.TokenHash, session.TokenHash);
    }
}
