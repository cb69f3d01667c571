"""What the example clients of Triton do, step by step, through the stock tritonclient and its generated stubs."""

import queue
import threading

import grpc
import numpy as np
import tritonclient.grpc as triton
from harness import contains, equal, run_steps, step
from tritonclient.grpc import service_pb2 as oip
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import deserialize_bytes_tensor, np_to_triton_dtype

COUNTING = list(range(16))


def tensor(name: str, array: np.ndarray) -> triton.InferInput:
    return triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array)


def pair(first=COUNTING, second=(1,) * 16, dtype=np.int32):
    return [tensor(name, np.array([row], dtype=dtype)) for name, row in (("INPUT0", first), ("INPUT1", second))]


BOTH = [triton.InferRequestedOutput("OUTPUT0"), triton.InferRequestedOutput("OUTPUT1")]


def check_sums(answer) -> None:
    equal(answer.as_numpy("OUTPUT0").tolist(), [[n + 1 for n in COUNTING]], "sums")
    equal(answer.as_numpy("OUTPUT1").tolist(), [[n - 1 for n in COUNTING]], "differences")


@step
def infer_and_statistics(address):
    """infer: headers, with and without outputs named, each compression; its requests are in the statistics of its model alone"""
    with triton.InferenceServerClient(address) as client:

        def counted():
            [of] = client.get_inference_statistics("simple").model_stats
            equal((of.name, of.version), ("simple", "1"), "whose statistics")
            return of

        before = counted()
        check_sums(client.infer("simple", pair(), outputs=BOTH, headers={"test": "1"}))
        for compression in (None, "gzip", "deflate"):
            check_sums(client.infer("simple", pair(), outputs=None, compression_algorithm=compression))
        after = counted()
        equal(after.inference_count - before.inference_count, 4, "rows")
        equal(after.inference_stats.success.count - before.inference_stats.success.count, 4, "requests")
        equal(after.inference_stats.fail.count - before.inference_stats.fail.count, 0, "failures")
        equal(after.inference_stats.success.ns > before.inference_stats.success.ns, True, "time has passed")
        everything = {of.name for of in client.get_inference_statistics().model_stats}
        equal({"iris", "simple", "simple_string"} - everything, set(), "models without statistics")
        as_json = client.get_inference_statistics("simple", as_json=True)
        equal(as_json["model_stats"][0]["name"], "simple", "name in JSON")


@step
def asynchronous(address):
    """async_infer: one call, its callback gets result and no error"""
    with triton.InferenceServerClient(address) as client:
        answers = queue.Queue()
        client.async_infer("simple", pair(), lambda result, error: answers.put((result, error)), outputs=BOTH, client_timeout=20)
        result, error = answers.get(timeout=20)
        equal(error, None, "error")
        check_sums(result)


@step
def strings_of_any_bytes(address):
    """strings: an identity model hands on NUL, binary in both of numpy's kinds, invalid UTF-8 and nothing"""
    blobs = {
        "NUL inside": np.array([["he\0llo".encode()] * 16], dtype=np.object_),
        "every byte": np.array([[bytes(range(256)), b"", b"\xff\xfe", b"\0" * 1000]], dtype=np.object_),
        "fixed width": np.array([[b"\0\1\2\3"] * 16], dtype=np.bytes_),
    }
    with triton.InferenceServerClient(address) as client:
        for what, array in blobs.items():
            given = triton.InferInput("INPUT0", list(array.shape), "BYTES").set_data_from_numpy(array)
            answer = client.infer("simple_identity", [given], outputs=[triton.InferRequestedOutput("OUTPUT0")])
            equal(answer.as_numpy("OUTPUT0").tolist(), array.tolist(), what)


@step
def health_metadata_configuration(address):
    """health with headers, metadata with its extensions, an unknown model, the model's configuration"""
    with triton.InferenceServerClient(address) as client:
        headers = {"test": "1", "dummy": "2"}
        equal(client.is_server_live(headers=headers), True, "live")
        equal((client.is_server_ready(), client.is_model_ready("simple")), (True, True), "ready")
        extensions = set(client.get_server_metadata().extensions)
        equal({"classification", "model_configuration", "statistics"} - extensions, set(), "extensions that are missing")
        equal(client.get_model_metadata("simple", headers=headers).name, "simple", "name")
        try:
            client.get_model_metadata("no-such-model")
        except triton.InferenceServerException as error:
            contains(error.message(), "Request for unknown model")
        else:
            raise AssertionError("metadata of a model that is not there")
        config = client.get_model_config("simple").config
        equal((config.name, config.platform, config.backend), ("simple", "onnxruntime_onnx", "onnxruntime"), "config")
        equal(config.max_batch_size > 0, True, "is batched")
        equal([(i.name, i.data_type, list(i.dims)) for i in config.input], [(n, 8, [16]) for n in ("INPUT0", "INPUT1")], "inputs")
        equal([o.name for o in config.output], ["OUTPUT0", "OUTPUT1"], "outputs")
        as_json = client.get_model_config("simple", as_json=True)
        equal(as_json["config"]["input"][0]["data_type"], "TYPE_INT32", "data_type in JSON")


@step
def keepalive(address):
    """keepalive options, with pings as often as gRPC allows, and channel arguments of one's own"""
    options = triton.KeepAliveOptions(
        keepalive_time_ms=10_000, keepalive_timeout_ms=20_000, keepalive_permit_without_calls=True, http2_max_pings_without_data=0
    )
    with triton.InferenceServerClient(address, keepalive_options=options) as client:
        check_sums(client.infer("simple", pair(), outputs=BOTH, headers={"test": "1"}))
    arguments = [
        ("grpc.max_send_message_length", 1 << 20),
        ("grpc.max_receive_message_length", 1 << 20),
        ("grpc.keepalive_time_ms", 2**31 - 1),
        ("grpc.http2.max_pings_without_data", 2),
        ("grpc.dns_enable_srv_queries", 1),
    ]
    with triton.InferenceServerClient(address, channel_args=arguments) as client:
        check_sums(client.infer("simple", pair(), outputs=BOTH))


def explicit(model: str, datatype: str, field: str, rows) -> oip.ModelInferRequest:
    """A request whose two inputs are typed contents."""
    request = oip.ModelInferRequest(model_name=model)
    for name, row in zip(("INPUT0", "INPUT1"), rows):
        getattr(request.inputs.add(name=name, datatype=datatype, shape=[1, 16]).contents, field).extend(row)
    for name in ("OUTPUT0", "OUTPUT1"):
        request.outputs.add(name=name)
    return request


def refused(call, *parts: str) -> None:
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT, f"status of {error.details()!r}")
        contains(error.details(), *parts)
        return
    raise AssertionError("nothing was raised")


@step
def explicit_contents(address):
    """typed contents: INT32, INT8 and BYTES; both kinds at once and a version that is none are refused in Triton's words"""
    ones = [1] * 16
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for model, datatype, dtype in (("simple", "INT32", np.int32), ("simple_int8", "INT8", np.int8)):
            request = explicit(model, datatype, "int_contents", (COUNTING, ones))
            answer = stub.ModelInfer(request, timeout=10)
            equal([(o.name, o.datatype, list(o.shape)) for o in answer.outputs], [(o, datatype, [1, 16]) for o in ("OUTPUT0", "OUTPUT1")], model)
            sums, differences = (np.frombuffer(raw, dtype).tolist() for raw in answer.raw_output_contents)
            equal((sums, differences), ([n + 1 for n in COUNTING], [n - 1 for n in COUNTING]), model)
            request.model_version = "newest"
            refused(
                lambda r=request: stub.ModelInfer(r, timeout=10),
                "failed to get model version from specified version string 'newest'",
            )
        words = [[str(n).encode() for n in row] for row in (COUNTING, ones)]
        answer = stub.ModelInfer(explicit("simple_string", "BYTES", "bytes_contents", words), timeout=10)
        sums, differences = (deserialize_bytes_tensor(raw).tolist() for raw in answer.raw_output_contents)
        equal(sums, [str(n + 1).encode() for n in COUNTING], "sums of strings")
        equal(differences, [str(n - 1).encode() for n in COUNTING], "differences of strings")
        both = explicit("simple", "INT32", "int_contents", (COUNTING[8:], ones))
        both.raw_input_contents.append(np.array(COUNTING[:8]).tobytes())
        refused(
            lambda: stub.ModelInfer(both, timeout=10),
            "contents field must not be specified when using raw_input_contents for 'INPUT0' for model 'simple'",
        )
        wide = explicit("simple_int8", "INT8", "int_contents", ([128, *COUNTING[1:]], ones))
        refused(lambda: stub.ModelInfer(wide, timeout=10), "INPUT0")


@step
def streaming(address):
    """a stream: 40 answers in the order of their requests, an error between them, each marked as final"""
    answers = queue.Queue()
    with triton.InferenceServerClient(address) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for number in range(40):
            inputs = pair([number] * 16, [0] * 16) if number != 20 else pair()[:1]
            client.async_stream_infer("simple", inputs, request_id=str(number), enable_empty_final_response=True)
        for number in range(40):
            result, error = answers.get(timeout=30)
            if number == 20:
                equal(result, None, "a result beside an error")
                contains(error.message(), "expected 2 inputs but got 1 inputs for model 'simple'", "[request id: 20]")
                continue
            equal(error, None, f"error of {number}")
            response = result.get_response()
            equal((response.id, response.parameters["triton_final_response"].bool_param), (str(number), True), "id, final")
            equal(result.as_numpy("OUTPUT0").tolist(), [[number] * 16], f"answer to {number}")
        client.stop_stream()
        equal(answers.empty(), True, "nothing more came")


@step
def streaming_compressed(address):
    """a stream whose requests are compressed, with classes asked for; another one that is cancelled; then a third"""
    flower = [tensor("X", np.array([[5.1, 3.5, 1.4, 0.2]], dtype=np.float32))]
    top = [triton.InferRequestedOutput("probabilities", class_count=1)]
    with triton.InferenceServerClient(address) as client:
        for compression in ("gzip", "deflate", None):
            answers = queue.Queue()
            client.start_stream(lambda result, error, to=answers: to.put((result, error)), compression_algorithm=compression)
            client.async_stream_infer("iris", flower, outputs=top)
            result, error = answers.get(timeout=30)
            equal(error, None, "error")
            equal(result.as_numpy("probabilities")[0, 0].decode().split(":")[1:], ["0"], "class")
            client.stop_stream(cancel_requests=compression == "deflate")


@step
def streaming_status(address):
    """a stream with triton_grpc_error ends with the status of its first error"""
    ended = threading.Event()
    errors = []

    def on_answer(result, error):
        if error is not None:
            errors.append(error)
            ended.set()

    with triton.InferenceServerClient(address) as client:
        client.start_stream(on_answer, headers={"triton_grpc_error": "true"})
        client.async_stream_infer("no-such-model", pair())
        equal(ended.wait(30), True, "an error came")
        equal(errors[0].status(), "StatusCode.NOT_FOUND", "status")
        contains(errors[0].message(), "Request for unknown model")
        client.stop_stream()


@step
def classification(address):
    """classification: the largest classes of each row as value:index, for as many as were asked"""
    rows = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], dtype=np.float32)
    with triton.InferenceServerClient(address) as client:
        for count in (1, 2, 3, 99):
            top = [triton.InferRequestedOutput("probabilities", class_count=count)]
            classes = client.infer("iris", [tensor("X", rows)], outputs=top).as_numpy("probabilities")
            equal(classes.shape, (2, min(count, 3)), "shape")
            parsed = [[text.decode().split(":") for text in row] for row in classes]
            equal([row[0][1:] for row in parsed], [["0"], ["2"]], "best classes")
            for row in parsed:
                scores = [float(score) for score, *_ in row]
                equal(scores, sorted(scores, reverse=True), "largest first")
        answer = client.infer("simple", pair(), outputs=[triton.InferRequestedOutput("OUTPUT0", class_count=2)])
        equal(answer.as_numpy("OUTPUT0").tolist(), [[b"16:15", b"15:14"]], "integers without labels")


@step
def settings(address):
    """log and trace settings are read, the server's and a model's; changing them is refused unless the operator allows it"""
    with triton.InferenceServerClient(address) as client:
        log = client.get_log_settings(as_json=True)["settings"]
        equal({"log_info", "log_verbose_level", "log_format"} - set(log), set(), "log settings that are missing")
        for model in (None, "simple"):
            trace = client.get_trace_settings(model).settings
            equal((list(trace["trace_level"].value), list(trace["trace_rate"].value)), (["OFF"], ["1000"]), f"trace settings of {model}")
        for change in (
            lambda: client.update_log_settings({"log_verbose_level": 1}),
            lambda: client.update_trace_settings(settings={"trace_rate": "5"}),
        ):
            try:
                change()
            except triton.InferenceServerException as error:
                equal(error.status(), "StatusCode.PERMISSION_DENIED", "status")
            else:
                raise AssertionError("a client could change the server's settings")


if __name__ == "__main__":
    run_steps()
