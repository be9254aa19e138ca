namespace MambaConnector;

/// <summary>Where the states of conversations are kept between requests. A state is written once under an id of its own and never changed.</summary>
/// <remarks>Implementations are thread-safe. They may forget states at any time (expiry, limits): a conversation whose state is gone ends with a
/// <see cref="ConversationNotFoundException"/>. They need not know what the bytes mean: the chat client writes a version, the model's
/// fingerprint and checksums into them, and checks these when it reads them back.</remarks>
public interface IConversationStore
{
    /// <summary>Keeps a state.</summary>
    /// <param name="id">1 to 128 characters of <c>A-Z a-z 0-9 _ -</c>.</param>
    /// <param name="state">The bytes; not changed by anyone afterwards.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is kept under the id then.</param>
    /// <exception cref="IOException">Writing failed; nothing is kept under the id, and other states are as before.</exception>
    ValueTask SaveAsync(string id, ReadOnlyMemory<byte> state, CancellationToken cancellationToken = default);

    /// <summary>Returns a state, or null when none is kept under the id.</summary>
    /// <param name="id">Any text: what a caller sent. One that no state can have is one that is not kept.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="IOException">Reading failed.</exception>
    ValueTask<ReadOnlyMemory<byte>?> LoadAsync(string id, CancellationToken cancellationToken = default);

    /// <summary>Forgets a state; does nothing when none is kept under the id.</summary>
    /// <param name="id">As for <see cref="LoadAsync"/>.</param>
    /// <param name="cancellationToken">Ends the removal.</param>
    /// <exception cref="IOException">Removing failed.</exception>
    ValueTask RemoveAsync(string id, CancellationToken cancellationToken = default);
}
