using MambaConnector.Models;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace MambaConnector.Conformance.Support;

/// <summary>The model that comes with the library, loaded once for all tests.</summary>
public sealed class ModelFixture : IDisposable
{
    public MambaModel Model { get; } = Mamba2Chat.Load();

    public IChatClient CreateChatClient(MambaChatClientOptions? options = null, ILoggerFactory? loggerFactory = null) =>
        new MambaChatClient(Model, options, loggerFactory: loggerFactory);

    public void Dispose() => Model.Dispose();
}
