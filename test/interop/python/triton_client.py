"""The stock tritonclient, in its blocking and callback forms."""

import json
import queue
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton
from harness import contains, equal, run_steps, step
from tritonclient.utils import np_to_triton_dtype

PREDICTIONS = Path(__file__).resolve().parents[3] / "examples" / "iris" / "predictions.json"


def connect(address: str) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(address)


def tensor(name: str, array: np.ndarray) -> triton.InferInput:
    return triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array)


def simple_inputs(rows: int = 1):
    first = np.arange(rows * 16, dtype=np.int32).reshape(rows, 16)
    return first, np.ones((rows, 16), dtype=np.int32)


def infer_simple(client, **options):
    first, second = simple_inputs()
    return client.infer("simple", [tensor("INPUT0", first), tensor("INPUT1", second)], **options)


def echo(client, model: str, array: np.ndarray) -> np.ndarray:
    return client.infer(model, [tensor("INPUT0", array)]).as_numpy("OUTPUT0")


@step
def health(address):
    """live, ready, model ready; an unknown model is not ready, which is no error"""
    with connect(address) as client:
        equal(client.is_server_live(), True, "live")
        equal(client.is_server_ready(), True, "ready")
        equal(client.is_model_ready("iris"), True, "iris is ready")
        equal(client.is_model_ready("no-such-model"), False, "no-such-model is ready")
        equal(client.is_model_ready("iris", "77"), False, "version 77 is ready")


@step
def metadata(address):
    """server and model metadata"""
    with connect(address) as client:
        server = client.get_server_metadata()
        equal(server.name, "sluice", "server name")
        equal(bool(server.version), True, "has a version")
        model = client.get_model_metadata("iris")
        equal(model.name, "iris")
        equal([(i.name, i.datatype, list(i.shape)) for i in model.inputs], [("X", "FP32", [-1, 4])], "inputs")
        equal(
            [(o.name, o.datatype, list(o.shape)) for o in model.outputs],
            [("label", "INT64", [-1]), ("probabilities", "FP32", [-1, 3])],
            "outputs",
        )
        as_json = client.get_model_metadata("iris", as_json=True)
        equal(as_json["inputs"][0]["shape"], ["-1", "4"], "shape in JSON")


@step
def repository_index(address):
    """the repository index lists every model with its state"""
    with connect(address) as client:
        ready = {model.name for model in client.get_model_repository_index().models if model.state == "READY"}
        equal({"iris", "simple", "simple_string", "simple_identity"} - ready, set(), "not READY")


@step
def iris(address):
    """150 rows of iris agree with scikit-learn, by the version that answered"""
    expected = json.loads(PREDICTIONS.read_text())
    rows = np.array(expected["rows"], dtype=np.float32)
    with connect(address) as client:
        answer = client.infer("iris", [tensor("X", rows)])
        reference = expected[answer.get_response().model_version]
        equal(answer.as_numpy("label").tolist(), reference["label"], "labels")
        difference = np.abs(answer.as_numpy("probabilities") - np.array(reference["probabilities"])).max()
        equal(bool(difference <= 1e-5), True, f"difference {difference} is within 1e-5")


@step
def sum_and_difference(address):
    """simple: both outputs, the id comes back, the response names model and version"""
    with connect(address) as client:
        answer = infer_simple(client, request_id="r-1", model_version="1", priority=0)
        first, second = simple_inputs()
        equal(answer.as_numpy("OUTPUT0").tolist(), (first + second).tolist(), "OUTPUT0")
        equal(answer.as_numpy("OUTPUT1").tolist(), (first - second).tolist(), "OUTPUT1")
        response = answer.get_response()
        equal((response.id, response.model_name, response.model_version), ("r-1", "simple", "1"), "id, model, version")
        equal(len(response.raw_output_contents), 2, "raw outputs")


@step
def one_output(address):
    """only the output asked for is answered"""
    with connect(address) as client:
        answer = infer_simple(client, outputs=[triton.InferRequestedOutput("OUTPUT1")])
        equal([output.name for output in answer.get_response().outputs], ["OUTPUT1"])
        equal(answer.as_numpy("OUTPUT0") is None, True, "OUTPUT0 is left out")


@step
def asynchronous(address):
    """async_infer: 64 calls in flight, each answered with its own numbers"""
    with connect(address) as client:
        answers = queue.Queue()
        for number in range(64):
            inputs = [tensor("INPUT0", np.full((1, 16), number, np.int32)), tensor("INPUT1", np.zeros((1, 16), np.int32))]
            client.async_infer("simple", inputs, lambda result, error, n=number: answers.put((n, result, error)))
        seen = set()
        for _ in range(64):
            number, result, error = answers.get(timeout=30)
            equal(error, None, "error")
            equal(result.as_numpy("OUTPUT0").tolist(), [[number] * 16], f"answer to {number}")
            seen.add(number)
        equal(len(seen), 64, "answers")


@step
def asynchronous_error(address):
    """async_infer: a refusal reaches the callback as an InferenceServerException"""
    with connect(address) as client:
        answers = queue.Queue()
        client.async_infer("no-such-model", [tensor("X", np.zeros((1, 1), np.float32))], lambda result, error: answers.put(error))
        error = answers.get(timeout=30)
        equal(error.status(), "StatusCode.NOT_FOUND", "status")


@step
def strings(address):
    """string tensors: arithmetic on decimal strings, Unicode and empty strings unchanged"""
    with connect(address) as client:
        first = np.array([[str(n).encode() for n in range(16)]], dtype=np.object_)
        second = np.array([[b"1"] * 16], dtype=np.object_)
        answer = client.infer("simple_string", [tensor("INPUT0", first), tensor("INPUT1", second)])
        equal(answer.as_numpy("OUTPUT0").tolist(), [[str(n + 1).encode() for n in range(16)]], "OUTPUT0")
        equal(answer.as_numpy("OUTPUT1").tolist(), [[str(n - 1).encode() for n in range(16)]], "OUTPUT1")
        words = np.array([["", "a", "Grüße", "日本語", "🙂", "x" * 10_000]], dtype=np.object_)
        equal([w.decode() for w in echo(client, "simple_identity", words)[0]], words[0].tolist(), "words")


@step
def datatypes(address):
    """every datatype of numpy that the server has comes back bit for bit"""
    floats = [np.nan, np.inf, -np.inf, -0.0, 1e-42, 3.4e38]
    cases = {
        "identity_fp32": np.array([floats], dtype=np.float32),
        "identity_fp64": np.array([[*floats, 5e-324, 1.7e308]], dtype=np.float64),
        "identity_fp16": np.array([[np.nan, np.inf, -0.0, 6e-8, 65504]], dtype=np.float16),
        "identity_int8": np.array([[-(2**7), -1, 0, 2**7 - 1]], dtype=np.int8),
        "identity_int16": np.array([[-(2**15), -1, 0, 2**15 - 1]], dtype=np.int16),
        "identity_uint8": np.array([[0, 2**8 - 1]], dtype=np.uint8),
        "identity_uint16": np.array([[0, 2**16 - 1]], dtype=np.uint16),
        "identity_uint32": np.array([[0, 2**32 - 1]], dtype=np.uint32),
        "identity_uint64": np.array([[0, 2**53 + 1, 2**64 - 1]], dtype=np.uint64),
        "identity_int32": np.array([[-(2**31), -1, 0, 2**31 - 1]], dtype=np.int32),
        "identity_int64": np.array([[-(2**63), 2**53 + 1, 2**63 - 1]], dtype=np.int64),
        "identity_bool": np.array([[True, False, True]], dtype=np.bool_),
    }
    with connect(address) as client:
        for model, array in cases.items():
            answer = echo(client, model, array)
            equal((answer.dtype, answer.tobytes()), (array.dtype, array.tobytes()), model)


@step
def large(address):
    """a tensor of 16 MiB in one request and one answer"""
    array = np.arange(4 << 20, dtype=np.float32).reshape(1, -1)
    with connect(address) as client:
        equal(echo(client, "identity_fp32", array).tobytes() == array.tobytes(), True, "same bytes")


@step
def compressed(address):
    """gzip and deflate, as compression_algorithm asks"""
    array = np.zeros((1, 100_000), dtype=np.float32)
    with connect(address) as client:
        for algorithm in ("gzip", "deflate"):
            answer = client.infer("identity_fp32", [tensor("INPUT0", array)], compression_algorithm=algorithm)
            equal(answer.as_numpy("OUTPUT0").shape, (1, 100_000), algorithm)


def refused(call, code: str, *parts: str) -> None:
    try:
        call()
    except triton.InferenceServerException as error:
        equal(error.status(), f"StatusCode.{code}", f"status of {error.message()!r}")
        contains(error.message(), *parts)
        return
    raise AssertionError(f"nothing was raised: wanted {code}")


@step
def deadline(address):
    """a client_timeout shorter than the run ends in DEADLINE_EXCEEDED; the model serves on"""
    x = [tensor("INPUT0", np.ones((1, 1), np.float32))]
    with connect(address) as client:
        refused(lambda: client.infer("slow", x, client_timeout=0.02), "DEADLINE_EXCEEDED")
        equal(client.infer("slow", x, client_timeout=60).as_numpy("OUTPUT0").tolist(), [[1.0]], "answer")


@step
def unknown_model(address):
    """an unknown model or version is NOT_FOUND, with the words that Triton's clients look for"""
    with connect(address) as client:
        x = [tensor("X", np.zeros((1, 4), np.float32))]
        refused(lambda: client.infer("no-such-model", x), "NOT_FOUND", "Request for unknown model", "no-such-model")
        refused(lambda: client.get_model_metadata("no-such-model"), "NOT_FOUND", "Request for unknown model")
        refused(lambda: client.infer("iris", x, model_version="77"), "NOT_FOUND", "77")
        refused(
            lambda: client.infer("iris", x, model_version="latest"),
            "INVALID_ARGUMENT",
            "failed to get model version from specified version string 'latest'",
        )


@step
def bad_inputs(address):
    """a bad request is INVALID_ARGUMENT; the message names the id, the input, what was given and what is wanted"""
    first, second = simple_inputs()
    both = [tensor("INPUT0", first), tensor("INPUT1", second)]
    doubles = [tensor("INPUT0", first.astype(np.float64)), tensor("INPUT1", second)]
    narrow = [tensor("INPUT0", first[:, :3]), tensor("INPUT1", second)]
    flat = [tensor("INPUT0", first[0]), tensor("INPUT1", second)]
    renamed = [tensor("INPUT0", first), tensor("INPUT7", second)]
    with connect(address) as client:

        def check(inputs, *parts, **options):
            refused(lambda: client.infer("simple", inputs, request_id="r-9", **options), "INVALID_ARGUMENT", "[request id: r-9]", *parts)

        check(both[:1], "expected 2 inputs but got 1 inputs for model 'simple'")
        check(doubles, "inference input 'INPUT0' data-type is 'FP64', but model 'simple' expects 'INT32'")
        check(narrow, "unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1,16], got [1,3]")
        check(flat, "unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1,16], got [16]")
        check(renamed, "INPUT7")
        check([both[0], both[0]], "INPUT0")
        check(both, "unexpected inference output 'NOPE' for model 'simple'", outputs=[triton.InferRequestedOutput("NOPE")])


@step
def bad_bytes(address):
    """a byte length that does not fit the shape, and a NUL in a string that the model reads, are INVALID_ARGUMENT"""
    with connect(address) as client:
        x = tensor("X", np.zeros((1, 4), np.float32))
        x.set_shape([2, 4])
        refused(
            lambda: client.infer("iris", [x]),
            "INVALID_ARGUMENT",
            "input byte size mismatch for input 'X' for model 'iris'. Expected 32, got 16",
        )
        words = [tensor(name, np.array([[b"1", b"2\0"] * 8], dtype=np.object_)) for name in ("INPUT0", "INPUT1")]
        refused(lambda: client.infer("simple_string", words), "INVALID_ARGUMENT", "INPUT0", "NUL byte")


@step
def batch_limit(address):
    """more rows than max_batch_size is INVALID_ARGUMENT"""
    with connect(address) as client:
        x = [tensor("X", np.zeros((257, 4), np.float32))]
        refused(lambda: client.infer("iris", x), "INVALID_ARGUMENT", "inference request batch-size must be <= 256 for 'iris'")


@step
def model_fault(address):
    """a model that fails on valid input is INTERNAL, and serves the next request"""
    with connect(address) as client:
        words = [tensor(name, np.array([[b"not a number"] * 16], dtype=np.object_)) for name in ("INPUT0", "INPUT1")]
        refused(lambda: client.infer("simple_string", words), "INTERNAL")
        numbers = [tensor(name, np.array([[b"2"] * 16], dtype=np.object_)) for name in ("INPUT0", "INPUT1")]
        equal(client.infer("simple_string", numbers).as_numpy("OUTPUT0").tolist(), [[b"4"] * 16], "2 + 2")


@step
def odd_error_text(address):
    """%, CR, LF and emoji in an error's text arrive as they should, and the connection lives"""
    with connect(address) as client:
        x = [tensor("X", np.zeros((1, 4), np.float32))]
        odd = [triton.InferRequestedOutput("50%\r\n Grüße 🙂")]
        refused(lambda: client.infer("iris", x, outputs=odd), "INVALID_ARGUMENT", "50%", "Grüße 🙂")
        long = [triton.InferRequestedOutput("é%" * 50_000)]
        refused(lambda: client.infer("iris", x, outputs=long), "INVALID_ARGUMENT")
        equal(client.is_server_live(), True, "live")


if __name__ == "__main__":
    run_steps()
