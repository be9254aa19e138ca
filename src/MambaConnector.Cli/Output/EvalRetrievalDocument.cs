namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>eval retrieval</c>.</summary>
/// <param name="Model">The model's path, or the name of the embedded one.</param>
/// <param name="TrainingLength">The model's; null where it is not known.</param>
/// <param name="Text">The files that keys were hidden in.</param>
/// <param name="TextTokens">Tokens of them: what is longer repeats them.</param>
/// <param name="Sentence">What says a key.</param>
/// <param name="Question">What asks for it.</param>
/// <param name="Lengths">Tokens of the prompts at most.</param>
/// <param name="Depths">Places of the key in each.</param>
/// <param name="Samples">Documents for each place.</param>
/// <param name="Seed">Chose keys and text.</param>
/// <param name="SectionTokens">Tokens of a section, about.</param>
/// <param name="Ways">What each way found.</param>
internal sealed record EvalRetrievalDocument(
    string Model,
    long? TrainingLength,
    IReadOnlyList<string> Text,
    long TextTokens,
    string Sentence,
    string Question,
    IReadOnlyList<long> Lengths,
    int Depths,
    int Samples,
    int Seed,
    int SectionTokens,
    IReadOnlyList<EvalRetrievalSeries> Ways);
