using Microsoft.Extensions.AI;

namespace MambaConnector;

/// <summary>A model in the shapes of Microsoft.Extensions.AI.</summary>
public static class MambaModelExtensions
{
    /// <summary>The model as a chat client.</summary>
    /// <param name="model">A model with a tokenizer and a chat template; the caller's, and disposed after the client.</param>
    /// <param name="options">How requests are served.</param>
    /// <inheritdoc cref="MambaChatClient(MambaModel, MambaChatClientOptions?, IConversationStore?, Microsoft.Extensions.Logging.ILoggerFactory?, System.Diagnostics.Metrics.IMeterFactory?)" path="/exception"/>
    public static IChatClient AsIChatClient(this MambaModel model, MambaChatClientOptions? options = null) => new MambaChatClient(model, options);
}
