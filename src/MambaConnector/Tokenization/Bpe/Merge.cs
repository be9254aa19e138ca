namespace MambaConnector.Tokenization;

/// <summary>What two adjacent symbols become, and how early: the lowest rank is merged first.</summary>
internal readonly record struct Merge(int Rank, int Symbol);
