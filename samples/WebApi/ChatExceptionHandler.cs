using MambaConnector;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;

namespace WebApi;

/// <summary>Says what went wrong in problem details. What is not the caller's doing stays a 500 without details.</summary>
internal sealed class ChatExceptionHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        ProblemDetails? problem = Describe(exception);
        if (problem is null)
        {
            return new ValueTask<bool>(false);
        }

        httpContext.Response.StatusCode = problem.Status!.Value;
        if (exception is MambaBusyException)
        {
            httpContext.Response.Headers.RetryAfter = "1";
        }

        return problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = httpContext, ProblemDetails = problem });
    }

    private static ProblemDetails? Describe(Exception exception) => exception switch
    {
        ConversationNotFoundException missing => new ProblemDetails
        {
            Status = StatusCodes.Status404NotFound,
            Title = "No such conversation",
            Detail = missing.Message,
            Extensions = { ["conversationId"] = missing.ConversationId },
        },
        MambaStateMismatchException => new ProblemDetails
        {
            Status = StatusCodes.Status409Conflict,
            Title = "A conversation of another model",
            Detail = $"The conversation cannot go on here, begin a new one. {exception.Message}",
        },
        MambaBusyException => new ProblemDetails
        {
            Status = StatusCodes.Status503ServiceUnavailable,
            Title = "Busy",
            Detail = exception.Message,
        },
        BadHttpRequestException bad => new ProblemDetails { Status = bad.StatusCode, Detail = bad.Message },

        // The chat client refuses what a request asks for with one of these.
        ArgumentException => new ProblemDetails { Status = StatusCodes.Status400BadRequest, Detail = exception.Message },
        _ => null,
    };
}
