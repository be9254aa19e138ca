using MambaConnector.Backend;
using MambaConnector.Tests.Support;
using Moq;

namespace MambaConnector.Tests.Sessions;

/// <summary>What a session does with its state outside of generating.</summary>
public class MambaSessionTests
{
    [Fact]
    public void AppendReadsTokens()
    {
        using MambaSession session = Create(out ScriptedBackend backend).CreateSession();
        session.Append([20, 21]);
        Assert.Equal(2, session.TokenCount);
        Assert.Equal(100, session.StateBytes);
        Assert.Equal(1, backend.Evaluations);
    }

    [Fact]
    public void AppendOfTextReadsPlainText()
    {
        using MambaModel model = Create(out _);
        using MambaSession text = model.CreateSession();
        using MambaSession tokens = model.CreateSession();
        text.Append("a<|im_end|>");
        tokens.Append(TestTokenizer.Tokens("a<|im_end|>"));
        Assert.Equal(tokens.TokenHash, text.TokenHash);
    }

    [Fact]
    public void AppendOfNothingDoesNothing()
    {
        using MambaSession session = Create(out ScriptedBackend backend).CreateSession();
        session.Append([]);
        Assert.Equal(0, backend.Evaluations);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void AnIdOutOfRangeIsNamedAndNothingIsRead(int id)
    {
        using MambaSession session = Create(out _).CreateSession();
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => session.Append([20, id]));
        Assert.Equal(id, exception.ActualValue);
        Assert.Equal(0, session.TokenCount);
    }

    [Fact]
    public void AtRestItIsReadAndComesBackWhenItGoesOn()
    {
        using MambaSession session = Create(out _).CreateSession();
        session.Append([20]);
        session.Offload();
        Assert.True(session.IsOffloaded);
        Assert.Equal(1, session.TokenCount);
        session.Append([21]);
        Assert.False(session.IsOffloaded);
        session.Offload();
        session.BringBack();
        Assert.False(session.IsOffloaded);
        Assert.Equal(2, session.TokenCount);
    }

    [Fact]
    public void WithoutRoomToRestItStaysWhereItIs()
    {
        using MambaSession session = Create(out ScriptedBackend backend).CreateSession();
        backend.Offloading = () => throw new MambaOutOfMemoryException(MambaErrorCode.OutOfMemory, "full");
        Assert.Throws<MambaOutOfMemoryException>(session.Offload);
        Assert.False(session.IsOffloaded);
        session.Append([20]);
        Assert.Equal(1, session.TokenCount);
    }

    [Fact]
    public void ACancelledAppendReadsNothing()
    {
        using MambaSession session = Create(out _).CreateSession();
        session.Append([20]);
        ulong hash = session.TokenHash;
        using CancellationTokenSource source = new();
        source.Cancel();
        var exception = Assert.ThrowsAny<OperationCanceledException>(() => session.Append([21], source.Token));
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.Equal(hash, session.TokenHash);
    }

    [Fact]
    public void LogitsAreThoseAfterTheLastToken()
    {
        using MambaSession session = Create(out _).CreateSession();
        session.Append([20, 21]);
        float[] logits = session.GetLogits();
        Assert.Equal(session.Model.Info.PaddedVocabSize, logits.Length);
        Assert.Equal(10, logits[22]);
        Assert.Equal(2, session.TokenCount);
    }

    [Fact]
    public void AnEmptySessionHasNoLogits()
    {
        using MambaSession session = Create(out _).CreateSession();
        Assert.Throws<InvalidOperationException>(() => session.GetLogits());
    }

    [Fact]
    public void EvaluateGivesARowAToken()
    {
        using MambaSession session = Create(out _).CreateSession();
        int width = session.Model.Info.PaddedVocabSize;
        float[] logits = new float[3 * width];
        session.EvaluateLogits([20, 30, 40], logits);
        Assert.Equal([21, 31, 41], Enumerable.Range(0, 3).Select(row => Array.IndexOf(logits, 10f, row * width) - (row * width)));
        Assert.Throws<ArgumentException>(() => session.EvaluateLogits([20], new float[5]));
    }

    [Fact]
    public void ForksGoOnIndependently()
    {
        using MambaSession session = Create(out _).CreateSession();
        session.Append([20, 21]);
        using MambaSession fork = session.Fork();
        Assert.Equal(session.TokenHash, fork.TokenHash);
        fork.Append([22]);
        Assert.Equal(2, session.TokenCount);
        Assert.Equal(3, fork.TokenCount);
    }

    [Fact]
    public void RollbackUndoesAndRefusesMoreThanTheRingHolds()
    {
        using MambaSession session = Create(out _).CreateSession();
        session.Append([20, 21, 22]);
        Assert.Equal(3, session.RollbackAvailable);
        session.Rollback(1);
        Assert.Equal(2, session.TokenCount);
        Assert.Throws<MambaRollbackException>(() => session.Rollback(3));
        Assert.Equal(2, session.TokenCount);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Rollback(-1));
    }

    [Fact]
    public async Task SavesAndLoads()
    {
        using MambaModel model = Create(out _);
        using MambaSession session = model.CreateSession();
        session.Append([20, 21, 22]);
        using MemoryStream stream = new();
        await session.SaveAsync(stream);
        stream.Position = 0;
        using MambaSession loaded = await model.LoadSessionAsync(stream);
        Assert.Equal(session.TokenHash, loaded.TokenHash);
        stream.Position = 0;
        using MambaSession again = model.LoadSession(stream);
        Assert.Equal(3, again.TokenCount);
    }

    [Fact]
    public void ResetForgetsEverything()
    {
        using MambaSession session = Create(out _).CreateSession();
        session.Append([20, 21, 22]);
        session.Reset();
        Assert.Equal(0, session.TokenCount);
    }

    [Fact]
    public void DecodeBatchAdvancesEachSessionByItsToken()
    {
        using MambaModel model = Create(out ScriptedBackend backend);
        using MambaSession first = model.CreateSession();
        using MambaSession second = model.CreateSession();
        float[] logits = new float[2 * model.Info.PaddedVocabSize];
        model.DecodeBatch([first, second], [20, 30], logits);
        Assert.Equal(1, backend.Evaluations);
        Assert.Equal((1L, 1L), (first.TokenCount, second.TokenCount));
        Assert.Equal(10, logits[21]);
        Assert.Equal(10, logits[model.Info.PaddedVocabSize + 31]);
        Assert.Throws<InvalidOperationException>(() => model.DecodeBatch([first, first], [20, 30], logits));
        using MambaModel other = Create(out _);
        using MambaSession stranger = other.CreateSession();
        Assert.Throws<ArgumentException>(() => model.DecodeBatch([first, stranger], [20, 30], logits));
        first.Append([21]);
    }

    [Fact]
    public void ABatchThatDoesNotFitMovesNoSession()
    {
        using MambaModel model = Create(out ScriptedBackend backend);
        using MambaSession first = model.CreateSession();
        using MambaSession second = model.CreateSession();
        float[] logits = new float[2 * model.Info.PaddedVocabSize];
        ReadOnlyMemory<int>[] tokens = [new[] { 20 }, new[] { 30 }];
        Assert.Throws<ArgumentException>(() => model.EvaluateBatch([first, second], tokens[..1], logits));
        Assert.Throws<ArgumentException>(() => model.EvaluateBatch([first, second], tokens, logits.AsSpan(1)));
        tokens[1] = ReadOnlyMemory<int>.Empty;
        Assert.Throws<ArgumentException>(() => model.EvaluateBatch([first, second], tokens, logits));
        tokens[1] = new[] { -1 };
        Assert.Throws<ArgumentOutOfRangeException>(() => model.EvaluateBatch([first, second], tokens, logits));
        Assert.Equal(0, backend.Evaluations);
        Assert.Equal((0L, 0L), (first.TokenCount, second.TokenCount));
        first.Append([20]);
    }

    [Fact]
    public void ADisposedSessionRefusesCalls()
    {
        MambaSession session = Create(out ScriptedBackend backend).CreateSession();
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Append([20]));
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public void ASecondCallWhileOneRunsIsRefused()
    {
        using MambaModel model = Create(out ScriptedBackend backend);
        using MambaSession session = model.CreateSession();
        InvalidOperationException? refusal = null;
        backend.Evaluating = _ => refusal = Assert.Throws<InvalidOperationException>(() => session.Fork());
        session.Append([20]);
        Assert.Contains("one caller at a time", refusal?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DisposingWhileACallRunsTakesEffectAfterIt()
    {
        using MambaModel model = Create(out ScriptedBackend backend);
        MambaSession session = model.CreateSession();
        backend.Evaluating = _ => session.Dispose();
        session.Append([20]);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public void WithoutATokenizerTextIsAnErrorThatSaysTheWayOut()
    {
        using MambaModel model = TestModel.CreateBare(new ScriptedBackend(history => 1, 8));
        using MambaSession session = model.CreateSession();
        Assert.False(model.HasTokenizer);
        Assert.Contains("tokenizer.json", Assert.Throws<MambaFormatException>(() => session.Append("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatTheBackendThrowsReachesTheCaller()
    {
        Mock<IBackendSession> state = new();
        state.Setup(session => session.Clone()).Throws(new MambaOutOfMemoryException(MambaErrorCode.OutOfMemory, "no room"));
        Mock<IInferenceBackend> backend = new();
        backend.Setup(mock => mock.CreateSession()).Returns(state.Object);
        backend.Setup(mock => mock.ModelInfo).Returns(new ScriptedBackend(_ => 0, 8).ModelInfo);
        using MambaModel model = new(backend.Object, new MambaConnector.Models.Checkpoint(ModelMetadata.Empty, null, null), new MambaModelOptions());
        using MambaSession session = model.CreateSession();
        Assert.Equal("no room", Assert.Throws<MambaOutOfMemoryException>(session.Fork).Message);
        session.Reset();
        state.Verify(mock => mock.Reset(), Times.Once);
    }

    // Prefers the token after the last one.
    private static MambaModel Create(out ScriptedBackend backend)
    {
        backend = new ScriptedBackend(history => history[^1] + 1, TestTokenizer.VocabSize);
        return TestModel.Create(backend);
    }
}
