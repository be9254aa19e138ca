namespace MambaConnector.Constraints;

/// <summary>What may come next inside a node, whatever stands around it.</summary>
/// <param name="Tokens">The tokens that stay inside it.</param>
/// <param name="Exits">The nodes of the vocabulary's trie where the node may end: what may follow depends on what stands around.</param>
internal sealed record LocalMask(uint[] Tokens, int[] Exits);
