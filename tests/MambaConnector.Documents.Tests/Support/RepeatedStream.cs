namespace MambaConnector.Documents.Tests.Support;

/// <summary>A pattern over and over, up to a length: documents that no memory holds.</summary>
/// <param name="pattern">What comes over and over.</param>
/// <param name="length">Bytes in all.</param>
/// <param name="begin">What comes once before.</param>
/// <param name="onRead">Told how far it was read.</param>
internal sealed class RepeatedStream(byte[] pattern, long length, byte[]? begin = null, Action<long>? onRead = null) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        count = (int)Math.Min(count, length - _position);
        for (int index = 0; index < count; index++)
        {
            long place = _position + index - (begin?.Length ?? 0);
            buffer[offset + index] = place < 0 ? begin![(int)(_position + index)] : pattern[(int)(place % pattern.Length)];
        }

        _position += count;
        onRead?.Invoke(_position);
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
