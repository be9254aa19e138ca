using System.Text.Json;
using MambaConnector.Constraints;

namespace MambaConnector.Tests.Constraints;

public class SchemaCacheTests
{
    private readonly SchemaCache _cache = new();

    [Fact]
    public void TheSameTextIsReadOnce()
    {
        Grammar first = Get("""{"type":"integer"}""");
        Assert.Same(first, Get("""{"type":"integer"}"""));
        Assert.NotSame(first, Get("""{"type":"string"}"""));
    }

    [Fact]
    public void WhatCannotBeReadIsRefusedEveryTime()
    {
        for (int attempt = 0; attempt < 2; attempt++)
        {
            Assert.Throws<ArgumentException>(() => Get("""{"not":{}}"""));
        }
    }

    [Fact]
    public void ManySchemasMakeRoomForOthers()
    {
        Grammar first = Get("""{"const":-1}""");
        for (int number = 0; number < SchemaCache.Capacity; number++)
        {
            Get($$"""{"const":{{number}}}""");
        }

        Assert.NotSame(first, Get("""{"const":-1}"""));
    }

    [Fact]
    public void ATextThatFillsTheMemoryIsNotKept()
    {
        string schema = $$"""{"description":"{{new string('x', SchemaCache.LongestText)}}","type":"integer"}""";
        Assert.NotSame(Get(schema), Get(schema));
    }

    private Grammar Get(string schema) => _cache.Get(JsonElement.Parse(schema));
}
