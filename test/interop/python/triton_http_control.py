"""Loads and unloads by call over HTTP; against a server in mode explicit with the control plane opened."""

import tritonclient.http as triton
from harness import contains, equal, run_steps, step
from tritonclient.utils import InferenceServerException

MODEL = "simple"


@step
def load_and_unload(address):
    """a model serves when it is loaded, with a configuration of the call's own, and not when it is unloaded"""
    with triton.InferenceServerClient(address) as client:
        equal(client.is_model_ready(MODEL), False, "before")
        client.load_model(MODEL)
        equal(client.is_model_ready(MODEL), True, "loaded")
        client.load_model(MODEL, config='{"max_batch_size": 4}')
        equal(client.get_model_config(MODEL)["max_batch_size"], 4, "configuration")
        client.unload_model(MODEL)
        equal(client.is_model_ready(MODEL), False, "unloaded")
        try:
            client.load_model("wrong_model_name")
        except InferenceServerException as error:
            contains(str(error), "failed to load")
        else:
            raise AssertionError("an unknown model was loaded")


run_steps()
