using CppSharp;
using CppSharp.AST;
using CppSharp.Generators;
using CppSharp.Parser;
using CppSharp.Types;
using Type = CppSharp.AST.Type;

/// <summary>Prints the C# binding of native/include/mamba/c_api.h. Usage: BindingsGenerator INCLUDE_DIR OUTPUT_DIR</summary>
internal sealed class MambaLibrary(string includeDirectory, string outputDirectory) : ILibrary
{
    public void Setup(Driver driver)
    {
        DriverOptions options = driver.Options;
        options.GeneratorKind = GeneratorKind.CSharp;
        options.OutputDir = outputDirectory;
        options.GenerationOutputMode = GenerationOutputMode.FilePerModule;
        options.CheckSymbols = false;
        options.CompileCode = false;
        options.UseSpan = true;
        options.ZeroAllocatedMemory = _ => true;
        driver.ParserOptions.LanguageVersion = LanguageVersion.CPP17;
        Module module = options.AddModule("MambaNative");
        module.SharedLibraryName = "mamba";
        module.OutputNamespace = "MambaConnector.Native.Generated";
        module.IncludeDirs.Add(includeDirectory);
        module.Headers.Add("mamba/c_api.h");
    }

    public void SetupPasses(Driver driver) { }

    /// <summary>The header is C, parsed as C++: drop the copy constructors that C++ adds, since no library exports them.</summary>
    public void Preprocess(Driver driver, ASTContext context)
    {
        IEnumerable<Method> copies = context.TranslationUnits.SelectMany(unit => unit.Classes).SelectMany(type => type.Methods)
            .Where(method => method.IsCopyConstructor || method.OperatorKind != CXXOperatorKind.None);
        foreach (Method method in copies.ToList()) method.ExplicitlyIgnore();
    }

    public void Postprocess(Driver driver, ASTContext context) { }
}

/// <summary>A type that crosses the border as it is.</summary>
internal abstract class RawTypeMap : TypeMap
{
    protected abstract string CSharpName { get; }
    public override Type SignatureType(TypePrinterContext context) => new CustomType(CSharpName);
    public override void MarshalToNative(MarshalContext context) => context.Return.Write(context.Parameter.Name);
    public override void MarshalToManaged(MarshalContext context) => context.Return.Write(context.ReturnVarName);
}

[TypeMap("size_t", GeneratorKindID = GeneratorKind.CSharp_ID)]
internal sealed class SizeTMap : RawTypeMap
{
    protected override string CSharpName => "nuint";
}

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is not [string includeDirectory, string outputDirectory])
        {
            Console.Error.WriteLine("usage: BindingsGenerator INCLUDE_DIR OUTPUT_DIR");
            return 2;
        }

        Directory.CreateDirectory(outputDirectory);
        return ConsoleDriver.Run(new MambaLibrary(Path.GetFullPath(includeDirectory), Path.GetFullPath(outputDirectory))) ? 0 : 1;
    }
}
