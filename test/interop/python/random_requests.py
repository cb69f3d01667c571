"""Writes random ModelInferRequests by tritonclient's generated messages: `python random_requests.py <seed> <count> <file>`.

The file holds, for each, a line of hex (the encoded request) and a line of JSON (what google.protobuf reads in it).
"""

import base64
import json
import random
import struct
import sys

from tritonclient.grpc import service_pb2

RANGES = {
    "INT8": ("int_contents", -(2**7), 2**7 - 1),
    "INT16": ("int_contents", -(2**15), 2**15 - 1),
    "INT32": ("int_contents", -(2**31), 2**31 - 1),
    "INT64": ("int64_contents", -(2**63), 2**63 - 1),
    "UINT8": ("uint_contents", 0, 2**8 - 1),
    "UINT16": ("uint_contents", 0, 2**16 - 1),
    "UINT32": ("uint_contents", 0, 2**32 - 1),
    "UINT64": ("uint64_contents", 0, 2**64 - 1),
}
FLOATS = {"FP32": "fp32_contents", "FP64": "fp64_contents"}
RAW = [*RANGES, *FLOATS, "BOOL", "BYTES", "FP16", "BF16"]
ALPHABET = "aZ09_- éß雪\U0001f600\x00\n"


def text(rng: random.Random) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(12)))


def fill_parameters(rng: random.Random, parameters) -> None:
    for _ in range(rng.randrange(3)):
        value = parameters[text(rng)]
        kind = rng.randrange(6)
        if kind == 0:
            value.bool_param = rng.random() < 0.5
        elif kind == 1:
            value.int64_param = rng.randint(-(2**63), 2**63 - 1)
        elif kind == 2:
            value.string_param = text(rng)
        elif kind == 3:
            value.double_param = rng.choice([0.0, -0.0, 1.5, float("inf"), rng.random()])
        elif kind == 4:
            value.uint64_param = rng.randint(0, 2**64 - 1)


def fill_contents(rng: random.Random, tensor) -> None:
    tensor.datatype = rng.choice([*RANGES, *FLOATS, "BOOL", "BYTES"])
    count = rng.randrange(1, 20)
    if tensor.datatype in RANGES:
        field, low, high = RANGES[tensor.datatype]
        values = [rng.choice([low, high, 0, rng.randint(low, high)]) for _ in range(count)]
    elif tensor.datatype in FLOATS:
        field = FLOATS[tensor.datatype]
        values = [rng.choice([0.0, -0.0, float("-inf"), 2.0**-149, rng.uniform(-1e6, 1e6)]) for _ in range(count)]
    elif tensor.datatype == "BOOL":
        field, values = "bool_contents", [rng.random() < 0.5 for _ in range(count)]
    else:
        field, values = "bytes_contents", [rng.randbytes(rng.randrange(9)) for _ in range(count)]
    getattr(tensor.contents, field).extend(values)


def request(rng: random.Random):
    message = service_pb2.ModelInferRequest(model_name=text(rng), model_version=text(rng), id=text(rng))
    fill_parameters(rng, message.parameters)
    raw = rng.random() < 0.5
    for _ in range(rng.randrange(4)):
        tensor = message.inputs.add(name=text(rng), shape=[rng.randrange(2**rng.randrange(40)) for _ in range(rng.randrange(4))])
        fill_parameters(rng, tensor.parameters)
        if raw:
            tensor.datatype = rng.choice(RAW)
            message.raw_input_contents.append(rng.randbytes(rng.randrange(40)))
        else:
            fill_contents(rng, tensor)
    for _ in range(rng.randrange(3)):
        fill_parameters(rng, message.outputs.add(name=text(rng)).parameters)
    return message


def values(parameters) -> list:
    """Each as [key, kind, text of the value], sorted; what was not set is left out."""
    read = []
    for key, value in parameters.items():
        field = value.WhichOneof("parameter_choice")
        if field is not None:
            given = getattr(value, field)
            read.append([key, type(given).__name__, as_text(given)])
    return sorted(read)


def as_text(value) -> str:
    """Floats as the hex of their binary64, so that nothing is rounded."""
    if isinstance(value, float):
        return struct.pack("<d", value).hex()
    return str(int(value)) if not isinstance(value, str) else value


def elements(tensor) -> list:
    """What its contents hold, as text."""
    contents = tensor.contents
    for field, held in contents.ListFields():
        if field.name == "bytes_contents":
            return [base64.b64encode(item).decode() for item in held]
        return [as_text(item) for item in held]
    return []


def describe(message) -> dict:
    return {
        "model": message.model_name,
        "version": message.model_version,
        "id": message.id,
        "parameters": values(message.parameters),
        "outputs": [output.name for output in message.outputs],
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
                "elements": elements(tensor),
                "raw": base64.b64encode(message.raw_input_contents[i]).decode() if message.raw_input_contents else None,
            }
            for i, tensor in enumerate(message.inputs)
        ],
    }


def main() -> None:
    seed, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rng = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(count):
            encoded = request(rng).SerializeToString()
            read = service_pb2.ModelInferRequest.FromString(encoded)
            file.write(f"{encoded.hex()}\n{json.dumps(describe(read))}\n")


if __name__ == "__main__":
    main()
