using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Sessions;

/// <summary>What a session does with its long-context policy; what the policy does is in EndToEnd/SessionPolicyTests.</summary>
public class SessionPolicyTests
{
    private static readonly LongContextPolicy Window = LongContextPolicy.RestartWindow(64);

    private static readonly int[] Prompt = [1, 2];

    private readonly ScriptedBackend _backend = TestModel.Reply("a reply", () => 2);

    [Fact]
    public void NewSessionsHaveTheModels()
    {
        using MambaModel plain = TestModel.Create(_backend);
        using MambaSession none = plain.CreateSession();
        Assert.Equal(LongContextPolicy.None, none.Policy);

        using MambaModel model = TestModel.Create(
            _backend, null, new MambaModelOptions { LongContextPolicy = LongContextPolicy.Auto, TrainingLength = 128 });
        using MambaSession session = model.CreateSession();
        Assert.Equal((128, Window), (model.Info.TrainingLength, session.Policy));
    }

    [Fact]
    public void AModelIsNotMadeWithAPolicyThatDoesNotFit()
    {
        MambaModelOptions auto = new() { LongContextPolicy = LongContextPolicy.Auto };
        Assert.Throws<ArgumentException>(() => TestModel.Create(_backend, null, auto));
        Assert.Contains(
            "TrainingLength",
            Assert.Throws<ArgumentOutOfRangeException>(() => TestModel.Create(_backend, null, new MambaModelOptions { TrainingLength = 0 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void APolicyThatDoesNotFitChangesNothing()
    {
        using MambaModel model = TestModel.Create(_backend);
        using MambaSession session = model.CreateSession();
        session.Policy = Window;
        Assert.Throws<ArgumentException>(() => session.Policy = LongContextPolicy.Auto);
        Assert.Throws<ArgumentNullException>(() => session.Policy = null!);
        _backend.SettingPolicy = _ => throw new NotSupportedException("no");
        Assert.Throws<NotSupportedException>(() => session.Policy = LongContextPolicy.ForgetMore(0.5f));
        Assert.Equal(Window, session.Policy);
    }

    [Fact]
    public void TheSamePolicyAgainDoesNotBeginAnew()
    {
        using MambaModel model = TestModel.Create(_backend);
        using MambaSession session = model.CreateSession();
        int set = 0;
        _backend.SettingPolicy = _ => set++;
        session.Policy = Window;
        session.Policy = LongContextPolicy.RestartWindow(64);
        Assert.Equal(1, set);
    }

    [Fact]
    public async Task ASessionInUseIsNotChanged()
    {
        using MambaModel model = TestModel.Create(_backend);
        using MambaSession session = model.CreateSession();
        await using IAsyncEnumerator<GeneratedToken> tokens = session.GenerateAsync(Prompt).GetAsyncEnumerator();
        await tokens.MoveNextAsync();
        Assert.Throws<InvalidOperationException>(() => session.Policy = Window);
        Assert.Equal(LongContextPolicy.None, session.Policy);
        session.Dispose();
        await tokens.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => session.Policy = Window);
    }

    [Fact]
    public void ATokenFilterIsSetWithItsPromptsLength()
    {
        TokenFilterTable table = new(10, [new TokenFilterRow(100, [[0.5f]])]);
        using MambaModel model = TestModel.Create(_backend);
        using MambaSession session = model.CreateSession();
        Assert.Contains(
            "ForPrompt", Assert.Throws<ArgumentException>(() => session.Policy = LongContextPolicy.TokenFilter(table)).Message,
            StringComparison.Ordinal);
        session.Policy = LongContextPolicy.TokenFilter(table, 50);
        Assert.Equal(new TokenFilterPolicy([[0.5f]], 50), session.Policy);
    }
}
