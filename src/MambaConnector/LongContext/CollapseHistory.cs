namespace MambaConnector.LongContext;

/// <summary>Reports of a session over its whole length, in bounded memory: when it is full every second one goes, and from then on only every second,
/// fourth, ... is kept. Not thread-safe.</summary>
internal sealed class CollapseHistory(int capacity)
{
    private readonly List<CollapseReport> _reports = [];
    private long _stride = 1;
    private long _count;

    public void Add(in CollapseReport report)
    {
        if (_count++ % _stride != 0)
        {
            return;
        }

        if (_reports.Count == capacity)
        {
            int kept = 0;
            for (int index = 0; index < _reports.Count; index += 2)
            {
                _reports[kept++] = _reports[index];
            }

            _reports.RemoveRange(kept, _reports.Count - kept);
            _stride *= 2;
            if ((_count - 1) % _stride != 0)
            {
                return;
            }
        }

        _reports.Add(report);
    }

    public IReadOnlyList<CollapseReport> ToList() => [.. _reports];
}
