namespace MambaConnector.Scheduling;

/// <summary>Decides which sequences a step advances, and by how much.</summary>
/// <remarks>Every decoding sequence is in every step; prompts are read in pieces between them. A piece ends at a border, at the prompt's end, or on
/// the engine's chunk grid, where a cut changes no bit: so a result does not depend on who else is served. Prompts take turns chunk by chunk, those
/// first that have waited longest, so a short one that comes behind a long one is soon read.</remarks>
/// <param name="maxRows">Rows of a batch: one slice of the engine, a multiple of <see cref="SequenceRun.ChunkTokens"/>.</param>
/// <param name="prefillSliceTokens">Rows for prompts in a step in which anything decodes.</param>
internal sealed class BatchPlanner(int maxRows, int prefillSliceTokens)
{
    // Less than a chunk would never reach the next point of the grid.
    private readonly int _prefillRows = Math.Max(prefillSliceTokens, SequenceRun.ChunkTokens);
    private readonly List<SequenceRun> _decoding = [];
    private readonly List<SequenceRun> _reading = [];
    private long _step;
    private bool _prefillGoesFirst;

    /// <summary>Fills <paramref name="parts"/> with the next batch: something for at least one of <paramref name="runs"/> that has not
    /// ended.</summary>
    public void Plan(IReadOnlyList<SequenceRun> runs, List<BatchPart> parts)
    {
        _step++;
        parts.Clear();
        Split(runs);

        // When decoding filled the last batch to the brim, one piece of a prompt comes before it now.
        int decodeRows = maxRows - (_prefillGoesFirst ? Rows(_reading[0].NextCut(0)) : 0);
        bool isDecoding = _decoding.Count > 0;
        if (_decoding.Count > decodeRows)
        {
            _decoding.Sort(ByTurn);
            _decoding.RemoveRange(decodeRows, _decoding.Count - decodeRows);
        }

        foreach (SequenceRun run in _decoding)
        {
            parts.Add(new BatchPart(run, 1));
            run.LastStep = _step;
        }

        int before = parts.Count;
        int free = maxRows - _decoding.Count;
        Deal(isDecoding ? Math.Min(free, _prefillRows) : free, parts);
        _prefillGoesFirst = _reading.Count > 0 && parts.Count == before;
    }

    private static int Rows(int tokens) => Math.Max(tokens, 1);

    // Those who wait longest first; of these, in order of arrival.
    private static int ByTurn(SequenceRun left, SequenceRun right) =>
        left.LastStep != right.LastStep ? left.LastStep.CompareTo(right.LastStep) : left.Number.CompareTo(right.Number);

    private void Split(IReadOnlyList<SequenceRun> runs)
    {
        _decoding.Clear();
        _reading.Clear();
        foreach (SequenceRun run in runs.Where(run => !run.IsEnded))
        {
            // One that is new waits since the last step.
            run.LastStep = run.LastStep == 0 ? _step - 1 : run.LastStep;
            (run.IsReading ? _reading : _decoding).Add(run);
        }

        _reading.Sort(ByTurn);
        _prefillGoesFirst &= _reading.Count > 0;
    }

    /// <summary>Gives each prompt a piece up to its next cut, and again, while there are rows.</summary>
    private void Deal(int rows, List<BatchPart> parts)
    {
        int first = parts.Count;
        foreach (SequenceRun run in _reading)
        {
            int count = run.NextCut(0);
            if (Rows(count) <= rows)
            {
                parts.Add(new BatchPart(run, count));
                run.LastStep = _step;
                rows -= Rows(count);
            }
        }

        for (bool isGiven = true; isGiven;)
        {
            isGiven = false;
            for (int index = first; index < parts.Count; index++)
            {
                (SequenceRun run, int count) = parts[index];
                int more = run.NextCut(count);
                if (more > 0 && more <= rows)
                {
                    parts[index] = new BatchPart(run, count + more);
                    rows -= more;
                    isGiven = true;
                }
            }
        }
    }
}
