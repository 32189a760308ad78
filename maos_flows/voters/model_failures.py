"""What goes wrong with a model's provider, told apart: what may pass, how long to wait, and what asking cannot mend."""

from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelQuotaExceededError,
    ModelRequestRejectedError,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)

from maos_flows.voters.failures import BusyError, LastingError, PassingError, VoterError


def failure_of(error: Exception, *, wanted: str = "ballot") -> VoterError:
    """Give the failure that a provider's error is; what nobody knows lasts.

    What is still not what was wanted after the repairs lasts too: the model was told what was wrong with it each time.
    """
    match error:
        case VoterError():
            return error
        case ModelRequestRejectedError() | ModelQuotaExceededError():
            return LastingError(f"the provider refused: {error}")
        case ModelAPIError():
            return _passing(error)
        case UsageLimitExceeded():
            return LastingError(f"it used more than a {wanted} may: {error.message.partition('. Consider')[0]}")
        case ContentFilterError():
            return LastingError(f"the model refused, or its provider's filter: {error.message}")
        case UnexpectedModelBehavior():
            return LastingError(f"no {wanted} in what the model gave: {error.message}")
        case UserError() | ImportError():
            return LastingError(str(error))
        case _:
            return LastingError(f"{type(error).__name__}: {error}")


def _passing(error: ModelAPIError) -> PassingError:
    if error.retry_after is not None and error.retry_after > 0:
        return BusyError(f"the provider asks to wait {error.retry_after:g} s: {error}", error.retry_after)
    return PassingError(f"the provider failed: {error}")
