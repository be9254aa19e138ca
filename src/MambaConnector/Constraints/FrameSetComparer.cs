namespace MambaConnector.Constraints;

/// <summary>Compares sets of interned frames, each in the order of their ids.</summary>
internal sealed class FrameSetComparer : IEqualityComparer<Frame[]>, IAlternateEqualityComparer<ReadOnlySpan<Frame>, Frame[]>
{
    public static FrameSetComparer Instance { get; } = new();

    public bool Equals(Frame[]? x, Frame[]? y) => x.AsSpan().SequenceEqual(y);

    public bool Equals(ReadOnlySpan<Frame> alternate, Frame[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(Frame[] obj) => GetHashCode((ReadOnlySpan<Frame>)obj);

    public int GetHashCode(ReadOnlySpan<Frame> alternate)
    {
        HashCode hash = default;
        foreach (Frame frame in alternate)
        {
            hash.Add(frame.Id);
        }

        return hash.ToHashCode();
    }

    public Frame[] Create(ReadOnlySpan<Frame> alternate) => [.. alternate];
}
