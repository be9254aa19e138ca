namespace MambaConnector.Constraints;

/// <summary>What a byte inside a JSON string comes to.</summary>
internal enum StringOutcome
{
    /// <summary>No JSON string goes on like this.</summary>
    Dead,

    /// <summary>A character has begun and not ended.</summary>
    Pending,

    /// <summary>A character has ended.</summary>
    CodePoint,

    /// <summary>The string is closed.</summary>
    Quote,
}
