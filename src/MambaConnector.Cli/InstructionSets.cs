namespace MambaConnector.Cli;

/// <summary>Instruction sets by the names that scripts use.</summary>
internal static class InstructionSets
{
    /// <summary>The name, as <c>--isa</c> takes it.</summary>
    public static string Name(this MambaIsa isa) => isa.ToString().ToLowerInvariant();
}
