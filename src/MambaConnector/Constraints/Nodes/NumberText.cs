namespace MambaConnector.Constraints;

/// <summary>The beginning of a number, in 62 bits: its sign, its digits, and where the point stands.</summary>
/// <param name="IsNegative">Whether a minus stands first.</param>
/// <param name="Count">How many digits there are.</param>
/// <param name="Fraction">How many of them stand behind the point; -1: there is no point.</param>
/// <param name="Value">The digits as a number.</param>
internal readonly record struct NumberText(bool IsNegative, int Count, int Fraction, long Value)
{
    public static NumberText Empty { get; } = new(false, 0, -1, 0);

    /// <summary>How many digits may follow.</summary>
    public int Left => NumberBounds.Digits - Count;

    /// <summary>Whether it is a whole number as JSON writes it; not minus zero.</summary>
    public bool IsNumber => Count > 0 && Fraction != 0 && !(IsNegative && Value == 0);

    public static NumberText Unpack(long packed) =>
        new((packed & 1) != 0, (int)(packed >> 1 & 31), (int)(packed >> 6 & 31) - 1, packed >> 11);

    public long Pack() => (IsNegative ? 1L : 0) | (long)Count << 1 | (long)(Fraction + 1) << 6 | Value << 11;

    /// <summary>What a byte makes of it; none where no number goes on like this.</summary>
    public NumberText? Append(byte value, bool isInteger) => value switch
    {
        (byte)'-' => this == Empty ? this with { IsNegative = true } : null,
        (byte)'.' => !isInteger && Fraction < 0 && Count > 0 && Left > 0 ? this with { Fraction = 0 } : null,
        >= (byte)'0' and <= (byte)'9' => Left > 0 && !(Fraction < 0 && Count > 0 && Value == 0)
            ? this with { Count = Count + 1, Fraction = Fraction < 0 ? -1 : Fraction + 1, Value = (Value * 10) + value - '0' }
            : null,
        _ => null,
    };
}
