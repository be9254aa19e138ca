namespace MambaConnector.Documents;

/// <summary>What an update of an answer tells.</summary>
public enum DocumentAnswerPhase
{
    /// <summary>A section has said how certain it is.</summary>
    Choosing,

    /// <summary>A piece of the answer.</summary>
    Answering,
}
