using System.Diagnostics;
using MambaConnector.Io;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Conversations;

/// <summary>States as files.</summary>
public sealed class DirectoryConversationStoreTests : ConversationStoreContract, IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-states-");
    private readonly ManualTime _time = new();

    protected override IConversationStore Store => Open();

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task OneFileAStateNamedByItsId()
    {
        await Store.SaveAsync("conv_1", new byte[10]);
        await Store.SaveAsync("Conv-2", new byte[10]);
        Assert.Equal(["Conv-2.state", "conv_1.state"], Names());
    }

    [Fact]
    public async Task TheLeastRecentlyUsedGoFirst()
    {
        await SaveAsync(Open(30), "a", 10);
        await SaveAsync(Open(30), "b", 10);
        await SaveAsync(Open(30), "c", 10);
        Assert.NotNull(await Open(30).LoadAsync("a"));
        _time.Advance(TimeSpan.FromSeconds(1));
        await SaveAsync(Open(30), "d", 11);
        Assert.Equal(["a.state", "d.state"], Names());
        await SaveAsync(Open(30), "e", 30);
        Assert.Equal(["e.state"], Names());
    }

    [Fact]
    public async Task TheStateJustSavedStaysEvenWhenTheClockHasGoneBack()
    {
        await SaveAsync(Open(30), "a", 20);
        _time.Advance(TimeSpan.FromHours(-1));
        ConversationStoreOptions options = new() { MaxBytes = 30 };
        await new DirectoryConversationStore(_directory.FullName + "/", options, _time).SaveAsync("b", new byte[20]);
        Assert.Equal(["b.state"], Names());
    }

    [Fact]
    public async Task ASmallerLimitIsAppliedWhenTheDirectoryIsOpened()
    {
        await SaveAsync(Open(), "a", 10);
        await SaveAsync(Open(), "b", 10);
        Open(10);
        Assert.Equal(["b.state"], Names());
    }

    [Fact]
    public async Task AStateLargerThanTheStoreIsRefusedAndNothingChanges()
    {
        DirectoryConversationStore store = Open(30);
        await SaveAsync(store, "a", 30);
        IOException exception = await Assert.ThrowsAsync<IOException>(async () => await store.SaveAsync("b", new byte[31]));
        Assert.Contains("'b' has 31 bytes", exception.Message);
        Assert.Contains("MaxBytes", exception.Message);
        Assert.Equal(["a.state"], Names());
    }

    [Fact]
    public async Task AStateExpiresWhenNobodyUsesIt()
    {
        DirectoryConversationStore store = Open(expiration: TimeSpan.FromMinutes(10));
        await store.SaveAsync("a", new byte[10]);
        await store.SaveAsync("b", new byte[10]);
        _time.Advance(TimeSpan.FromMinutes(9));
        Assert.NotNull(await store.LoadAsync("a"));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(await store.LoadAsync("b"));
        Assert.NotNull(await store.LoadAsync("a"));
        await store.SaveAsync("c", new byte[10]);
        Assert.Equal(["a.state", "c.state"], Names());
        _time.Advance(TimeSpan.FromMinutes(10));
        Open(expiration: TimeSpan.FromMinutes(10));
        Assert.Empty(Names());
    }

    [Theory]
    [InlineData(0, null, "MaxBytes")]
    [InlineData(1, 0, "SlidingExpiration")]
    public void OptionsOutOfRangeAreNamed(long maxBytes, int? seconds, string name) => Assert.Equal(
        name,
        Assert.Throws<ArgumentOutOfRangeException>(
            () => Open(maxBytes, seconds is int value ? TimeSpan.FromSeconds(value) : null)).ParamName);

    [Fact]
    public async Task ADamagedFileIsNamedAndTheOthersAreIntact()
    {
        await Store.SaveAsync("a", new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 });
        await Store.SaveAsync("b", new byte[] { 1 });
        string path = PathOf("a.state");
        byte[] file = await File.ReadAllBytesAsync(path);
        List<byte[]> damaged = [.. Enumerable.Range(0, file.Length).Select(length => file[..length]), [.. file, 0]];
        for (int index = 0; index < file.Length; index++)
        {
            byte[] changed = [.. file];
            changed[index] ^= 1;
            damaged.Add(changed);
        }

        foreach (byte[] content in damaged)
        {
            await File.WriteAllBytesAsync(path, content);
            IOException exception = await Assert.ThrowsAsync<IOException>(async () => await Store.LoadAsync("a"));
            Assert.Contains(path, exception.Message);
        }

        Assert.Equal([1], (await Store.LoadAsync("b"))?.ToArray());
        await File.WriteAllBytesAsync(path, file);
        Assert.Equal(9, (await Store.LoadAsync("a"))?.Length);
    }

    [Fact]
    public async Task ALaterVersionIsNamed()
    {
        await Store.SaveAsync("a", new byte[] { 1 });
        byte[] file = await File.ReadAllBytesAsync(PathOf("a.state"));
        file[8] = 7;
        await File.WriteAllBytesAsync(PathOf("a.state"), file);
        IOException exception = await Assert.ThrowsAsync<IOException>(async () => await Store.LoadAsync("a"));
        Assert.Contains("version 7", exception.Message);
    }

    [Fact]
    public async Task ARenamedFileContinuesNoOtherConversation()
    {
        await Store.SaveAsync("a", new byte[] { 1 });
        File.Move(PathOf("a.state"), PathOf("b.state"));
        Assert.Null(await Store.LoadAsync("a"));
        Assert.Null(await Store.LoadAsync("b"));
    }

    [Fact]
    public async Task ADirectoryThatVanishesKeepsNothing()
    {
        DirectoryConversationStore store = new(PathOf("sub"));
        await store.SaveAsync("a", new byte[] { 1 });
        Directory.Delete(PathOf("sub"), recursive: true);
        Assert.Null(await store.LoadAsync("a"));
        await store.RemoveAsync("a");
        await Assert.ThrowsAnyAsync<IOException>(async () => await store.SaveAsync("a", new byte[] { 1 }));
    }

    [Fact]
    public void APathThatIsAFileIsRefused()
    {
        File.WriteAllText(PathOf("file"), "");
        Assert.Contains("file", Assert.ThrowsAny<IOException>(() => new DirectoryConversationStore(PathOf("file"))).Message);
    }

    [Fact]
    public async Task AFailedWriteLeavesNothing()
    {
        Directory.CreateDirectory(PathOf("a.state"));
        await Assert.ThrowsAnyAsync<IOException>(async () => await Store.SaveAsync("a", new byte[] { 1 }));
        await Assert.ThrowsAnyAsync<IOException>(async () => await Store.LoadAsync("a"));
        Assert.Empty(Names());
    }

    [Fact]
    public void ACancelledWriteStopsBetweenItsParts()
    {
        using CancellationTokenSource source = new();
        using MemoryStream stream = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => ConversationFile.Write(stream, "a", new byte[10 << 20], source.Token));
        Assert.Equal(ConversationFile.HeaderLength, stream.Length);
    }

    [Fact]
    public void ANewDirectoryIsItsOwnersAlone()
    {
        DirectoryConversationStore store = new(PathOf("new/sub"));
        Assert.NotNull(store);
        Assert.True(Directory.Exists(PathOf("new/sub")));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(PathOf("new/sub")));
        }
    }

    [Fact]
    public async Task LeftoversOfDeadWritersGoAndNothingElse()
    {
        string[] others = ["notes.txt", "a.state.bak", "b.tmp", "not an id.state", ".state", "x.state.1.tmp.old"];
        foreach (string name in (string[])[.. others, "a.state.1.tmp"])
        {
            await File.WriteAllTextAsync(PathOf(name), name);
            File.SetLastWriteTimeUtc(PathOf(name), _time.GetUtcNow().UtcDateTime);
        }

        Open(1, TimeSpan.FromDays(1));
        Assert.Contains("a.state.1.tmp", Names());
        _time.Advance(TimeSpan.FromHours(1));
        Open(1, TimeSpan.FromMinutes(1));
        Assert.Equal(others.Order(StringComparer.Ordinal), Names());
    }

    [Fact]
    public void AFileThatIsBeingWrittenStaysHoweverOldItLooks()
    {
        AtomicFile.Write(PathOf("a.state"), stream =>
        {
            ConversationFile.Write(stream, "a", new byte[] { 5 }, CancellationToken.None);
            File.SetLastWriteTimeUtc(stream.SafeFileHandle, _time.GetUtcNow().UtcDateTime);
            _time.Advance(TimeSpan.FromHours(1));
            Open();
            Assert.EndsWith(".tmp", Assert.Single(Names()), StringComparison.Ordinal);
        });
        Assert.Equal(["a.state"], Names());
    }

    [Fact]
    public async Task StoresThatShareADirectoryKeepItsLimitTogether()
    {
        ConversationStoreOptions options = new() { MaxBytes = 5000 };
        await Parallel.ForEachAsync(
            Enumerable.Range(0, 200),
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            async (number, cancellationToken) =>
            {
                DirectoryConversationStore store = new(_directory.FullName, options);
                byte[] state = new byte[500 + number];
                Array.Fill(state, (byte)number);
                await store.SaveAsync($"id_{number}", state, cancellationToken);
                if (await store.LoadAsync($"id_{number - 3}", cancellationToken) is ReadOnlyMemory<byte> found)
                {
                    Assert.Equal(500 + number - 3, found.Length);
                    Assert.Equal(-1, found.Span.IndexOfAnyExcept((byte)(number - 3)));
                }
            });
        Assert.InRange(_directory.GetFiles().Sum(file => file.Length - ConversationFile.HeaderLength), 1, 5000);
    }

    /// <summary>Writers are killed while they write: what they have reported saved is all there, and of the rest whole states or
    /// nothing.</summary>
    [Fact]
    public async Task AKilledWriterLosesAtMostTheStateThatItWasWriting()
    {
        Random random = new(1);
        List<string> saved = [];
        const int Rounds = 8;
        for (int round = 0; round < Rounds; round++)
        {
            using Process writer = StateWriter.Start(_directory.FullName, $"round{round}");
            for (int left = random.Next(1, 5); left > 0; left--)
            {
                saved.Add(await writer.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The writer ended."));
            }

            // Anywhere in the next state or the one after it.
            Thread.SpinWait(random.Next(1 << 20));
            writer.Kill();
            while (await writer.StandardOutput.ReadLineAsync() is string id)
            {
                saved.Add(id);
            }

            await writer.WaitForExitAsync();
        }

        _time.Advance(DateTimeOffset.UtcNow.AddHours(1) - _time.GetUtcNow());
        DirectoryConversationStore store = Open();
        string[] names = Names();
        Assert.All(names, name => Assert.EndsWith(".state", name, StringComparison.Ordinal));
        string[] kept = [.. names.Select(name => Path.GetFileNameWithoutExtension(name))];
        Assert.Empty(saved.Except(kept));
        Assert.InRange(kept.Length, saved.Count, saved.Count + Rounds);
        foreach (string id in kept)
        {
            Assert.Equal(StateWriter.StateOf(id), (await store.LoadAsync(id))?.ToArray());
        }
    }

    private DirectoryConversationStore Open(long maxBytes = 1 << 30, TimeSpan? expiration = null) => new(
        _directory.FullName, new ConversationStoreOptions { MaxBytes = maxBytes, SlidingExpiration = expiration }, _time);

    private async Task SaveAsync(DirectoryConversationStore store, string id, int length)
    {
        await store.SaveAsync(id, new byte[length]);
        _time.Advance(TimeSpan.FromSeconds(1));
    }

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private string[] Names() => [.. _directory.GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];
}
