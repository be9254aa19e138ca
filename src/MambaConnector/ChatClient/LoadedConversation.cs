using MambaConnector.Backend;

namespace MambaConnector.ChatClient;

/// <summary>A conversation that was kept.</summary>
/// <param name="Header">What it says of itself.</param>
/// <param name="State">Its state, the receiver's own.</param>
internal sealed record LoadedConversation(ConversationHeader Header, IBackendSession State);
