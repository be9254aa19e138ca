using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>A JSON number as what it says, digit for digit: <c>Digits * 10^Exponent</c>, with no zero at the end of the digits.</summary>
internal readonly record struct JsonDecimal(BigInteger Digits, BigInteger Exponent) : IComparable<JsonDecimal>
{
    public bool IsInteger => Exponent.Sign >= 0;

    public static JsonDecimal Of(JsonElement number)
    {
        string text = number.GetRawText();
        int e = text.IndexOfAny(['e', 'E']);
        BigInteger exponent = e < 0 ? 0 : BigInteger.Parse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = e < 0 ? text : text[..e];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
        {
            exponent -= mantissa.Length - point - 1;
            mantissa = mantissa.Remove(point, 1);
        }

        BigInteger digits = BigInteger.Parse(mantissa, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (digits.IsZero)
        {
            return default;
        }

        while ((digits % 10).IsZero)
        {
            digits /= 10;
            exponent++;
        }

        return new JsonDecimal(digits, exponent);
    }

    public bool IsMultipleOf(JsonDecimal divisor)
    {
        // Of fewer decimals than the divisor, a number with digits at the end is no multiple of it.
        if (Digits.IsZero || Exponent < divisor.Exponent)
        {
            return Digits.IsZero;
        }

        BigInteger modulus = BigInteger.Abs(divisor.Digits);
        return (Digits * BigInteger.ModPow(10, Exponent - divisor.Exponent, modulus) % modulus).IsZero;
    }

    public int CompareTo(JsonDecimal other)
    {
        if (Digits.Sign != other.Digits.Sign || Digits.IsZero)
        {
            return Digits.Sign.CompareTo(other.Digits.Sign);
        }

        // The place of the first digit decides, so that 1e999999999 is never written out.
        BigInteger first = Exponent + Length(Digits);
        BigInteger otherFirst = other.Exponent + Length(other.Digits);
        if (first != otherFirst)
        {
            return Digits.Sign * first.CompareTo(otherFirst);
        }

        BigInteger lowest = BigInteger.Min(Exponent, other.Exponent);
        return Scale(this, lowest).CompareTo(Scale(other, lowest));
    }

    private static int Length(BigInteger digits) => BigInteger.Abs(digits).ToString(CultureInfo.InvariantCulture).Length;

    private static BigInteger Scale(JsonDecimal value, BigInteger exponent) =>
        value.Digits * BigInteger.Pow(10, (int)(value.Exponent - exponent));
}
