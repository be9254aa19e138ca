using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MambaConnector.Tests.Conversations;

/// <summary>States in the distributed cache that is none: the framework's, in memory.</summary>
public sealed class MemoryCacheConversationStoreTests : ConversationStoreContract
{
    protected override IConversationStore Store { get; } =
        new DistributedCacheConversationStore(new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions())));
}
