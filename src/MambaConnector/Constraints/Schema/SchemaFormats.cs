namespace MambaConnector.Constraints;

/// <summary>The values of <c>format</c> that are enforced: those that .NET reads back into a type of its own. Others are annotations.</summary>
internal static class SchemaFormats
{
    // The years 1000 to 2999; February has 28 days in each of them.
    private const string Date = "[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
        + "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
    private const string Time = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?";
    private const string Zone = "(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])";

    /// <summary>A pattern that all texts it matches are of the format; <see langword="null"/>: the format is not enforced.</summary>
    public static string? PatternOf(string format) => format switch
    {
        "date" => $"^{Date}$",
        "date-time" => $"^{Date}T{Time}{Zone}$",
        "time" => $"^{Time}$", // without a zone, as TimeOnly reads it
        "uuid" => "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        _ => null,
    };
}
