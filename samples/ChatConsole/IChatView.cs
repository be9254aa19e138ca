namespace ChatConsole;

/// <summary>How a conversation is shown.</summary>
internal interface IChatView
{
    /// <summary>Says what was loaded and what can be typed.</summary>
    void Welcome(string model, string details);

    /// <summary>Asks for the next message.</summary>
    /// <returns>Null at the end of the input.</returns>
    string? ReadLine(string prompt);

    /// <summary>Shows the next piece of a reply.</summary>
    void WriteReply(string piece);

    /// <summary>Ends a reply.</summary>
    void EndReply();

    /// <summary>Tells about the conversation; no part of it.</summary>
    void Note(string text);

    /// <summary>Tells what went wrong.</summary>
    void Fail(string sentence);
}
