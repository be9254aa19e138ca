namespace MambaConnector.Tokenization;

/// <summary>An added token found in a text, with the white space it takes.</summary>
internal readonly record struct AddedTokenMatch(int Id, int Start, int End);
