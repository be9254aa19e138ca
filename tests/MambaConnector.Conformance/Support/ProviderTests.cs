using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Support;

/// <summary>A client of its own for each test.</summary>
[Collection(SharedModel.Name)]
public abstract class ProviderTests(ModelFixture fixture) : IDisposable
{
    protected ModelFixture Fixture { get; } = fixture;

    protected IChatClient Client { get; } = fixture.CreateChatClient();

    /// <summary>Short, and the same in every run.</summary>
    protected static ChatOptions Brief(int maximum = 16) => new() { MaxOutputTokens = maximum, Seed = 1 };

    public void Dispose()
    {
        Client.Dispose();
        GC.SuppressFinalize(this);
    }
}
