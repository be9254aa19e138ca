using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Conversations;

/// <summary>States in memory.</summary>
public sealed class MemoryConversationStoreTests : ConversationStoreContract
{
    protected override IConversationStore Store { get; } = new MemoryConversationStore();

    [Fact]
    public async Task TheLeastRecentlyUsedGoFirst()
    {
        MemoryConversationStore store = new(new ConversationStoreOptions { MaxBytes = 30 });
        await store.SaveAsync("a", new byte[10]);
        await store.SaveAsync("b", new byte[10]);
        await store.SaveAsync("c", new byte[10]);
        Assert.Equal((3, 30), (store.Count, store.Bytes));
        await store.LoadAsync("a");
        await store.SaveAsync("d", new byte[11]);
        Assert.Equal((2, 21), (store.Count, store.Bytes));
        Assert.Null(await store.LoadAsync("b"));
        Assert.Null(await store.LoadAsync("c"));
        Assert.NotNull(await store.LoadAsync("a"));
        Assert.NotNull(await store.LoadAsync("d"));
    }

    [Fact]
    public async Task AStateLargerThanTheStoreIsRefusedAndNothingChanges()
    {
        MemoryConversationStore store = new(new ConversationStoreOptions { MaxBytes = 30 });
        await store.SaveAsync("a", new byte[30]);
        IOException exception = await Assert.ThrowsAsync<IOException>(async () => await store.SaveAsync("b", new byte[31]));
        Assert.Contains("'b' has 31 bytes", exception.Message);
        Assert.Contains("MaxBytes", exception.Message);
        Assert.Equal((1, 30), (store.Count, store.Bytes));
    }

    [Fact]
    public async Task AStateExpiresWhenNobodyUsesIt()
    {
        ManualTime time = new();
        MemoryConversationStore store = new(new ConversationStoreOptions { SlidingExpiration = TimeSpan.FromMinutes(10) }, time);
        await store.SaveAsync("a", new byte[10]);
        await store.SaveAsync("b", new byte[10]);
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.NotNull(await store.LoadAsync("a"));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((1, 10), (store.Count, store.Bytes));
        Assert.Null(await store.LoadAsync("b"));
        Assert.NotNull(await store.LoadAsync("a"));
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal((0, 0), (store.Count, store.Bytes));
    }

    [Theory]
    [InlineData(0, null, "MaxBytes")]
    [InlineData(-1, null, "MaxBytes")]
    [InlineData(1, 0, "SlidingExpiration")]
    [InlineData(1, -1, "SlidingExpiration")]
    public void OptionsOutOfRangeAreNamed(long maxBytes, int? seconds, string name)
    {
        ConversationStoreOptions options = new()
        {
            MaxBytes = maxBytes,
            SlidingExpiration = seconds is int value ? TimeSpan.FromSeconds(value) : null,
        };
        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryConversationStore(options)).ParamName);
    }

    /// <summary>Any sequence of calls does what a list that is searched from end to end does.</summary>
    [Fact]
    public void AnySequenceOfCallsAgreesWithANaiveModel() => Check.One(
        PropertyConfig.Of(500).WithEndSize(200),
        Prop.ForAll(ArbMap.Default.ArbFor<(byte Kind, byte Id, byte Amount)[]>(), Agrees));

    private static void Agrees((byte Kind, byte Id, byte Amount)[] calls)
    {
        const int MaxBytes = 400;
        TimeSpan expiration = TimeSpan.FromSeconds(100);
        ManualTime time = new();
        MemoryConversationStore store = new(new ConversationStoreOptions { MaxBytes = MaxBytes, SlidingExpiration = expiration }, time);
        List<(string Id, byte[] State, DateTimeOffset UsedAt)> model = [];
        foreach ((byte kind, byte number, byte amount) in calls)
        {
            string id = $"id_{number % 8}";
            int found = model.FindIndex(entry => entry.Id == id);
            switch (kind % 4)
            {
                case 0:
                    byte[] state = new byte[amount * 2];
                    bool fits = state.Length <= MaxBytes;
                    Assert.Equal(fits, Record.Exception(() => store.SaveAsync(id, state).AsTask().GetAwaiter().GetResult()) is null);
                    if (fits)
                    {
                        model.RemoveAll(entry => entry.Id == id);
                        model.Add((id, state, time.GetUtcNow()));
                        while (model.Sum(entry => entry.State.Length) > MaxBytes)
                        {
                            model.Remove(model.MinBy(entry => entry.UsedAt));
                        }
                    }

                    break;
                case 1:
                    Assert.Equal(found < 0 ? null : model[found].State, store.LoadAsync(id).AsTask().GetAwaiter().GetResult()?.ToArray());
                    if (found >= 0)
                    {
                        byte[] kept = model[found].State;
                        model.RemoveAt(found);
                        model.Add((id, kept, time.GetUtcNow()));
                    }

                    break;
                case 2:
                    store.RemoveAsync(id).AsTask().GetAwaiter().GetResult();
                    model.RemoveAll(entry => entry.Id == id);
                    break;
                default:
                    time.Advance(TimeSpan.FromSeconds(amount % 64));
                    model.RemoveAll(entry => time.GetUtcNow() - entry.UsedAt >= expiration);
                    break;
            }

            Assert.Equal(model.Count, store.Count);
            Assert.Equal(model.Sum(entry => entry.State.Length), store.Bytes);
        }
    }
}
