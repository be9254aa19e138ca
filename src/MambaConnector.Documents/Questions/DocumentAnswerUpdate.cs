namespace MambaConnector.Documents;

/// <summary>What happens while a question is being answered.</summary>
/// <param name="Phase">What it tells.</param>
/// <param name="Text">A piece of the answer; may be empty.</param>
/// <param name="Section">Of <see cref="DocumentAnswerPhase.Choosing"/>: the section that was looked at, and how certain it is.</param>
/// <param name="Answer">The whole answer, on the last update alone.</param>
public sealed record DocumentAnswerUpdate(
    DocumentAnswerPhase Phase, string Text, SectionCertainty? Section = null, DocumentAnswer? Answer = null);
