namespace MambaConnector.LongContext;

/// <summary>The largest numbers of a head in a healthy state.</summary>
internal readonly record struct HeadReference(float Norm, float Variance, float MaxAbs)
{
    public HeadReference Max(in HeadStatistics head) =>
        new(Math.Max(Norm, head.Norm), Math.Max(Variance, head.Variance), Math.Max(MaxAbs, head.MaxAbs));
}
