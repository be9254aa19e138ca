using System.ComponentModel.DataAnnotations;

namespace MambaConnector.Conformance.Provider;

/// <summary>What typed responses are asked for.</summary>
internal sealed class Person
{
    [StringLength(24)]
    public string? FullName { get; set; }

    [Range(0, 150)]
    public int AgeInYears { get; set; }

    [StringLength(24)]
    public string? HomeTown { get; set; }

    public Job Job { get; set; }
}
