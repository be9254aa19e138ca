namespace MambaConnector.Constraints;

/// <summary>What a <see cref="LocalMask"/> depends on.</summary>
/// <param name="Rule">The rule of the string, by its value.</param>
/// <param name="Least">How far its count is from the fewest characters.</param>
/// <param name="Position">How far the string is, in the rule's terms.</param>
internal readonly record struct LocalMaskKey(string Rule, int Least, long Position);
