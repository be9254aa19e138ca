using System.Runtime.InteropServices;

namespace MambaConnector;

/// <summary>What one head of a layer did with one token (<see cref="MambaSession.Trace"/>). Of a block of Mamba-1, 64 channels, <paramref name="Dt"/> and
/// <paramref name="LogDecay"/> are means.</summary>
/// <param name="Dt">The step size, after softplus, clamp and policy: how far the token moves the state.</param>
/// <param name="LogDecay"><c>dt A</c>, as the session's policy makes it, at most 0: the state is multiplied by its exponential before the token
/// is added. What a window drops is not in it.</param>
/// <param name="BNorm"><c>||B||</c>, the length of the token's input direction; heads of one group, and all of Mamba-1, share it.</param>
/// <param name="XNorm"><c>||x||</c>, the length of the head's input, after convolution and SiLU.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct HeadStep(float Dt, float LogDecay, float BNorm, float XNorm);
