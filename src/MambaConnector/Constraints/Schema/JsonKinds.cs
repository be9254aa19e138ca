namespace MambaConnector.Constraints;

/// <summary>The types of JSON values.</summary>
[Flags]
internal enum JsonKinds
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Object = 4,
    Array = 8,
    String = 16,

    /// <summary>Whole numbers.</summary>
    Integer = 32,

    /// <summary>All other numbers.</summary>
    Fraction = 64,

    Number = Integer | Fraction,
    Any = Null | Boolean | Object | Array | String | Number,
}
