"""grpcio and its health and reflection packages: what goes over the wire, without a client library in between."""

import struct

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from harness import contains, equal, run_steps, step
from tritonclient.grpc import service_pb2 as oip

INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
SERVING, SERVICE_UNKNOWN = 1, 3


def iris_request(**fields) -> oip.ModelInferRequest:
    request = oip.ModelInferRequest(model_name="iris", **fields)
    request.inputs.add(name="X", datatype="FP32", shape=[1, 4]).contents.fp32_contents.extend([5.1, 3.5, 1.4, 0.2])
    return request


def raw_infer(channel: grpc.Channel):
    """Bytes in, bytes out."""
    return channel.unary_unary(INFER, request_serializer=None, response_deserializer=None)


def refused(call, code: grpc.StatusCode, *parts: str) -> None:
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), code, f"status of {error.details()!r}")
        contains(error.details(), *parts)
        return
    raise AssertionError(f"nothing was raised: wanted {code}")


@step
def typed_contents(address):
    """typed contents in, raw contents out"""
    with grpc.insecure_channel(address) as channel:
        answer = oip.ModelInferResponse.FromString(raw_infer(channel)(iris_request().SerializeToString(), timeout=10))
        equal([output.name for output in answer.outputs], ["label", "probabilities"], "outputs")
        equal(struct.unpack("<q", answer.raw_output_contents[0]), (0,), "label")
        equal(len(answer.raw_output_contents[1]), 12, "bytes of the probabilities")
        equal(len(answer.parameters), 0, "a unary answer has no parameters")


@step
def gzip(address):
    """a request compressed with gzip or deflate"""
    for algorithm in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        with grpc.insecure_channel(address, compression=algorithm) as channel:
            answer = raw_infer(channel)(iris_request().SerializeToString(), timeout=10)
            equal(oip.ModelInferResponse.FromString(answer).model_name, "iris", str(algorithm))


@step
def gzip_stream(address):
    """a stream compressed with gzip or deflate: every request is answered, in order, and it ends OK"""
    for algorithm in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        with grpc.insecure_channel(address, compression=algorithm) as channel:
            call = channel.stream_stream(STREAM, request_serializer=None, response_deserializer=oip.ModelStreamInferResponse.FromString)
            answers = call((iris_request(id=str(number)).SerializeToString() for number in range(30)), timeout=20)
            ids = [(answer.error_message, answer.infer_response.id) for answer in answers]
            equal(ids, [("", str(number)) for number in range(30)], str(algorithm))
            equal(answers.code(), grpc.StatusCode.OK, "status")


@step
def gzip_bomb(address):
    """a compressed message that unpacks to more than is allowed ends its stream, not the server"""
    with grpc.insecure_channel(address, compression=grpc.Compression.Gzip, options=[("grpc.max_send_message_length", -1)]) as channel:
        call = channel.stream_stream(STREAM, request_serializer=None, response_deserializer=None)
        bomb = iter([bytes(200 << 20)])
        refused(lambda: list(call(bomb, timeout=60)), grpc.StatusCode.RESOURCE_EXHAUSTED)
        raw_infer(channel)(iris_request().SerializeToString(), timeout=10)


@step
def broken_messages(address):
    """B28 B29 bytes that are no ModelInferRequest are INTERNAL or INVALID_ARGUMENT, and the connection serves on"""
    whole = iris_request().SerializeToString()
    broken = {
        "cut short": whole[:-3],
        "garbage": b"\xff" * 64,
        "invalid UTF-8 in the name": b"\x0a\x02\xc3\x28" + whole,
        "wrong wire type": b"\x0d\x00\x00\x00\x00" + whole,
        "field number 0": b"\x02\x00" + whole,
    }
    with grpc.insecure_channel(address) as channel:
        infer = raw_infer(channel)
        for what, message in broken.items():
            try:
                infer(message, timeout=10)
            except grpc.RpcError as error:
                equal(error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT), True, f"{what}: {error.code()}")
                equal("node_modules" in error.details() or ".js" in error.details(), False, f"{what}: internals in the text")
                continue
            raise AssertionError(f"{what} was accepted")
        infer(whole, timeout=10)


@step
def mixed_contents(address):
    """C49 raw and typed contents in one request are INVALID_ARGUMENT, as is a wrong count of raw contents"""
    with grpc.insecure_channel(address) as channel:
        infer = raw_infer(channel)
        mixed = iris_request(raw_input_contents=[bytes(16)])
        refused(lambda: infer(mixed.SerializeToString(), timeout=10), grpc.StatusCode.INVALID_ARGUMENT)
        twice = iris_request(raw_input_contents=[bytes(16), bytes(16)])
        twice.inputs[0].ClearField("contents")
        refused(lambda: infer(twice.SerializeToString(), timeout=10), grpc.StatusCode.INVALID_ARGUMENT)


@step
def odd_shapes(address):
    """C48 negative, overflowing and hundred-dimensional shapes are INVALID_ARGUMENT"""
    with grpc.insecure_channel(address) as channel:
        infer = raw_infer(channel)
        for shape in ([-1, 4], [1, -4], [2**31, 2**31], [2**62, 4], [1] * 100, [], [2**63 - 1]):
            request = oip.ModelInferRequest(model_name="iris", raw_input_contents=[bytes(16)])
            request.inputs.add(name="X", datatype="FP32", shape=shape)
            refused(lambda r=request: infer(r.SerializeToString(), timeout=10), grpc.StatusCode.INVALID_ARGUMENT)


@step
def unknown_method(address):
    """an unknown method is UNIMPLEMENTED"""
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/NoSuchMethod")
        refused(lambda: call(b"", timeout=10), grpc.StatusCode.UNIMPLEMENTED)


@step
def error_text(address):
    """B41 %, CR, LF, NUL and emoji in an error's text"""
    with grpc.insecure_channel(address) as channel:
        request = iris_request()
        request.outputs.add(name="50%\r\n\0 Grüße 🙂")
        refused(
            lambda: raw_infer(channel)(request.SerializeToString(), timeout=10),
            grpc.StatusCode.INVALID_ARGUMENT,
            "50%",
            "Grüße 🙂",
        )


@step
def health_check(address):
    """grpc.health.v1 Check of the server, a service and a model; NOT_FOUND for an unknown name"""
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "inference.GRPCInferenceService", "sluice.model/iris"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            equal(answer.status, SERVING, f"status of {service!r}")
        refused(lambda: health.Check(health_pb2.HealthCheckRequest(service="nope"), timeout=10), grpc.StatusCode.NOT_FOUND)


@step
def health_watch(address):
    """G98 Watch answers at once: SERVING, and SERVICE_UNKNOWN for a name that is not there"""
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service, status in (("sluice.model/iris", SERVING), ("sluice.model/nope", SERVICE_UNKNOWN)):
            watch = health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=10)
            equal(next(watch).status, status, f"first status of {service!r}")
            watch.cancel()


@step
def reflection(address):
    """reflection v1alpha: every service and all the files behind it; a call made from descriptors alone"""
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        wanted = {
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "inference.GRPCInferenceService",
        }
        equal(wanted - services, set(), "services that are not listed")
        # The pool refuses a file whose imports it cannot find.
        pool = descriptor_pool.DescriptorPool(database)
        for service in services:
            equal(bool(pool.FindServiceByName(service).methods), True, f"{service} has methods")
        method = pool.FindServiceByName("inference.GRPCInferenceService").FindMethodByName("ServerMetadata")
        request, response = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
        call = channel.unary_unary(
            "/inference.GRPCInferenceService/ServerMetadata",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        equal(call(request(), timeout=10).name, "sluice", "server name")


if __name__ == "__main__":
    run_steps()
