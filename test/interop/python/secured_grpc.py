"""grpcio over mutual TLS, with a token: `python secured_grpc.py <host:port> <folder>`, the folder with authority.pem, client.pem,
client-key.pem and token."""

import sys
from pathlib import Path

import grpc
from harness import contains, equal, run_steps, step
from tritonclient.grpc import service_pb2 as oip
from tritonclient.grpc import service_pb2_grpc

FOLDER = Path(sys.argv[2])


def read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def credentials(with_certificate: bool = True, token: str | None = None) -> grpc.ChannelCredentials:
    own = (read("client-key.pem"), read("client.pem")) if with_certificate else (None, None)
    channel = grpc.ssl_channel_credentials(read("authority.pem"), *own)
    if token is None:
        return channel
    return grpc.composite_channel_credentials(channel, grpc.access_token_call_credentials(token))


def ask(address, chosen: grpc.ChannelCredentials):
    with grpc.secure_channel(address, chosen) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        return stub.ModelMetadata(oip.ModelMetadataRequest(name="iris"), timeout=10)


def refused(address, chosen: grpc.ChannelCredentials, code: grpc.StatusCode, *parts: str) -> None:
    try:
        ask(address, chosen)
    except grpc.RpcError as error:
        equal(error.code(), code, f"status of {error.details()!r}")
        contains(error.details(), *parts)
        return
    raise AssertionError(f"nothing was raised: wanted {code}")


@step
def all_of_it(address):
    """a certificate and a token: the call is answered"""
    equal(ask(address, credentials(token=read("token").decode().strip())).name, "iris", "name")


@step
def no_token(address):
    """no token, or a wrong one: UNAUTHENTICATED"""
    refused(address, credentials(), grpc.StatusCode.UNAUTHENTICATED, "Bearer")
    refused(address, credentials(token="wrong"), grpc.StatusCode.UNAUTHENTICATED, "Bearer")


@step
def no_certificate(address):
    """no certificate: the handshake fails"""
    refused(address, credentials(with_certificate=False, token="wrong"), grpc.StatusCode.UNAVAILABLE)


run_steps()
