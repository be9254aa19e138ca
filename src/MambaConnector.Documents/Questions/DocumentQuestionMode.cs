namespace MambaConnector.Documents;

/// <summary>Which state answers a question about a document.</summary>
public enum DocumentQuestionMode
{
    /// <summary>The whole document's up to the model's training length, else the best section's; of a model that does not say its training length
    /// the best section's, where there are several.</summary>
    Auto,

    /// <summary>That behind the whole document.</summary>
    FullState,

    /// <summary>Of the states that have read one section alone, that which is most certain of its answer: with the least mean entropy
    /// (<see cref="DocumentQuestionOptions.CertaintyTokens"/>; after OPRM, github.com/assafbk/OPRM).</summary>
    BestSection,
}
