namespace MambaConnector.Tests.Constraints;

/// <summary>What a bad model would choose.</summary>
public enum Adversary
{
    /// <summary>Anything.</summary>
    Random,

    /// <summary>The longest token; never the end.</summary>
    Longest,

    /// <summary>White space wherever it may stand; never the end.</summary>
    Spaces,

    /// <summary>Opens whatever can be opened and closes nothing.</summary>
    Nesting,

    /// <summary>Escapes, halves of characters, commas and points.</summary>
    Fragments,
}
