namespace MambaConnector.Chat;

/// <summary>Takes a prompt as control tokens and text, in the order of the prompt.</summary>
internal abstract class PromptBuilder
{
    /// <summary>The token that begins a sequence.</summary>
    public abstract PromptBuilder Begin();

    /// <summary>The token that ends a sequence.</summary>
    public abstract PromptBuilder End();

    /// <summary>A control token by its name.</summary>
    public abstract PromptBuilder Control(string token);

    /// <summary>Text of the template or of a message.</summary>
    public abstract PromptBuilder Text(string text);

    /// <summary>The end of a turn, or of what stands before the first.</summary>
    public abstract void EndTurn();

    /// <summary>The tokens that were generated as this reply after the prompt so far, if they are known.</summary>
    /// <returns>Whether they are; otherwise nothing was added.</returns>
    public abstract bool TryAddKnownReply(ChatTurn reply);
}
