namespace MambaConnector.Chat;

/// <summary>A kind of part of a prompt.</summary>
internal enum PromptPart
{
    Text,
    Control,
    Begin,
    End,
}
