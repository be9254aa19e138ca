namespace MambaConnector;

/// <summary>How a session's state is doing.</summary>
public enum CollapseLevel
{
    /// <summary>As within the training length.</summary>
    Healthy = 0,

    /// <summary>Something is unusual.</summary>
    Watch = 1,

    /// <summary>The state has left the range that the model knows: what it says from here on is not to be relied on.</summary>
    Collapsing = 2,
}
