namespace MambaConnector.Constraints;

/// <summary>What a <see cref="LocalMask"/> depends on.</summary>
/// <param name="Rule">What the node follows, by its value.</param>
/// <param name="Least">How far it is from the fewest characters.</param>
/// <param name="Position">How far it is, in the rule's terms.</param>
internal readonly record struct LocalMaskKey(string Rule, int Least, long Position);
