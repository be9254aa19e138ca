namespace MambaConnector.Tests.EndToEnd;

/// <summary>Merging of sessions over the native library.</summary>
public sealed class SessionMergeTests : IDisposable
{
    private readonly MambaModel _model = Create();

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void OneLayerWithoutAWindowGoesOnAsAfterReadingTheTextsOneAfterAnother(MambaArchitecture architecture)
    {
        using MambaModel model = MambaModel.CreateRandom(
            SmallShape.Of(architecture) with { LayerCount = 1, DConv = 1 }, new MambaModelOptions { ThreadCount = 1 });
        using MambaSession first = Read(model, 0, 40);
        using MambaSession second = Read(model, 40, 37);
        using MambaSession whole = Read(model, 0, 77);
        using MambaSession merged = MambaSession.Merge([first, second], StateMerge.Concatenate);
        Assert.Equal(whole.TokenCount, merged.TokenCount);
        Assert.NotEqual(whole.TokenHash, merged.TokenHash);
        Assert.True(merged.TracksDecay);
        Assert.Equal(LongContextPolicy.None, merged.Policy);
        Assert.Equal(0, merged.RollbackAvailable);
        whole.Append([9, 8, 7]);
        merged.Append([9, 8, 7]);
        float[] expected = whole.GetLogits();
        float[] actual = merged.GetLogits();
        for (int index = 0; index < expected.Length; index++)
        {
            Assert.Equal(expected[index], actual[index], 1e-4f);
        }
    }

    [Theory]
    [InlineData(StateMerge.Concatenate)]
    [InlineData(StateMerge.Cyclic)]
    [InlineData(StateMerge.AllOrders)]
    public void TheMergedSessionIsOneOfItsOwn(StateMerge merge)
    {
        using MambaSession first = Read(_model, 0, 20);
        using MambaSession second = Read(_model, 30, 20);
        ulong[] hashes = [first.TokenHash, second.TokenHash];
        using MambaSession merged = MambaSession.Merge([first, second], merge);
        using MemoryStream stream = new();
        merged.Save(stream);
        stream.Position = 0;
        using MambaSession loaded = _model.LoadSession(stream);
        merged.Append([1, 2]);
        loaded.Append([1, 2]);
        Assert.Equal(merged.GetLogits(), loaded.GetLogits());
        Assert.Equal(merged.TokenHash, loaded.TokenHash);
        Assert.Equal(42, loaded.TokenCount);
        Assert.Equal((hashes[0], hashes[1]), (first.TokenHash, second.TokenHash));
        using MambaSession again = MambaSession.Merge([merged, first], merge);
        Assert.Equal(62, again.TokenCount);
    }

    [Fact]
    public void WhatCannotBeMergedIsNamed()
    {
        using MambaSession good = Read(_model, 0, 20);
        using MambaSession untracked = _model.CreateSession();
        untracked.Append([1, 2, 3]);
        using MambaSession late = _model.CreateSession();
        late.Append([1, 2, 3]);
        late.TracksDecay = true;
        late.Append([4]);
        using MambaSession empty = _model.CreateSession();
        using MambaSession windowed = _model.CreateSession();
        windowed.TracksDecay = true;
        windowed.Policy = LongContextPolicy.RestartWindow(64);
        windowed.Append([1, 2, 3]);
        using MambaModel other = Create();
        using MambaSession stranger = Read(other, 0, 20);

        Refuse<ArgumentException>("no session", []);
        Refuse<ArgumentException>("Session 1 is of another model", [good, stranger]);
        Refuse<ArgumentException>("Session 1 stands there twice", [good, good]);
        Refuse<ArgumentException>("sessions[1] cannot be merged: it has no sums", [good, untracked]);
        Refuse<ArgumentException>("sessions[1] cannot be merged: its sums of dt hold 1 of its 4 tokens", [good, late]);
        Refuse<ArgumentException>("sessions[1] cannot be merged: it has read nothing", [good, empty]);
        Refuse<NotSupportedException>("sessions[1] cannot be merged: it is under a long-context policy", [good, windowed]);
        Refuse<ArgumentException>("Session 1 is null", [good, null!]);
        Assert.Throws<ArgumentOutOfRangeException>("merge", () => MambaSession.Merge([good], (StateMerge)7));

        // A failed merge holds nobody.
        good.Append([1]);
        windowed.Append([1]);
        good.Dispose();
        Refuse<ObjectDisposedException>("", [untracked, good]);
        untracked.Append([1]);

        static void Refuse<T>(string words, MambaSession[] sessions)
            where T : Exception
        {
            foreach (StateMerge merge in Enum.GetValues<StateMerge>())
            {
                Assert.Contains(words, Assert.Throws<T>(() => MambaSession.Merge(sessions, merge)).Message, StringComparison.Ordinal);
            }
        }
    }

    public void Dispose() => _model.Dispose();

    private static MambaModel Create() => MambaModel.CreateRandom(SmallShape.Of(MambaArchitecture.Mamba2), new MambaModelOptions { ThreadCount = 1 });

    private static MambaSession Read(MambaModel model, int begin, int count)
    {
        MambaSession session = model.CreateSession();
        session.TracksDecay = true;
        session.Append([.. Enumerable.Range(begin, count).Select(index => index * 31 % 100)]);
        return session;
    }
}
