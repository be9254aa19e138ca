namespace MambaConnector.LongContext;

/// <summary>The moving average of losses, and its largest within the training length.</summary>
/// <param name="tokens">Over about how many it goes: exponential, and the plain mean while there are fewer. Only from then on is it compared: a text's first
/// losses are high, because nothing is known before them.</param>
/// <param name="trainingLength">T_train.</param>
internal sealed class LossAverage(int tokens, long trainingLength)
{
    private readonly long _tokens = Math.Min(tokens, trainingLength);
    private double _average;
    private double _largest = double.NaN;
    private long _count;
    private long _brokenFor;
    private bool _isPast;

    /// <summary>The average, of its largest within the training length; infinite while one of the last losses was no finite number. Null before the training
    /// length is past, and where too few were added within it.</summary>
    public double? Ratio => _brokenFor > 0 ? double.PositiveInfinity : _isPast && !double.IsNaN(_largest) ? _average / _largest : null;

    public void Add(long position, ReadOnlySpan<float> losses)
    {
        foreach (float loss in losses)
        {
            _isPast = position++ >= trainingLength;
            if (!float.IsFinite(loss))
            {
                _brokenFor = _tokens;
                continue;
            }

            _brokenFor -= _brokenFor > 0 ? 1 : 0;
            _count++;
            _average += (loss - _average) * (_count <= _tokens ? 1.0 / _count : 2.0 / (_tokens + 1));
            if (!_isPast && _count >= _tokens)
            {
                _largest = double.IsNaN(_largest) ? _average : Math.Max(_largest, _average);
            }
        }
    }
}
