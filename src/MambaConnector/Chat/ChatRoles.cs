namespace MambaConnector;

/// <summary>The roles that templates know.</summary>
public static class ChatRoles
{
    /// <summary>Instructions for the whole conversation.</summary>
    public const string System = "system";

    /// <summary>The person.</summary>
    public const string User = "user";

    /// <summary>The model.</summary>
    public const string Assistant = "assistant";

    /// <summary>What a tool that the model called gives back.</summary>
    public const string Tool = "tool";
}
