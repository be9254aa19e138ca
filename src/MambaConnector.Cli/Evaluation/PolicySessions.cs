namespace MambaConnector.Cli.Evaluation;

/// <summary>Sessions under a policy.</summary>
internal static class PolicySessions
{
    /// <summary>An empty session.</summary>
    /// <param name="model">Its model.</param>
    /// <param name="policy">How its state is kept healthy.</param>
    /// <param name="length">Tokens that it will read, which a token filter has to know.</param>
    public static MambaSession Create(MambaModel model, LongContextPolicy policy, long length)
    {
        MambaSession session = model.CreateSession();
        try
        {
            session.Policy = policy.ForPrompt(length);
        }
        catch
        {
            session.Dispose();
            throw;
        }

        return session;
    }
}
