"""What Triton's example of model control does, and more, through the stock tritonclient; against a server in mode explicit."""

import time

import numpy as np
import tritonclient.grpc as triton
from harness import contains, equal, run_steps, step
from tritonclient.utils import InferenceServerException

MODEL = "simple"


def index_of(client, name=MODEL):
    return {
        each.version: each.state for each in client.get_model_repository_index().models if each.name == name
    }


def refused(status, *parts, of):
    try:
        of()
    except InferenceServerException as error:
        equal(error.status(), f"StatusCode.{status}", error.message())
        contains(error.message(), *parts)
    else:
        raise AssertionError(f"{status} was due")


def infer(client):
    rows = np.array([list(range(16))], dtype=np.int32)
    inputs = []
    for name in ("INPUT0", "INPUT1"):
        inputs.append(triton.InferInput(name, [1, 16], "INT32").set_data_from_numpy(rows))
    return client.infer(MODEL, inputs).as_numpy("OUTPUT0").tolist()


@step
def load_and_unload(address):
    """a model is listed before it is loaded, serves when it is, and is not ready after an unload"""
    with triton.InferenceServerClient(address) as client:
        equal(index_of(client), {"1": "UNAVAILABLE"}, "before")
        equal(client.is_model_ready(MODEL), False, "before")
        client.load_model(MODEL)
        equal(client.is_model_ready(MODEL), True, "after the load")
        equal(infer(client), [[2 * n for n in range(16)]], "sums")
        client.load_model(MODEL)
        client.unload_model(MODEL)
        equal(client.is_model_ready(MODEL), False, "after the unload")
        refused("UNAVAILABLE", "Request for unknown model: 'simple'", of=lambda: infer(client))
        end = time.monotonic() + 10
        while index_of(client) == {"1": "UNLOADING"} and time.monotonic() < end:
            time.sleep(0.05)
        equal(index_of(client), {"1": "UNAVAILABLE"}, "after")
        equal(client.is_server_ready(), True, "the server")


@step
def configurations(address):
    """a configuration that is no JSON is refused and changes nothing; a good one holds until the next load"""
    with triton.InferenceServerClient(address) as client:
        broken = '"parameters": {"config": {{"max_batch_size": "16"}}}'
        client.load_model(MODEL)
        refused("INVALID_ARGUMENT", "failed to load", of=lambda: client.load_model(MODEL, config=broken))
        equal(client.is_model_ready(MODEL), True, "after a bad configuration")
        client.load_model(MODEL, config='{"max_batch_size":"16"}')
        equal(client.get_model_config(MODEL).config.max_batch_size, 16, "max_batch_size")
        equal(infer(client), [[2 * n for n in range(16)]], "sums")
        client.load_model(MODEL)
        equal(client.get_model_config(MODEL).config.max_batch_size != 16, True, "the model's own again")
        client.unload_model(MODEL)


@step
def files(address):
    """a file whose path is none, or leads out of the model, is refused, and the server lives"""
    with triton.InferenceServerClient(address) as client:

        def bring(path):
            return lambda: client.load_model(MODEL, config="{}", files={f"file:{path}": b"a"})

        refused("INTERNAL", "failed to poll from model repository", of=bring("A" * 256))
        for path in ("../x", "1/../../x", "/etc/passwd"):
            refused("INVALID_ARGUMENT", "failed to load", of=bring(path))
        # Legal paths need a server that was started for them.
        refused("PERMISSION_DENIED", "allow-file-overrides", of=bring("1/model.onnx"))
        equal(client.is_server_live(), True, "live")


@step
def unknown(address):
    """a model that is not there fails to load"""
    with triton.InferenceServerClient(address) as client:
        poll = "failed to poll from model repository"
        refused("NOT_FOUND", "failed to load", poll, of=lambda: client.load_model("wrong_model_name"))
        client.unload_model("wrong_model_name")


run_steps()
