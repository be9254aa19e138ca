namespace MambaConnector.Conformance.Support;

/// <summary>Tests of one model run one after the other: they share two processors.</summary>
[CollectionDefinition(Name)]
public sealed class SharedModel : ICollectionFixture<ModelFixture>
{
    public const string Name = "embedded model";
}
