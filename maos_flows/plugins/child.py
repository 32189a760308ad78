"""The process a policy runs in: it reads one request, fences itself in, answers, and is gone.

Run as a program and never imported by what it protects. The request and the answer are JSON; nothing that the policy
makes of its memory, its output or its exit is believed, only what its parent can check.
"""

import json
import os
import sys
import types
from collections.abc import Callable, Mapping
from fractions import Fraction
from importlib import import_module
from typing import Any

from maos_flows import consensus
from maos_flows.errors import MaosError
from maos_flows.plugins.fences import fence_in
from maos_flows.plugins.parameters import ParameterError, configure, parameters_of
from maos_flows.policies.base import ConsensusPolicy, plain

_MODULE = "installed_policy"
_MOST_WORDS = 500


class RefusedError(Exception):
    """The policy cannot be taken; says why in one line, and which of its parameters cannot be set so."""

    def __init__(self, words: str, parameters: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.parameters = dict(parameters or {})


def main() -> None:
    """Answer the request on standard input, and leave at once whatever the policy has left running."""
    request = json.loads(sys.stdin.buffer.read())
    answers_to = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    fences = fence_in(**request["limits"])
    try:
        reply = {"fences": fences, **respond(request)}
    except RefusedError as error:
        reply = {"fences": fences, "refused": str(error), "wrong_parameters": error.parameters}
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told and not raised
        reply = {"fences": fences, "refused": in_words(error)}
    _write(answers_to, json.dumps(reply, allow_nan=False).encode())
    os._exit(0)


def _write(where: int, content: bytes) -> None:
    while content:
        content = content[os.write(where, content) :]


def in_words(error: BaseException) -> str:
    """Say an exception in one line."""
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - its text is the policy's too
        text = type(error).__name__
    return " ".join(text.split())[:_MOST_WORDS]


def respond(request: Mapping[str, Any]) -> dict[str, Any]:
    """Load the policy, describe it, and let it answer each case.

    Raises:
        RefusedError: It cannot be loaded, or not be given those parameters.
    """
    policy = _load(request)
    about = {
        "name": _text(policy.name),
        "tolerates": _text(policy.tolerates),
        "description": _text((type(policy).__doc__ or "").strip().split("\n")[0]),
        "parameters": parameters_of(policy),
        "is_monotone": policy.is_monotone is True,
    }
    try:
        configure(policy, request["parameters"])
    except ParameterError as error:
        raise RefusedError(str(error), error.problems) from error
    return {"policy": about, "answers": [_answer(policy.evaluate_proposal, case) for case in request["cases"]]}


def _text(value: object) -> str:
    return value[:_MOST_WORDS] if isinstance(value, str) else ""


def _answer(evaluate: Callable[..., object], case: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the policy once, and give its answer as JSON can carry it; exact strengths go beside it."""
    try:
        answer = evaluate(case["proposal"], case["votes"])
        if not isinstance(answer, Mapping):
            return {"error": f"it answered a {type(answer).__name__}, not a dict"}
        strength = answer.get("strength")
        said = _said(answer)
    except RefusedError as error:
        return {"error": str(error)}
    except BaseException as error:  # noqa: BLE001 - SystemExit and what else a policy may raise
        return {"error": in_words(error)}
    return {"answer": said, **({"exact_strength": str(strength)} if isinstance(strength, Fraction) else {})}


def _said(answer: Mapping[Any, Any]) -> dict[str, Any]:
    try:
        return {str(key): plain(value) for key, value in answer.items()}
    except ValueError as error:
        raise RefusedError(f"its answer holds {error}, which JSON cannot carry") from error


def _load(request: Mapping[str, Any]) -> ConsensusPolicy:
    if request["entry"]:
        return _load_entry(request["entry"])
    return _load_source(request["source"], request["file"])


def _load_entry(entry: str) -> ConsensusPolicy:
    """Load what a package's entry point names: a policy, or a class that makes one without being given anything."""
    module, _, attribute = entry.partition(":")
    found = _guarded(lambda: getattr(import_module(module), attribute))
    made = _guarded(found) if isinstance(found, type) else found
    if not isinstance(made, ConsensusPolicy):
        raise RefusedError(f"{entry} is a {type(made).__name__}, not a ConsensusPolicy")
    return made


def _load_source(source: str, file: str) -> ConsensusPolicy:
    """Run a policy's file, with `maos` and `maos.consensus` standing for our own, and find its policy."""
    maos = types.ModuleType("maos")
    module = types.ModuleType(_MODULE)
    vars(maos)["consensus"] = consensus
    vars(module).update(maos=maos, __file__=file)
    sys.modules.update({"maos": maos, "maos.consensus": consensus, _MODULE: module})
    code = _guarded(lambda: compile(source, file, "exec", dont_inherit=True))
    _guarded(lambda: exec(code, vars(module)))  # noqa: S102 - running it is what this process is for
    return _the_one(vars(module))


def _guarded(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except SyntaxError as error:
        raise RefusedError(f"line {error.lineno}: {error.msg}") from error
    except ModuleNotFoundError as error:
        name = (error.name or "").split(".")[0]
        how = f": pip install 'maos-flows[{name}]'" if name == "numpy" else ""
        raise RefusedError(f"it imports {error.name}, which is not installed{how}") from error
    except MaosError as error:
        raise RefusedError(str(error)) from error
    except BaseException as error:
        raise RefusedError(f"{in_words(error)}{_line_of(error)}") from error


def _line_of(error: BaseException) -> str:
    """Say in which line of the file it happened, if in one."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == _MODULE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f" (line {line})"


def _the_one(names: Mapping[str, object]) -> ConsensusPolicy:
    """Give the policy the file registered, or make one of the only class there is.

    Raises:
        RefusedError: There is none, or more than one.
    """
    registered = consensus.registered_policies()
    if len(registered) > 1:
        listed = " and ".join(type(policy).__name__ for policy in registered)
        raise RefusedError(f"it registers {len(registered)} policies, {listed}; one file holds one")
    if registered:
        return registered[0]
    classes = {
        value.__name__: value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, ConsensusPolicy) and value.__module__ == _MODULE
    }
    if not classes:
        raise RefusedError("it has no subclass of ConsensusPolicy")
    if len(classes) > 1:
        raise RefusedError(f"it has several subclasses of ConsensusPolicy, {' and '.join(classes)}; register one")
    made: ConsensusPolicy = _guarded(next(iter(classes.values())))
    return made


if __name__ == "__main__":
    main()
