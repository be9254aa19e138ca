namespace MambaConnector.Backend;

/// <summary>What a session holds now.</summary>
/// <param name="TokenCount">Tokens consumed since the state was empty.</param>
/// <param name="StateBytes">Bytes of the state.</param>
/// <param name="RollbackAvailable">Tokens that can be undone now.</param>
/// <param name="TokenHash">Chain over all consumed tokens.</param>
/// <param name="Policy">What the state is kept healthy by.</param>
/// <param name="IsOffloaded">Whether the state of a session on a device rests in host memory.</param>
internal readonly record struct SessionInfo(
    long TokenCount, long StateBytes, long RollbackAvailable, ulong TokenHash, LongContextPolicy Policy, bool IsOffloaded = false);
