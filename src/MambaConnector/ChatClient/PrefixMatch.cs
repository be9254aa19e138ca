using MambaConnector.Backend;

namespace MambaConnector.ChatClient;

/// <summary>The beginning of a prompt that need not be read again.</summary>
/// <param name="State">A copy of the state after it, the receiver's own.</param>
/// <param name="Length">Tokens that it covers.</param>
internal readonly record struct PrefixMatch(IBackendSession State, int Length);
