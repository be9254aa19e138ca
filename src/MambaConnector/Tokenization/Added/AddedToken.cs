namespace MambaConnector.Tokenization;

/// <summary>A token that is looked for in the text before anything is cut or merged (<c>added_tokens</c> in
/// <c>tokenizer.json</c>).</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">The text it is found by.</param>
/// <param name="Special">A control token: only looked for when special tokens are parsed.</param>
/// <param name="SingleWord">Only found where no word character touches it.</param>
/// <param name="LeftStrip">Takes the white space before it.</param>
/// <param name="RightStrip">Takes the white space behind it.</param>
/// <param name="Normalized">Looked for in the normalized text, by its normalized content.</param>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false,
        bool Normalized = false);
