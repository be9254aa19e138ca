namespace MambaConnector.Cli.Output;

/// <summary>What one head did, [positions] each.</summary>
/// <param name="Head">Its index.</param>
/// <param name="Dt">Step sizes, in the mean.</param>
/// <param name="Decay">exp(dt A), in the geometric mean.</param>
/// <param name="BNorm">||B||, in the mean.</param>
/// <param name="XNorm">||x||, in the mean.</param>
/// <param name="Memory">What is left of the first token; 0 once a window let go of it.</param>
internal sealed record HeadDynamicsDocument(
    int Head,
    IReadOnlyList<double> Dt,
    IReadOnlyList<double> Decay,
    IReadOnlyList<double> BNorm,
    IReadOnlyList<double> XNorm,
    IReadOnlyList<double> Memory);
