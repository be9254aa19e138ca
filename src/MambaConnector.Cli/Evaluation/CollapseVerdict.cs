namespace MambaConnector.Cli.Evaluation;

/// <summary>The rule of arXiv 2410.07145, section 4.2: a state has collapsed where the loss exceeds twice its maximum within the training length.
/// As there, losses are means over steps of positions, and the first step, of which little is known before, is left out; so is a last one
/// that is not whole, for the mean of a few tokens says little.</summary>
/// <param name="MaximumWithin">The greatest mean loss of a step that ends within the training length, nats a token.</param>
/// <param name="MaximumBeyond">The greatest of the steps behind it; null where there are none.</param>
/// <param name="CollapsedAt">Where the first step begins that breaks the rule; null where none does.</param>
internal sealed record CollapseVerdict(double MaximumWithin, double? MaximumBeyond, long? CollapsedAt)
{
    private const double Limit = 2;

    /// <summary>Judges losses.</summary>
    /// <param name="steps">Means of steps in their order.</param>
    /// <param name="trainingLength">Tokens; 0: not known.</param>
    /// <param name="width">Positions of a whole step.</param>
    /// <returns>Null where no step can be compared with: the training length is not known, or less than two steps.</returns>
    public static CollapseVerdict? Judge(IReadOnlyList<LossBucket> steps, long trainingLength, long width)
    {
        LossBucket[] whole = [.. steps.Where(step => step.End % width == 0)];
        LossBucket[] within = [.. whole.Skip(1).Where(step => step.End <= trainingLength)];
        if (within.Length == 0)
        {
            return null;
        }

        // NaN is the loss of logits that are no numbers: nothing is more collapsed.
        double maximum = within.Max(step => step.Loss);
        LossBucket[] beyond = [.. whole.Where(step => step.Start >= trainingLength)];
        LossBucket? collapsed = beyond.FirstOrDefault(step => !(step.Loss <= Limit * maximum));
        return new CollapseVerdict(maximum, beyond.Length > 0 ? beyond.Max(step => step.Loss) : null, collapsed?.Start);
    }
}
