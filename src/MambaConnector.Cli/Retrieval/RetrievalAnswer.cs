namespace MambaConnector.Cli.Retrieval;

/// <summary>What one way of asking found of one key.</summary>
/// <param name="Way">The way's name.</param>
/// <param name="Length">Tokens of the prompt at most.</param>
/// <param name="Depth">How far into the document the key stands, 0 to 1.</param>
/// <param name="Sample">Which of those of this length and depth, from 0.</param>
/// <param name="Key">The number, in its five digits.</param>
/// <param name="Answer">What was said.</param>
/// <param name="Found">Whether that holds the number.</param>
/// <param name="ReadSeconds">Time to read the document once for all questions, and where sections are compared each of them alone once more; 0
/// where it is read for each.</param>
/// <param name="AskSeconds">Time from the question to the end of the answer.</param>
internal sealed record RetrievalAnswer(
    string Way, long Length, double Depth, int Sample, string Key, string Answer, bool Found, double ReadSeconds, double AskSeconds);
