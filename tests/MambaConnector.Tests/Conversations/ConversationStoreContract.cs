using System.Security.Cryptography;

namespace MambaConnector.Tests.Conversations;

/// <summary>What every store does.</summary>
public abstract class ConversationStoreContract
{
    protected abstract IConversationStore Store { get; }

    [Fact]
    public async Task AStateComesBackAsItWasSaved()
    {
        byte[] state = RandomNumberGenerator.GetBytes(300_000);
        await Store.SaveAsync("conv_1", state);
        Assert.Equal(state, (await Store.LoadAsync("conv_1"))?.ToArray());
        Assert.Equal(state, (await Store.LoadAsync("conv_1"))?.ToArray());
    }

    [Fact]
    public async Task APartOfAnArrayIsKeptAsThatPart()
    {
        byte[] bytes = [1, 2, 3, 4, 5];
        await Store.SaveAsync("part", bytes.AsMemory(1, 3));
        await Store.SaveAsync("start", bytes.AsMemory(0, 3));
        Assert.Equal([2, 3, 4], (await Store.LoadAsync("part"))?.ToArray());
        Assert.Equal([1, 2, 3], (await Store.LoadAsync("start"))?.ToArray());
    }

    [Fact]
    public async Task EveryByteIsKeptAndNoneAtAllToo()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value), .. "\r\n$-1\r\n"u8];
        await Store.SaveAsync("all", all);
        await Store.SaveAsync("none", ReadOnlyMemory<byte>.Empty);
        Assert.Equal(all, (await Store.LoadAsync("all"))?.ToArray());
        Assert.Empty((await Store.LoadAsync("none"))!.Value.ToArray());
    }

    [Fact]
    public async Task AnUnknownIdIsNotKept() => Assert.Null(await Store.LoadAsync(ConversationId.Create()));

    [Fact]
    public async Task ARemovedStateIsGoneAndTheOthersStay()
    {
        await Store.SaveAsync("a", new byte[] { 1 });
        await Store.SaveAsync("b", new byte[] { 2 });
        await Store.RemoveAsync("a");
        await Store.RemoveAsync("a");
        Assert.Null(await Store.LoadAsync("a"));
        Assert.Equal([2], (await Store.LoadAsync("b"))?.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../a")]
    [InlineData("/tmp/a")]
    [InlineData("a.b")]
    [InlineData("a\r\nDEL a")]
    [InlineData("a\0")]
    [InlineData("ä")]
    public async Task AnIdThatNoStateCanHaveIsNotKept(string id)
    {
        Assert.Null(await Store.LoadAsync(id));
        await Store.RemoveAsync(id);
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(async () => await Store.SaveAsync(id, new byte[1]));
        Assert.Contains($"'{id}'", exception.Message);
    }

    [Fact]
    public async Task TheLongestIdIsKept()
    {
        string id = new('x', 128);
        await Store.SaveAsync(id, new byte[] { 7 });
        Assert.Equal([7], (await Store.LoadAsync(id))?.ToArray());
        Assert.Null(await Store.LoadAsync(id + "x"));
    }

    [Fact]
    public async Task ACancelledCallChangesNothing()
    {
        await Store.SaveAsync("a", new byte[] { 1 });
        CancellationToken cancelled = new(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.SaveAsync("b", new byte[] { 2 }, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.LoadAsync("a", cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.RemoveAsync("a", cancelled));
        Assert.Null(await Store.LoadAsync("b"));
        Assert.Equal([1], (await Store.LoadAsync("a"))?.ToArray());
    }

    [Fact]
    public async Task ManyCallersAtOnceGetTheirOwn() => await Parallel.ForEachAsync(
        Enumerable.Range(0, 64),
        new ParallelOptions { MaxDegreeOfParallelism = 8 },
        async (number, cancellationToken) =>
        {
            string id = $"many_{number}";
            byte[] state = new byte[1000 + number];
            Array.Fill(state, (byte)number);
            await Store.SaveAsync(id, state, cancellationToken);
            Assert.Equal(state, (await Store.LoadAsync(id, cancellationToken))?.ToArray());
            if (number % 2 == 0)
            {
                await Store.RemoveAsync(id, cancellationToken);
                Assert.Null(await Store.LoadAsync(id, cancellationToken));
            }
        });
}
