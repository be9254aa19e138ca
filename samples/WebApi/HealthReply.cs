namespace WebApi;

/// <summary>The body of <c>GET /health</c>.</summary>
/// <param name="Status">Healthy, Degraded or Unhealthy.</param>
/// <param name="Model">Null when it could not be asked.</param>
internal sealed record HealthReply(string Status, ModelHealth? Model);

/// <summary>A model, and what it runs on.</summary>
/// <param name="Id">What responses name.</param>
/// <param name="Device">cpu or cuda:N.</param>
/// <param name="Isa">The instruction set of the CPU kernels.</param>
/// <param name="Threads">Threads of the engine.</param>
/// <param name="StateBytes">Bytes of one conversation's state, at any length.</param>
internal sealed record ModelHealth(string? Id, string Device, string Isa, int Threads, long StateBytes);
