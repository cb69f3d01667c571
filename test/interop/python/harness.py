"""Runs the steps of a script one after the other and prints one line of JSON for each.

`python <script> <host:port>`; python.test.ts turns every line into a subtest. A step is a function of the
address, titled by its docstring; it fails by raising.
"""

import json
import sys
import traceback

_steps = []


def step(function):
    _steps.append(function)
    return function


def run_steps() -> None:
    address = sys.argv[1]
    print(json.dumps({"steps": len(_steps)}), flush=True)
    for function in _steps:
        result = {"step": function.__doc__.strip(), "error": None}
        try:
            function(address)
        except Exception:  # noqa: BLE001: whatever it is, it is this step's failure
            result["error"] = traceback.format_exc()
        print(json.dumps(result), flush=True)


def equal(actual, expected, what: str = "value") -> None:
    """An assertion that shows both sides."""
    if actual != expected:
        raise AssertionError(f"{what}: got {actual!r}, wanted {expected!r}")


def contains(text: str, *parts: str) -> None:
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")
