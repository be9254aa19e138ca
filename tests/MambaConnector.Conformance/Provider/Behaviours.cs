namespace MambaConnector.Conformance.Provider;

/// <summary>The behaviours that <c>ChatClientIntegrationTests</c> of dotnet/extensions asks of a provider, by its names: 45 of chat
/// clients, and four of its middleware for choosing tools.</summary>
/// <remarks>There they are asked of models that know facts, and the facts are looked for in what they say. The model here knows none:
/// asked is what must hold whatever it says.</remarks>
internal static class Behaviours
{
    private const string NoImages = "The models read text; ContentThatIsNoTextIsRefusedByName shows that an image is refused by name.";
    private const string Caching =
        "Tests DistributedCachingChatClient of the package Microsoft.Extensions.AI, which keeps replies in front of any provider.";

    private const string Summarizing =
        "Tests SummarizingChatReducer of the package Microsoft.Extensions.AI, and asks the model for a faithful summary.";

    private const string ToolReduction = "Tests UseToolReduction of the package Microsoft.Extensions.AI, with a generator of embeddings.";

    public static IReadOnlyList<Behaviour> All { get; } =
    [
        new("GetResponseAsync_SingleRequestMessage"),
        new("GetResponseAsync_MultipleRequestMessages"),
        new("GetResponseAsync_WithEmptyMessage"),
        new("GetStreamingResponseAsync"),
        new("GetResponseAsync_UsageDataAvailable"),
        new("GetStreamingResponseAsync_UsageDataAvailable"),
        new("GetStreamingResponseAsync_AppendToHistory"),
        new("MultiModal_DescribeImage", NoImages),
        new("MultiModal_DescribePdf", NoImages),
        new("FunctionInvocation_AutomaticallyInvokeFunction_Parameterless"),
        new("FunctionInvocation_AutomaticallyInvokeFunction_WithParameters_NonStreaming"),
        new("FunctionInvocation_AutomaticallyInvokeFunction_WithParameters_Streaming"),
        new("FunctionInvocation_OptionalParameter"),
        new("FunctionInvocation_NestedParameters"),
        new("FunctionInvocation_ArrayParameter"),
        new("AvailableTools_SchemasAreAccepted_Strict"),
        new("AvailableTools_SchemasAreAccepted_NonStrict"),
        new("FunctionInvocation_SupportsMultipleParallelRequests"),
        new("FunctionInvocation_RequireAny"),
        new("FunctionInvocation_RequireSpecific"),
        new("Caching_OutputVariesWithoutCaching"),
        new("Caching_SamePromptResultsInCacheHit_NonStreaming", Caching),
        new("Caching_SamePromptResultsInCacheHit_Streaming", Caching),
        new("Caching_BeforeFunctionInvocation_AvoidsExtraCalls", Caching),
        new("Caching_AfterFunctionInvocation_FunctionOutputUnchangedAsync", Caching),
        new("Caching_AfterFunctionInvocation_FunctionOutputChangedAsync", Caching),
        new("Logging_LogsCalls_NonStreaming"),
        new("Logging_LogsCalls_Streaming"),
        new("Logging_LogsFunctionCalls_NonStreaming"),
        new("Logging_LogsFunctionCalls_Streaming"),
        new("OpenTelemetry_CanEmitTracesAndMetrics"),
        new("GetResponseAsync_StructuredOutput"),
        new("GetResponseAsync_StructuredOutputArray"),
        new("GetResponseAsync_StructuredOutputInteger"),
        new("GetResponseAsync_StructuredOutputString"),
        new("GetResponseAsync_StructuredOutputBool_True"),
        new("GetResponseAsync_StructuredOutputBool_False"),
        new("GetResponseAsync_StructuredOutputEnum"),
        new("GetResponseAsync_StructuredOutput_WithFunctions"),
        new("GetResponseAsync_StructuredOutput_NonNative"),
        new("SummarizingChatReducer_PreservesConversationContext", Summarizing),
        new("SummarizingChatReducer_PreservesSystemMessage", Summarizing),
        new("SummarizingChatReducer_WithFunctionCalls", Summarizing),
        new("SummarizingChatReducer_Streaming", Summarizing),
        new("SummarizingChatReducer_CustomPrompt", Summarizing),
        new("ToolReduction_DynamicSelection_RespectsConversationHistory", ToolReduction),
        new("ToolReduction_RequireSpecificToolPreservedAndOrdered", ToolReduction),
        new("ToolReduction_ToolRemovedAfterFirstUse_NotInvokedAgain", ToolReduction),
        new("ToolReduction_MessagesEmbeddingTextSelector_UsesChatClientToAnalyzeConversation", ToolReduction),
    ];
}
