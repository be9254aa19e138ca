using MambaConnector;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WebApi;

/// <summary>Reports the model and what it runs on.</summary>
internal sealed class ModelHealthCheck(MambaModel model, IChatClient client) : IHealthCheck
{
    /// <summary>What the check is registered as.</summary>
    public const string CheckName = "model";

    private const string Key = "health";

    /// <summary>Writes the report as JSON.</summary>
    public static HealthCheckOptions Options { get; } = new()
    {
        ResponseWriter = (context, report) => context.Response.WriteAsJsonAsync(
            new HealthReply(report.Status.ToString(), report.Entries[CheckName].Data.GetValueOrDefault(Key) as ModelHealth),
            WebApiJson.Default.HealthReply,
            cancellationToken: context.RequestAborted),
    };

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        MambaEngineInfo engine = model.EngineInfo;
        ModelHealth health = new(
            client.GetService<ChatClientMetadata>()?.DefaultModelId, engine.Device, engine.Isa.ToString(), engine.ThreadCount,
            model.Info.StateBytes);
        Dictionary<string, object> data = new() { [Key] = health };
        try
        {
            // A GPU that has stopped working refuses this, and only a new process can use it again.
            using MambaSession? probe = engine.Device == "cpu" ? null : model.CreateSession();
            return Task.FromResult(HealthCheckResult.Healthy(data: data));
        }
        catch (MambaDeviceException exception)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy(exception.Message, exception, data));
        }
        catch (MambaOutOfMemoryException exception)
        {
            return Task.FromResult(HealthCheckResult.Degraded(exception.Message, exception, data));
        }
    }
}
