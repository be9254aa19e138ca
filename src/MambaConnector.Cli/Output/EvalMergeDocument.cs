using MambaConnector.Cli.Merging;

namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>eval merge</c>.</summary>
/// <param name="Model">The model's path, or the name of the embedded one.</param>
/// <param name="Text">The files that were read.</param>
/// <param name="Sentence">What says a key.</param>
/// <param name="Question">What asks for it.</param>
/// <param name="Opening"><c>each</c> part with a key had the opening of a prompt before it, or the <c>first</c> alone.</param>
/// <param name="Parts">Numbers of parts.</param>
/// <param name="PartTokens">Tokens of a part, about.</param>
/// <param name="Continuation">Tokens that were predicted.</param>
/// <param name="Samples">Places in the texts, and keys.</param>
/// <param name="Seed">Chose both.</param>
/// <param name="Cells">Each number of parts and way.</param>
internal sealed record EvalMergeDocument(
    string Model,
    IReadOnlyList<string> Text,
    string Sentence,
    string Question,
    string Opening,
    IReadOnlyList<int> Parts,
    int PartTokens,
    int Continuation,
    int Samples,
    int Seed,
    IReadOnlyList<MergeCell> Cells);
