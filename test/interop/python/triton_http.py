"""What Triton's example clients of HTTP do, step by step, through the stock tritonclient.http and its asyncio form."""

import asyncio

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as aio
from harness import contains, equal, run_steps, step
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

COUNTING = list(range(16))


def tensor(name, array, binary):
    given = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def pair(binary_first=False, binary_second=True):
    counting = np.array([COUNTING], dtype=np.int32)
    ones = np.ones((1, 16), dtype=np.int32)
    return [tensor("INPUT0", counting, binary_first), tensor("INPUT1", ones, binary_second)]


def wanted(binary_first=True, binary_second=False):
    return [
        triton.InferRequestedOutput("OUTPUT0", binary_data=binary_first),
        triton.InferRequestedOutput("OUTPUT1", binary_data=binary_second),
    ]


def check_sums(answer):
    equal(answer.as_numpy("OUTPUT0").tolist(), [[n + 1 for n in COUNTING]], "sums")
    equal(answer.as_numpy("OUTPUT1").tolist(), [[n - 1 for n in COUNTING]], "differences")


@step
def infer(address):
    """infer: JSON and bytes mixed, outputs named and not, headers and query, each compression of request and answer"""
    with triton.InferenceServerClient(address, verbose=False) as client:
        check_sums(client.infer("simple", pair(), outputs=wanted(), query_params={"test_1": 1}, headers={"test": "1"}))
        check_sums(client.infer("simple", pair(), outputs=None))
        check_sums(client.infer("simple", pair(False, False), outputs=wanted(False, False), request_id="mine"))
        for request in (None, "gzip", "deflate"):
            for response in (None, "gzip", "deflate"):
                answer = client.infer(
                    "simple",
                    pair(),
                    outputs=wanted(),
                    request_compression_algorithm=request,
                    response_compression_algorithm=response,
                )
                check_sums(answer)
        [of] = client.get_inference_statistics("simple")["model_stats"]
        equal(of["inference_stats"]["success"]["count"] >= 12, True, "counted")
        try:
            client.infer("wrong_model_name", pair())
        except InferenceServerException as error:
            contains(str(error), "wrong_model_name")
        else:
            raise AssertionError("an unknown model answered")


@step
def asynchronous(address):
    """async_infer: five at once over five connections"""
    with triton.InferenceServerClient(address, concurrency=5) as client:
        calls = [client.async_infer("simple", pair(), outputs=wanted()) for _ in range(5)]
        for call in calls:
            check_sums(call.get_result())


@step
def asyncio_form(address):
    """aio: the same over aiohttp"""

    async def run():
        async with aio.InferenceServerClient(address) as client:
            check_sums(await client.infer("simple", pair(), outputs=wanted(), headers={"test": "1"}))
            for answer in await asyncio.gather(*(client.infer("simple", pair()) for _ in range(5))):
                check_sums(answer)
            equal(await client.is_server_ready(), True, "ready")

    asyncio.run(run())


@step
def strings(address):
    """strings: numbers as text, in JSON and as bytes; any bytes through an identity model"""
    texts = np.array([[str(n).encode() for n in COUNTING]], dtype=np.object_)
    ones = np.array([[b"1"] * 16], dtype=np.object_)
    with triton.InferenceServerClient(address) as client:
        for first, second in ((True, False), (False, False), (True, True)):
            inputs = [tensor("INPUT0", texts, first), tensor("INPUT1", ones, second)]
            answer = client.infer("simple_string", inputs, outputs=wanted(True, False))
            equal([int(n) for n in answer.as_numpy("OUTPUT0")[0]], [n + 1 for n in COUNTING], "sums")
            equal([int(n) for n in answer.as_numpy("OUTPUT1")[0]], [n - 1 for n in COUNTING], "differences")
        blobs = np.array([[bytes(range(256)), b"", b"\xff\xfe", b"\0" * 1000]], dtype=np.object_)
        output = triton.InferRequestedOutput("OUTPUT0", binary_data=True)
        answer = client.infer("simple_identity", [tensor("INPUT0", blobs, True)], outputs=[output])
        equal(answer.as_numpy("OUTPUT0").tolist(), blobs.tolist(), "any bytes")


@step
def health_metadata(address):
    """health, metadata, configuration, statistics, index; what is not there is an error"""
    with triton.InferenceServerClient(address) as client:
        query = {"test_1": 1, "test_2": 2}
        equal(client.is_server_live(query_params=query), True, "live")
        equal((client.is_server_ready(), client.is_model_ready("simple")), (True, True), "ready")
        equal(client.is_model_ready("no-such-model"), False, "an unknown model")
        extensions = set(client.get_server_metadata()["extensions"])
        equal({"classification", "model_configuration", "statistics"} - extensions, set(), "extensions that are missing")
        metadata = client.get_model_metadata("simple", query_params=query)
        equal((metadata["name"], [i["name"] for i in metadata["inputs"]]), ("simple", ["INPUT0", "INPUT1"]), "metadata")
        try:
            client.get_model_metadata("wrong_model_name", query_params=query)
        except InferenceServerException as error:
            contains(str(error), "Request for unknown model")
        else:
            raise AssertionError("metadata of a model that is not there")
        config = client.get_model_config("simple")
        equal((config["name"], config["input"][0]["dims"]), ("simple", [16]), "configuration")
        names = {of["name"] for of in client.get_inference_statistics()["model_stats"]}
        equal({"iris", "simple"} - names, set(), "models without statistics")
        states = {each["name"]: each["state"] for each in client.get_model_repository_index()}
        equal(states["simple"], "READY", "state")


@step
def classes(address):
    """class_count: the best classes of an output in place of it"""
    flower = np.array([[5.1, 3.5, 1.4, 0.2]], dtype=np.float32)
    with triton.InferenceServerClient(address) as client:
        output = triton.InferRequestedOutput("probabilities", binary_data=False, class_count=1)
        answer = client.infer("iris", [tensor("X", flower, True)], outputs=[output])
        contains(str(answer.as_numpy("probabilities")[0]), ":0")


run_steps()
