namespace MambaConnector.Conformance.Provider;

/// <summary>What a <see cref="Person"/> does.</summary>
internal enum Job
{
    Unknown,
    Baker,
    Sailor,
    TeacherOfGeography,
}
