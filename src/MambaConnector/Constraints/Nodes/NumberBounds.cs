using System.Globalization;
using System.Numerics;

namespace MambaConnector.Constraints;

/// <summary>Which numbers are allowed, in units of 10^-<see cref="Digits"/>.</summary>
/// <param name="IsInteger">Whether they are written without a fraction.</param>
/// <param name="Least">The least; none: any.</param>
/// <param name="Most">The largest; none: any.</param>
internal sealed record NumberBounds(bool IsInteger, Int128? Least, Int128? Most)
{
    /// <summary>The most digits a number is written with: a double holds each such number, and a decimal does, too.</summary>
    public const int Digits = 15;

    /// <summary>The most digits of an integer without bounds: schemas made of .NET types do not say which size they mean, and an int holds each
    /// such number.</summary>
    public const int IntegerDigits = 9;

    /// <summary>10^n for n up to 2 * <see cref="Digits"/>.</summary>
    private static readonly Int128[] Powers = CreatePowers();

    public static NumberBounds Any { get; } = new(false, null, null);

    public static NumberBounds AnyInteger { get; } = new(true, null, null);

    public bool IsBounded => Least is not null || Most is not null;

    public static Int128 Power(int exponent) => Powers[exponent];

    /// <summary>A JSON number in units, rounded down or up to a whole one, and cut where no number that is written reaches.</summary>
    public static Int128 Scale(string number, bool up)
    {
        // digits * 10^exponent, exactly.
        int e = number.IndexOfAny(['e', 'E']);
        string mantissa = e < 0 ? number : number[..e];
        BigInteger exponent = e < 0 ? 0 : BigInteger.Parse(number.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        int point = mantissa.IndexOf('.');
        exponent += Digits - (point < 0 ? 0 : mantissa.Length - point - 1);
        BigInteger digits = BigInteger.Parse(mantissa.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        BigInteger limit = (BigInteger)Power(2 * Digits);
        if (exponent + mantissa.Length > 1000)
        {
            digits = digits.Sign * limit;
        }
        else if (exponent >= 0)
        {
            digits *= BigInteger.Pow(10, (int)exponent);
        }
        else
        {
            BigInteger divisor = BigInteger.Pow(10, (int)BigInteger.Min(-exponent, 10 + mantissa.Length + (2 * Digits)));
            BigInteger quotient = BigInteger.DivRem(digits, divisor, out BigInteger remainder);
            digits = quotient + (up && remainder.Sign > 0 ? 1 : !up && remainder.Sign < 0 ? -1 : 0);
        }

        return (Int128)BigInteger.Clamp(digits, -limit, limit);
    }

    private static Int128[] CreatePowers()
    {
        Int128[] powers = new Int128[(2 * Digits) + 1];
        powers[0] = 1;
        for (int exponent = 1; exponent < powers.Length; exponent++)
        {
            powers[exponent] = powers[exponent - 1] * 10;
        }

        return powers;
    }
}
